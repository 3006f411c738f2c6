package intake

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/muarahq/muara/pkg/catalog"
)

const (
	maxName        = 120
	maxDescription = 1000
)

// cleaner takes out of texts what would tell a merchant who is upstream.
type cleaner struct {
	words   []string // folded
	pattern *regexp.Regexp
}

// newCleaner forbids words: names of upstreams, of companies, hosts. Case and what stands
// between the letters do not matter. Words of fewer than three letters are too
// common to be forbidden and are left out.
func newCleaner(words []string) *cleaner {
	c := &cleaner{}
	var parts []string
	for _, w := range words {
		folded := catalog.Fold(w)
		if utf8.RuneCountInString(folded) < 3 || slices.Contains(c.words, folded) {
			continue
		}
		c.words = append(c.words, folded)
		letters := make([]string, 0, len(folded))
		for _, r := range folded {
			letters = append(letters, regexp.QuoteMeta(string(r)))
		}
		parts = append(parts, strings.Join(letters, `[\s._-]*`))
	}
	if len(parts) > 0 {
		c.pattern = regexp.MustCompile(`(?i)(?:www\.)?(?:` + strings.Join(parts, "|") + `)(?:\.[a-z]{2,})*`)
	}
	return c
}

// forbidden tells whether a text holds a forbidden word in any spelling.
func (c *cleaner) forbidden(s string) bool {
	folded := catalog.Fold(s)
	for _, w := range c.words {
		if strings.Contains(folded, w) {
			return true
		}
	}
	return false
}

var (
	address = regexp.MustCompile(`(?i)https?://\S+|\bwww\.\S+|\b(?:t|wa)\.me/\S+|\S+@\S+\.\S+|\b[a-z0-9-]+\.(?:com|net|org|id|co|io|me|app|xyz|my|site|store|shop)\b\S*`)
	hollow  = regexp.MustCompile(`[(\[{]\s*[)\]}]`)
	doubt   = regexp.MustCompile(`(?i)[<>@]|\b(?:whats?app|telegram|tele|wa|cs|admin|hubungi|contact)\b\s*[:.]?\s*\+?\d|\+?\d[\d\s-]{8,}\d`)
)

// name is a text for a title: one line without forbidden words and addresses; empty
// when nothing is left or a forbidden word remains in some other spelling.
func (c *cleaner) name(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	s = address.ReplaceAllString(s, " ")
	if c.pattern != nil {
		s = c.pattern.ReplaceAllString(s, " ")
	}
	s = hollow.ReplaceAllString(s, " ")
	s = strings.Trim(strings.Join(strings.Fields(s), " "), " -|/,:;")
	if c.forbidden(s) {
		return ""
	}
	return clip(s, maxName)
}

// description is the text as it is, or empty when it is in doubt.
func (c *cleaner) description(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r", ""))
	if s == "" || !utf8.ValidString(s) || c.forbidden(s) || address.MatchString(s) || doubt.MatchString(s) {
		return ""
	}
	return clip(s, maxDescription)
}

func clip(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return strings.TrimSpace(string(r[:limit]))
}

// title writes a name that is all in one case with capitals at the beginning of words.
func title(s string) string {
	if s != strings.ToUpper(s) && s != strings.ToLower(s) {
		return s
	}
	words := strings.Fields(s)
	for i, w := range words {
		if isAcronym(w) {
			words[i] = strings.ToUpper(w)
			continue
		}
		r, size := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToUpper(r)) + strings.ToLower(w[size:])
	}
	return strings.Join(words, " ")
}

// isAcronym tells which words stay in capitals.
func isAcronym(w string) bool {
	switch strings.ToUpper(strings.Trim(w, "().,")) {
	case "PLN", "XL", "OVO", "DANA", "BPJS", "PDAM", "PUBG", "SMS", "GB", "MB", "KB", "UC", "CP", "VIP", "ID", "TV", "IM3", "AOV", "HP", "FF", "ML", "PBB", "TSEL", "ISAT":
		return true
	}
	return false
}
