// Package mask hides the middle of what belongs to a merchant's customer: enough stays for a person to recognise a number
// that they know, too little to learn one that they do not. Nothing of it can be turned back.
//
// At most half of a value's characters stay, fewer of a short one, and none where so little is hidden that it could be tried out.
package mask

import (
	"strings"
	"unicode"
)

const (
	star = "*"
	// no more than this stays of one value, however long it is
	most = 8
	// shorter ones are hidden whole: what is left to guess would be tried out in an hour
	least = 5
)

// Number masks a phone number, a customer's id, an account, an e-mail address or the target of a social media order:
// 081234567890 is 081******890. Of a link the host stays and each part of its path is masked, of an e-mail address the
// domain stays; queries and fragments go. Masking what is masked already shows no more of it.
func Number(value string) string {
	value = strings.TrimSpace(value)
	if scheme, rest, ok := strings.Cut(value, "://"); ok {
		return scheme + "://" + link(rest)
	}
	if host, _, ok := strings.Cut(value, "/"); ok && isHost(host) {
		return link(value)
	}
	if at := strings.LastIndexByte(value, '@'); at > 0 && isHost(value[at+1:]) {
		return middle(value[:at]) + value[at:]
	}
	if rest, ok := strings.CutPrefix(value, "@"); ok {
		return "@" + middle(rest)
	}
	return middle(value)
}

// Name masks the name of a person or of a shop: of each word its first letter stays, and nothing of a word of one letter.
func Name(name string) string {
	words := strings.Fields(name)
	for i, word := range words {
		runes := []rune(word)
		if len(runes) == 1 {
			words[i] = star
			continue
		}
		words[i] = string(runes[0]) + strings.Repeat(star, len(runes)-1)
	}
	return strings.Join(words, " ")
}

// link masks what follows a scheme: user and password and port go, the host stays.
func link(rest string) string {
	if end := strings.IndexAny(rest, "?#"); end >= 0 {
		rest = rest[:end]
	}
	parts := strings.Split(rest, "/")
	host := parts[0]
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	if port := strings.LastIndexByte(host, ':'); port >= 0 {
		host = host[:port]
	}
	if !isHost(host) {
		host = middle(host)
	}
	parts[0] = host
	for i, part := range parts[1:] {
		if handle, ok := strings.CutPrefix(part, "@"); ok {
			parts[i+1] = "@" + middle(handle)
			continue
		}
		parts[i+1] = middle(part)
	}
	return strings.Join(parts, "/")
}

// isHost tells a name of the internet by its dot and its letters; 1234.5678 is a meter's number.
func isHost(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	if dot <= 0 || len(s)-dot < 3 {
		return false
	}
	for i, r := range s {
		letter := r == '-' && i < dot || r == '.' || unicode.IsLetter(r) || i < dot && unicode.IsDigit(r)
		if !letter {
			return false
		}
	}
	return true
}

// middle keeps the same number of characters at both ends.
func middle(s string) string {
	runes := []rune(s)
	n := len(runes)
	if n < least {
		return strings.Repeat(star, n)
	}
	end := min(n/2, most) / 2
	return string(runes[:end]) + strings.Repeat(star, n-2*end) + string(runes[n-end:])
}
