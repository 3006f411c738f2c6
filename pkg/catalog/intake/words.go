package intake

import (
	"regexp"
	"slices"
	"strings"

	"github.com/muarahq/muara/pkg/catalog"
)

// words is what a name consists of: words and numbers in their order, in one spelling.
type words []word

type word struct {
	text   string // lower case; a number without separators ("5000", "1.5")
	number bool
}

var token = regexp.MustCompile(`\d+(?:[.,]\d{3})+(?:\D|$)|\d+(?:[.,]\d+)?|\p{L}+`)

// split reads a name. "5.000", "5,000" and "5rb" are the number 5000; "1,5" is 1.5.
func split(name string) words {
	var out words
	for rest := strings.ToLower(name); rest != ""; {
		at := token.FindStringIndex(rest)
		if at == nil {
			break
		}
		text := rest[at[0]:at[1]]
		end := at[1]
		if !digit(text[0]) {
			out = append(out, word{text: same(text)})
			rest = rest[end:]
			continue
		}
		if m := thousands.FindStringSubmatch(text); m != nil {
			end = at[0] + len(m[1])
			text = strings.NewReplacer(".", "", ",", "").Replace(m[1])
		}
		text = strings.ReplaceAll(text, ",", ".")
		rest = rest[end:]
		if m := multiple.FindStringSubmatchIndex(rest); m != nil && !strings.Contains(text, ".") {
			text += zeros(rest[m[2]:m[3]])
			rest = rest[m[3]:]
		}
		if t := strings.TrimLeft(text, "0"); t != "" && t[0] != '.' {
			text = t
		}
		out = append(out, word{text, true})
	}
	return out
}

var (
	thousands = regexp.MustCompile(`^(\d+(?:[.,]\d{3})+)(?:\D|$)`)
	multiple  = regexp.MustCompile(`^\s?(rb|ribu|k|jt|juta)(?:[^\p{L}\d]|$)`)
)

func zeros(unit string) string {
	if unit == "jt" || unit == "juta" {
		return "000000"
	}
	return "000"
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

// same is one spelling for words that are the same.
func same(w string) string {
	switch w {
	case "diamonds", "dm", "dms", "diamon":
		return "diamond"
	case "day", "days", "hr":
		return "hari"
	case "month", "months", "bln":
		return "bulan"
	case "coins", "koin":
		return "coin"
	case "tokens":
		return "token"
	case "vouchers", "vcr", "voucer":
		return "voucher"
	}
	return w
}

// without takes a brand's spellings out, where words in a row make one up.
// found tells whether there was one.
func (ws words) without(b *brand) (rest words, found bool) {
	if b == nil {
		return ws, false
	}
	for i := 0; i < len(ws); {
		n := ws.spells(i, b)
		if n == 0 {
			rest = append(rest, ws[i])
			i++
			continue
		}
		found = true
		i += n
	}
	return rest, found
}

// spells is how many words from i on make up a spelling of the brand; the longest counts.
func (ws words) spells(i int, b *brand) int {
	longest := 0
	joined := ""
	for n := 1; i+n <= len(ws) && n <= 5; n++ {
		joined += catalog.Fold(ws[i+n-1].text)
		// A bare number is a nominal, even where a brand is called by one.
		if slices.Contains(b.aliases, joined) && (n > 1 || !ws[i].number) {
			longest = n
		}
	}
	return longest
}

// telling leaves out what only repeats the group that the name stands in, or says
// that a number is money: "Pulsa Tri Rp5.000" among Pulsa is "Tri 5.000".
func (ws words) telling(group string) words {
	var out words
	for _, w := range ws {
		switch {
		case w.number:
		case w.text == "rp", w.text == "idr":
			continue
		case group == "Pulsa" && (w.text == "pulsa" || w.text == "reguler" || w.text == "regular"),
			group == "Token Listrik" && w.text == "token",
			group == "E-Money" && (w.text == "topup" || w.text == "top" || w.text == "up" || w.text == "saldo"),
			group == "Voucher" && w.text == "voucher":
			continue
		}
		out = append(out, w)
	}
	return out
}

// first is the first number, which is the nominal; empty for none.
func (ws words) first() string {
	for _, w := range ws {
		if w.number {
			return w.text
		}
	}
	return ""
}

// key is the words in any order, as text.
func (ws words) key() string {
	texts := make([]string, len(ws))
	for i, w := range ws {
		texts[i] = w.text
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}
