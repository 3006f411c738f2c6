package wire

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// ofInquiry and ofPayment find the words with which a message begins: "INQ PLN.54… SUKSES",
// "BAYAR PLN.54… SUKSES".
var (
	ofInquiry = regexp.MustCompile(`(?i)^\W*(?:inq|inquiry|inkuiri|cek[\s_-]*tagihan)\b`)
	ofPayment = regexp.MustCompile(`(?i)^\W*(?:bayar|byr|pembayaran|payment|pay|paid|lunas)\b`)
)

// OfInquiry is whether a message says that it is about an inquiry. An inquiry and its
// payment share a ref_1, and a question by ref_1 may be answered with either.
func OfInquiry(msg lenient.Text) bool { return ofInquiry.MatchString(string(msg)) }

// OfPayment is whether a message says that it is about a payment: by its word, or by
// a serial number, which only what was paid has.
func OfPayment(msg lenient.Text) bool {
	return !OfInquiry(msg) && (ofPayment.MatchString(string(msg)) || SN(string(msg)) != "")
}

// Facts are the plain members of a bill's free-form detail, by name in lower case.
// Lists and objects in it, and a detail of another form, are left out.
func (t *Transaction) Facts() map[string]string {
	var members map[string]json.RawMessage
	if lenient.Decode(t.Detail, &members) != nil {
		return nil
	}
	facts := make(map[string]string, len(members))
	for name, raw := range members {
		var v lenient.Text
		if v.UnmarshalJSON(raw) != nil {
			continue
		}
		if text := strings.TrimSpace(string(v)); text != "" {
			facts[strings.ToLower(name)] = text
		}
	}
	return facts
}

// SameCustomer is whether two customer numbers can be the same one, written with or
// without leading zeros, a country's prefix or marks. An empty one says nothing.
func SameCustomer(a, b string) bool {
	a, b = bare(a), bare(b)
	return a == "" || b == "" || a == b || len(a) > shortest && strings.HasSuffix(b, a) || len(b) > shortest && strings.HasSuffix(a, b)
}

// shortest is how many digits a customer number has at least to be known by its end.
const shortest = 5

// bare is a customer number without marks and leading zeros.
func bare(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '.', '+', '/', ',':
			return -1
		}
		return r
	}, s)
	return strings.TrimLeft(s, "0")
}
