package intake

import (
	"strconv"
	"strings"

	"github.com/muarahq/muara/pkg/catalog"
)

const (
	// maxStem is how long a SKU gets before any suffix.
	maxStem = 20
	// home is the country of what does not name one.
	home = "ID"
	// testPrefix starts every SKU of the test mode.
	testPrefix = "TEST"
)

// ppobStem is the SKU of a ppob product before any suffix: brand, country, up to two
// telling words, up to two numbers. rest is its name without the brand.
func ppobStem(b *brand, iso, kind string, rest words) string {
	short := "PRD"
	if b != nil {
		short = b.Short
	}
	if iso == "" {
		iso = home
	}
	var text, numbers strings.Builder
	telling, counted := 0, 0
	limit := 2
	if rest.first() == "" {
		limit = 3
	}
	for i, w := range rest {
		switch {
		case w.number && counted < 2:
			counted++
			numbers.WriteString(brief(w.text) + unit(rest, i))
		case !w.number && telling < limit && !filler(w.text):
			if s := letters(w.text, 4); s != "" {
				telling++
				text.WriteString(s)
			}
		}
	}
	if kind == catalog.Postpaid {
		text.WriteString("PASCA")
	}
	stem := short + iso
	room := maxStem - len(stem) - numbers.Len()
	return cut(stem+cut(text.String(), max(room, 0))+numbers.String(), maxStem)
}

// filler tells which words say nothing that the brand or the number does not.
func filler(w string) bool {
	switch w {
	case "pulsa", "prabayar", "pascabayar", "reguler", "regular", "voucher", "token", "diamond", "uc", "cp", "coin", "robux", "vp", "points", "point",
		"topup", "top", "up", "saldo", "game", "indonesia", "id", "paket", "kuota", "gb", "mb", "hari", "bulan", "rp", "idr", "dan", "untuk":
		return true
	}
	return false
}

// brief writes a number short: 5000 is 5K, 1000000 is 1M, 1.5 is 1P5.
func brief(number string) string {
	for _, step := range []struct{ zeros, letter string }{{"000000", "M"}, {"000", "K"}} {
		if head, ok := strings.CutSuffix(number, step.zeros); ok && strings.Trim(head, "0") != "" && !strings.Contains(head, ".") {
			return head + step.letter
		}
	}
	return strings.ReplaceAll(number, ".", "P")
}

// unit is the letters of the unit that follows a number, where it tells.
func unit(ws words, i int) string {
	if i+1 >= len(ws) {
		return ""
	}
	switch ws[i+1].text {
	case "gb":
		return "GB"
	case "mb":
		return "MB"
	case "hari":
		return "H"
	case "bulan":
		return "B"
	}
	return ""
}

// otpStem is the SKU of an otp product before any suffix.
func otpStem(service, iso string, server int) string {
	stem := "OTP" + strings.ToUpper(service) + iso
	if server > 1 {
		stem += strconv.Itoa(server)
	}
	return stem
}

// variant is the nth SKU that is tried for a stem, from 1.
func variant(mode, stem string, n int) string {
	if mode == catalog.Test {
		stem = testPrefix + stem
	}
	if n == 1 {
		return stem
	}
	return stem + "V" + strconv.Itoa(n)
}

// letters is the start of a word in letters and digits that may be in a SKU.
func letters(w string, n int) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(w) {
		if plain(r) {
			b.WriteRune(r)
		}
	}
	return cut(b.String(), n)
}

func cut(s string, n int) string { return s[:min(len(s), n)] }
