package mask_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/muarahq/muara/pkg/mask"
)

func TestANumberKeepsItsEnds(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"081234567890":                  "081******890",
		"+6281234567890":                "+62********890",
		" 081234567890 ":                "081******890",
		"14234567890":                   "14*******90",
		"12345678(1234)":                "123********34)",
		"1234567":                       "1*****7",
		"12345":                         "1***5",
		"1234":                          "****",
		"12":                            "**",
		"":                              "",
		"0000 1111 2222 3333 4444 5555": "0000*********************5555",
		"1234.567890":                   "12*******90",
		"https://www.instagram.com/budi.santoso/":                   "https://www.instagram.com/bud******oso/",
		"https://instagram.com/p/CxYz1234567?igsh=abc":              "https://instagram.com/*/Cx*******67",
		"https://tiktok.com/@budisantoso/video/7123456789012345678": "https://tiktok.com/@bu*******so/v***o/7123***********5678",
		"instagram.com/budisantoso":                                 "instagram.com/bu*******so",
		"https://budi:rahasia@example.com:8443/x#budi":              "https://example.com/*",
		"https://08123456789":                                       "https://08*******89",
		"@budisantoso":                                              "@bu*******so",
		"budi.santoso@example.com":                                  "bud******oso@example.com",
		"b@example.com":                                             "*@example.com",
		"Ólafur Ragnarsson":                                         "Ólaf*********sson",
	} {
		if got := mask.Number(value); got != want {
			t.Errorf("Number(%q) = %q, want %q", value, got, want)
		}
	}
}

func TestANameKeepsItsInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"BUDI SANTOSO": "B*** S******", "Sri": "S**", "A": "*", "": "", "  M.  Yusuf ": "M* Y****", "Ólafur": "Ó*****",
	} {
		if got := mask.Name(name); got != want {
			t.Errorf("Name(%q) = %q, want %q", name, got, want)
		}
	}
}

// FuzzNumber: whatever the value, no more than half of what could be a person's stays, and masking it again shows no more.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"081234567890", "https://instagram.com/budi?x=1", "@budi", "budi@example.com", "a://b://c", "x.co/081234567890", "1\xff2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !utf8.ValidString(value) {
			return
		}
		got := mask.Number(value)
		if shown(mask.Number(got)) > shown(got) {
			t.Errorf("Number(%q) = %q, which masked again is %q", value, got, mask.Number(got))
		}
		if strings.ContainsAny(value, ".:/@*") {
			return
		}
		if all := utf8.RuneCountInString(strings.TrimSpace(value)); shown(got) > all/2 {
			t.Errorf("Number(%q) = %q shows %d of %d characters", value, got, shown(got), all)
		}
	})
}

func shown(s string) int { return utf8.RuneCountInString(strings.ReplaceAll(s, "*", "")) }
