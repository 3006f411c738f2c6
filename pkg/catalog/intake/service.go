package intake

import (
	"strings"

	"github.com/muarahq/muara/pkg/catalog"
)

// knownServices are codes that merchants expect, by folded name.
func knownServices() map[string]string {
	return map[string]string{
		"telegram": "tg", "whatsapp": "wa", "instagram": "ig", "facebook": "fb", "google": "go", "googleyoutubegmail": "go", "gmail": "gm",
		"twitter": "tw", "tiktok": "tk", "discord": "ds", "shopee": "sh", "tokopedia": "tp", "gojek": "gj", "grab": "gr", "line": "ln",
		"linemessenger": "ln", "kakaotalk": "kt", "naver": "nv", "tinder": "td", "wechat": "wc", "viber": "vi", "signal": "sg", "amazon": "am",
		"microsoft": "ms", "netflix": "nf", "yahoo": "yh", "uber": "ub", "steam": "st", "paypal": "pp", "linkedin": "li", "snapchat": "sc",
		"dana": "dn", "ovo": "ov", "lazada": "lz", "bukalapak": "bl", "openai": "oa", "openaichatgpt": "oa", "apple": "ap",
	}
}

// serviceCode gives a new service its code: two letters that the name suggests,
// else any two, else three or more. taken tells which are gone.
func serviceCode(known map[string]string, name string, taken func(code string) bool) string {
	if code := known[catalog.Fold(name)]; code != "" && !taken(code) {
		return code
	}
	for _, code := range suggestions(name) {
		if !taken(code) {
			return code
		}
	}
	for length := 2; ; length++ {
		code := strings.Repeat("a", length)
		for ok := true; ok; code, ok = following(code) {
			if !taken(code) {
				return code
			}
		}
	}
}

// suggestions are pairs of letters of a name, the likeliest first: the initials of its words, its
// first letter with each later one.
func suggestions(name string) []string {
	var all []string
	var initials, rest []byte
	start := true
	previous := byte(0)
	for i := range len(name) {
		ch := name[i]
		lower := ch | 0x20
		if lower < 'a' || lower > 'z' {
			start = true
			previous = ch
			continue
		}
		camel := ch == lower-0x20 && previous >= 'a' && previous <= 'z'
		if start || camel {
			initials = append(initials, lower)
		}
		rest = append(rest, lower)
		start = false
		previous = ch
	}
	if len(initials) > 1 {
		all = append(all, string(initials[:2]))
	}
	for _, consonants := range []bool{true, false} {
		for i := 1; i < len(rest); i++ {
			if consonants != strings.ContainsRune("aeiou", rune(rest[i])) {
				all = append(all, string([]byte{rest[0], rest[i]}))
			}
		}
	}
	if len(rest) > 0 {
		for ch := byte('a'); ch <= 'z'; ch++ {
			all = append(all, string([]byte{rest[0], ch}))
		}
	}
	return all
}

// following is the next code of the same length in the order of the alphabet.
func following(code string) (string, bool) {
	b := []byte(code)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 'z' {
			b[i]++
			return string(b), true
		}
		b[i] = 'a'
	}
	return "", false
}
