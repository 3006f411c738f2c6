package lenient

import "strings"

// Customer brings a customer's number into the form that Indonesian providers
// expect. A phone number in international form of Indonesia becomes a national one
// ("+62 812-3456" is "08123456"); every other number is left as it is, but for blanks
// around it, since meters and accounts may begin with any digit.
func Customer(s string) string {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "+62") {
		return s
	}
	national := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s[len("+62"):])
	return "0" + strings.TrimLeft(national, "0")
}
