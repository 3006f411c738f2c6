package wire

import (
	"regexp"
	"strings"
)

// snMark finds the word before a serial number: "SN:", "SN =", "S/N:".
var snMark = regexp.MustCompile(`(?i)(?:^|[^\pL\pN])s/?n\s*[:=]\s*`)

// snStop finds words that only ever follow a serial number.
var snStop = regexp.MustCompile(`(?i)[\s.,;|]+(?:saldo|sisa|harga|hrg|tgl|tanggal|jam|waktu|trx|trxid|reff?|refid|terima|terimakasih|thx|info|hub|cs)\b|\s+@`)

// snEnd finds marks that close a serial number.
var snEnd = regexp.MustCompile(`[\r\n]|[,;|](?:\s|$)`)

// sentence is a full stop that ends a sentence, not one inside a number.
var sentence = regexp.MustCompile(`\.(?:\s|$)`)

// SN takes the serial number out of a message such as
// "TRX IS5.081234567890 SUKSES, SN:ABC123. Saldo 994.500". It is empty when the
// message has none, or "-". Tokens keep what belongs to them, blanks included
// ("2514-1798-8056-2280-2824/BUDI SANTOSO/R1M/900VA/33.7").
//
// A serial number is a receipt; its presence never decides an outcome.
func SN(msg string) string {
	at := snMark.FindStringIndex(msg)
	if at == nil {
		return ""
	}
	s := msg[at[1]:]
	for _, end := range []*regexp.Regexp{snStop, snEnd} {
		if cut := end.FindStringIndex(s); cut != nil {
			s = s[:cut[0]]
		}
	}
	for _, cut := range sentence.FindAllStringIndex(s, -1) {
		// A stop before a later part of the token is an initial ("/M. YUSUF/R1").
		if !strings.Contains(s[cut[0]:], "/") {
			s = s[:cut[0]]
			break
		}
	}
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "/") {
		s = firstWord(s)
	}
	if strings.Trim(s, "-") == "" {
		return ""
	}
	return s
}

// firstWord is the first word of s, and the groups of digits that continue it
// when it is one itself ("1234 5678 9012 3456 7890").
func firstWord(s string) string {
	words := strings.Fields(s)
	if len(words) == 0 {
		return ""
	}
	n := 1
	for n < len(words) && digits(words[n-1]) && digits(words[n]) {
		n++
	}
	return strings.Join(words[:n], " ")
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
