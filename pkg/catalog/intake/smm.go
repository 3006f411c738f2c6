package intake

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/smm"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// maxAverage bounds what is told of how long a service takes.
	maxAverage = 60
	// toldCode is how long a source's code must be for a name to tell it: a shorter
	// one is an ordinary number.
	toldCode = 3
)

// service is what a social media service has besides.
type service struct {
	smm.Service
	refill, cancel bool
	average        string
}

// smm converts a social media service. Its type decides its fields, whatever the
// source says of them; one whose orders are not possible is left out.
func (cv *converter) smm(it *item, o *upstream.Offer) bool {
	s := service{Service: smm.Service{Kind: smm.Parse(o.Kind), Min: max(o.Min, 1), Max: min(o.Max, smm.MaxQuantity), Dripfeed: o.Dripfeed}}
	if s.Kind.Single() {
		s.Min, s.Max = 1, 1
	}
	// A bracket whose inside was taken out with its other half says nothing.
	name := strings.TrimLeft(strings.TrimRight(cv.clean.name(withoutCode(undecorated(o.Name), o.Code)), " ([{-|/"), " )]}-|/")
	if !s.Kind.Known() || name == "" || s.Min > s.Max {
		return false
	}
	group := cv.clean.name(undecorated(o.Group))
	p := platformOf(o.Platform, group, name)
	th, known := thingOf(name, group)
	if !known {
		th = thing{Name: "Lainnya", Short: "X"}
	}
	it.brand, it.group, it.name = p.Name, th.Name, title(name)
	if p.Name != otherPlatform().Name && platformOf(name).Name != p.Name {
		it.name = clip(p.Name+" "+it.name, maxName)
	}
	s.refill, s.cancel, s.average = o.Refill, o.Cancel, cv.average(o.AverageTime)
	it.smm = &s
	it.description = cv.description(o.Description, o.Code)
	it.inputs = []catalog.Input{}
	for _, f := range s.Fields() {
		it.inputs = append(it.inputs, catalog.Input{Name: f.Name, Label: f.Label, Required: f.Required, Example: f.Example})
	}
	it.stem, it.numbered = p.Short+th.Short, true
	if o.Stem != "" {
		it.stem, it.numbered = letters(o.Stem, maxStem), false
	}
	if cv.clean.forbidden(it.stem) {
		it.stem, it.numbered = otherPlatform().Short+"X", true
	}
	it.identity = sum("smm", string(s.Kind), p.Short, th.Short)
	return true
}

// average is how long a service takes, as far as the source's words are about time.
func (cv *converter) average(s string) string {
	s = cv.clean.name(undecorated(s))
	if !strings.ContainsAny(s, "0123456789") || len(s) > maxAverage {
		return ""
	}
	if n, err := strconv.Atoi(s); err == nil { // panels that give a number mean minutes
		return strconv.Itoa(n) + " minutes"
	}
	return s
}

var (
	lineEnd = regexp.MustCompile(`(?i)<\s*(?:br|/p|/div|/li|/tr|/h[1-6])[^<>]*>`)
	markup  = regexp.MustCompile(`<[^<>]*>`)
)

// description is a source's text with its markup taken out, and without the lines
// that may tell who it is.
func (cv *converter) description(s, code string) string {
	s = lineEnd.ReplaceAllString(strings.ReplaceAll(s, "\r", ""), "\n")
	s = html.UnescapeString(markup.ReplaceAllString(s, ""))
	var kept []string
	for line := range strings.Lines(s) {
		line = withoutCode(undecorated(line), code)
		if line != "" && cv.clean.description(line) != "" {
			kept = append(kept, line)
		}
	}
	return clip(strings.Join(kept, "\n"), maxDescription)
}

// undecorated is one line in plain letters: what sources write in letters of other
// alphabets for looks is brought back, and signs and pictures are left out.
func undecorated(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.So, r), unicode.Is(unicode.Sk, r), unicode.Is(unicode.Co, r):
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Mn, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, norm.NFKC.String(strings.ToValidUTF8(s, "")))
	return strings.Join(strings.Fields(s), " ")
}

// withoutCode takes a source's own code out of a text, where it stands as a word.
func withoutCode(s, code string) string {
	if len(code) < toldCode {
		return s
	}
	words := strings.Fields(s)
	kept := words[:0]
	for _, w := range words {
		if strings.Trim(w, "#[](){}:|-.,") != code {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}
