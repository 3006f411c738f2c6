package upstream

import (
	"regexp"
	"strings"
)

// underWay finds "sedang" (just now being …) where it does not stand before a
// word for being out of order: "sedang gangguan" is a refusal, "sedang dikirim" is not.
var underWay = regexp.MustCompile(`\bsedang\b(\s+\pL+)?`)

// Doubtful is whether a provider's text of refusal leaves open that the purchase
// is under way or may still come about: it timed out, it is pending, ask again. Such
// a refusal proves nothing.
func Doubtful(text string) bool {
	text = strings.ToLower(text)
	for _, words := range []string{
		"timeout", "time out", "time-out", "timed out", "suspect", "pending", "proses", "processing", "in process", "in progress",
		"coba lagi", "coba kembali", "try again", "menunggu", "waiting",
	} {
		if strings.Contains(text, words) {
			return true
		}
	}
	for _, m := range underWay.FindAllStringSubmatch(text, -1) {
		switch strings.TrimSpace(m[1]) {
		case "gangguan", "maintenance", "pemeliharaan", "perbaikan", "kosong", "habis", "tutup", "ditutup", "offline", "nonaktif", "cutoff":
		default:
			return true
		}
	}
	return false
}
