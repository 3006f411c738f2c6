package catalog

import (
	"strings"
	"unicode"
)

// Fold is text as it is compared: lower case, without what is neither letter nor
// digit, so that "Free Fire", "FREE-FIRE" and "freefire" are one brand.
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// Slug is a name as a key: lower case, words joined by hyphens.
func Slug(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(unicode.ToLower(r))
			continue
		}
		gap = true
	}
	return b.String()
}
