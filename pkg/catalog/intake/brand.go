package intake

import (
	"strings"

	"github.com/muarahq/muara/pkg/catalog"
)

// brand is a brand as we write it: Name for merchants, Short in SKUs.
type brand struct {
	Name  string
	Short string
	// aliases are its spellings, folded. The name's own is one of them.
	aliases []string
}

// brands are those that sources spell in several ways, or whose short name people
// know. All others are made by rule.
type brands map[string]*brand // by alias

func newBrands() brands {
	table := []struct{ name, short, aliases string }{
		{"MOBILE LEGENDS", "ML", "mobilelegend mobilelegendsbangbang mlbb"},
		{"FREE FIRE", "FF", "freefiremax garenafreefire"},
		{"PUBG MOBILE", "PUBG", "pubg pubgm"},
		{"CALL OF DUTY MOBILE", "CODM", "callofduty codmobile"},
		{"GENSHIN IMPACT", "GI", "genshin"},
		{"HONKAI STAR RAIL", "HSR", ""},
		{"HONOR OF KINGS", "HOK", ""},
		{"ARENA OF VALOR", "AOV", ""},
		{"POINT BLANK", "PB", ""},
		{"VALORANT", "VAL", ""},
		{"ROBLOX", "RBX", ""},
		{"GOOGLE PLAY", "GP", "googleplayindonesia"},
		{"STEAM WALLET", "STM", "steam steamwalletcode"},
		{"TELKOMSEL", "TSEL", "simpati"},
		{"INDOSAT", "ISAT", "indosatooredoo"},
		{"IM3", "IM3", ""},
		{"XL", "XL", "xlaxiata"},
		{"AXIS", "AXIS", ""},
		{"TRI", "TRI", "three 3 3three"},
		{"SMARTFREN", "SF", "smart"},
		{"BY.U", "BYU", ""},
		{"PLN", "PLN", "tokenpln plntoken tokenlistrik plnprabayar"},
		{"GO PAY", "GPY", "gojek"},
		{"SHOPEE PAY", "SPAY", "shopee"},
		{"LINKAJA", "LA", ""},
		{"GRAB", "GRAB", "grabdriver"},
		{"BPJS KESEHATAN", "BPJS", "bpjs"},
	}
	all := brands{}
	for _, row := range table {
		b := &brand{Name: row.name, Short: row.short}
		b.aliases = append(strings.Fields(row.aliases), catalog.Fold(row.name))
		for _, alias := range b.aliases {
			all[alias] = b
		}
	}
	return all
}

// of finds or makes the brand of a cleaned name; nil for none.
func (all brands) of(name string) *brand {
	folded := catalog.Fold(name)
	if folded == "" {
		return nil
	}
	if b := all[folded]; b != nil {
		return b
	}
	return &brand{Name: strings.ToUpper(name), Short: shorten(name), aliases: []string{folded}}
}

// shorten makes two to four capitals of a name: the initials of several words, or
// the first letter and the next consonants of one.
func shorten(name string) string {
	words := strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool { return !plain(r) })
	var b strings.Builder
	switch {
	case len(words) == 0:
		return "PRD"
	case len(words) > 1:
		for _, w := range words[:min(len(words), 4)] {
			b.WriteByte(w[0])
		}
		return b.String()
	}
	word := words[0]
	if len(word) <= 4 {
		return word
	}
	b.WriteByte(word[0])
	for i := 1; i < len(word) && b.Len() < 4; i++ {
		if !strings.ContainsRune("AEIOU", rune(word[i])) {
			b.WriteByte(word[i])
		}
	}
	if b.Len() < 3 {
		return word[:4]
	}
	return b.String()
}

// plain tells whether r may be in a SKU.
func plain(r rune) bool { return r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' }

// group is the category inside ppob as we name it.
func group(name string) string {
	switch catalog.Fold(name) {
	case "":
		return "Lainnya"
	case "pulsa", "pulsareguler", "pulsaprabayar":
		return "Pulsa"
	case "game", "games", "voucergame", "vouchergame", "topupgame", "topupgames":
		return "Games"
	case "data", "paketdata", "paketinternet", "kuota":
		return "Paket Data"
	case "emoney", "ewallet", "saldoemoney", "dompetdigital":
		return "E-Money"
	case "pln", "tokenpln", "listrik", "tokenlistrik":
		return "Token Listrik"
	case "sms", "smstelpon", "smstelepon", "paketsmstelpon", "paketsmstelepon":
		return "Paket SMS & Telpon"
	}
	return title(name)
}
