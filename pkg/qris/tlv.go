package qris

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The tags that this package knows.
const (
	TagVersion    = "00"
	TagInitiation = "01" // 11 static, 12 dynamic
	TagMCC        = "52"
	TagCurrency   = "53"
	TagAmount     = "54"
	TagTip        = "55" // 56 and 57 are its fixed sum and its percentage
	TagCountry    = "58"
	TagName       = "59"
	TagCity       = "60"
	TagSum        = "63"

	tagNational = "51" // ID.CO.QRIS.WWW
	subNMID     = "02"
)

const (
	// maxText bounds a code: EMVCo allows 512 characters.
	maxText = 2048
	// maxValue is the longest value that two digits can give the length of.
	maxValue = 99
)

// ErrMalformed: the text is not made of tags, lengths and values.
var ErrMalformed = errors.New("qris: not a QRIS code")

// Field is one data object: a tag of two digits and its value.
type Field struct {
	Tag   string
	Value string
}

// Payload is a code taken apart, in its own order, the sum included where the
// text had one.
type Payload []Field

// Parse takes a code apart. Lengths count bytes, or characters where only that
// adds up. It looks at no value and compares no sum.
func Parse(text string) (Payload, error) {
	if text == "" || len(text) > maxText || !utf8.ValidString(text) {
		return nil, ErrMalformed
	}
	p, err := split(text, func(s string, n int) int { return n })
	if err != nil && utf8.RuneCountInString(text) != len(text) {
		p, err = split(text, runes)
	}
	return p, err
}

// runes gives how many bytes the first n characters take; more than there are
// when there are fewer.
func runes(s string, n int) int {
	at := 0
	for range n {
		if at >= len(s) {
			return len(s) + 1
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}

func split(text string, size func(string, int) int) (Payload, error) {
	var p Payload
	for at := 0; at < len(text); {
		rest := text[at:]
		if len(rest) < 4 || !digits(rest[:4]) {
			return nil, fmt.Errorf("%w: no tag and length at byte %d", ErrMalformed, at)
		}
		n := size(rest[4:], int(rest[2]-'0')*10+int(rest[3]-'0'))
		if n > len(rest)-4 || !utf8.ValidString(rest[4:4+n]) {
			return nil, fmt.Errorf("%w: the value of tag %s is cut off", ErrMalformed, rest[:2])
		}
		p = append(p, Field{Tag: rest[:2], Value: rest[4 : 4+n]})
		at += 4 + n
	}
	return p, nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Get gives the value of the first field with a tag.
func (p Payload) Get(tag string) (string, bool) {
	for _, f := range p {
		if f.Tag == tag {
			return f.Value, true
		}
	}
	return "", false
}

// Text puts the code together, with its own sum at the end. It fails for a field
// that two digits cannot give the length of, and for a tag that is not two digits.
func (p Payload) Text() (string, error) {
	var b strings.Builder
	for _, f := range p {
		if f.Tag == TagSum {
			continue
		}
		if len(f.Tag) != 2 || !digits(f.Tag) || len(f.Value) > maxValue {
			return "", fmt.Errorf("qris: tag %q with %d bytes cannot be written", f.Tag, len(f.Value))
		}
		fmt.Fprintf(&b, "%s%02d%s", f.Tag, len(f.Value), f.Value)
	}
	b.WriteString(TagSum + "04")
	return b.String() + Sum(b.String()), nil
}

// without gives a copy that lacks the tags.
func (p Payload) without(tags ...string) Payload {
	return slices.DeleteFunc(slices.Clone(p), func(f Field) bool { return slices.Contains(tags, f.Tag) })
}

// with gives a copy in which a tag that is not there yet stands in the order of tags.
func (p Payload) with(f Field) Payload {
	at := slices.IndexFunc(p, func(have Field) bool { return have.Tag > f.Tag })
	if at < 0 {
		at = len(p)
	}
	return slices.Insert(slices.Clone(p), at, f)
}

// Sum is the sum of a text as it ends a code: CRC-16/CCITT-FALSE, four
// upper-case hexadecimal digits.
func Sum(text string) string {
	crc := uint16(0xFFFF)
	for i := range len(text) {
		crc ^= uint16(text[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return fmt.Sprintf("%04X", crc)
}

// summed tells whether a text ends with its own sum; upper and lower case are
// the same number.
func summed(text string) bool {
	const tail = 4 // hexadecimal digits
	if len(text) < tail+4 || !strings.HasSuffix(text[:len(text)-tail], TagSum+"04") {
		return false
	}
	return strings.EqualFold(text[len(text)-tail:], Sum(text[:len(text)-tail]))
}
