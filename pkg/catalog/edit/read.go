package edit

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/sheet"
)

const (
	// maxLines bounds a table, and maxProblems how many mistakes are named.
	maxLines    = 200_000
	maxProblems = 100
	maxText     = 2000 // characters; an import keeps less
)

// Problem is what is wrong with a line; the header is line 1.
type Problem struct {
	Line    int    `json:"line"`
	Message string `json:"message"`
}

// Problems are all that is wrong with a table: nothing of it was taken.
type Problems struct {
	List []Problem
	// More tells that there are others.
	More bool
}

func (p *Problems) Error() string {
	texts := make([]string, 0, len(p.List)+1)
	for _, x := range p.List {
		texts = append(texts, fmt.Sprintf("line %d: %s", x.Line, x.Message))
	}
	if p.More {
		texts = append(texts, "and more")
	}
	return "nothing was changed: " + strings.Join(texts, "; ")
}

func (p *Problems) add(line int, format string, args ...any) {
	if len(p.List) == maxProblems {
		p.More = true
		return
	}
	p.List = append(p.List, Problem{line, fmt.Sprintf(format, args...)})
}

// or gives the problems as an error, nil where there are none.
func (p *Problems) or() error {
	if len(p.List) == 0 {
		return nil
	}
	slices.SortStableFunc(p.List, func(a, b Problem) int { return a.Line - b.Line })
	return p
}

// line is what a line wants; nil and empty mean nothing.
type line struct {
	at     int
	sku    string
	newSKU string
	texts  map[string]string
	price  *int64
	closed *bool

	offer          int64
	upstream, code string
	offerClosed    *bool
	priority       *int64
	weight         *int64
}

var skuForm = regexp.MustCompile(`^[A-Z0-9][A-Z0-9._-]{0,39}$`)

// read decodes a table.
func read(r io.Reader, problems *Problems) ([]line, error) {
	in := csv.NewReader(r)
	in.TrimLeadingSpace = true
	head, err := in.Read()
	if err != nil {
		problems.add(1, "the header cannot be read: %v", err)
		return nil, problems.or()
	}
	at := map[string]int{}
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if _, twice := at[name]; twice {
			problems.add(1, "the column %s is there twice", name)
		}
		if !slices.Contains(columns, name) {
			problems.add(1, "there is no column %q", name)
		}
		at[name] = i
	}
	if _, ok := at[colSKU]; !ok {
		problems.add(1, "the column sku is missing")
	}
	if err := problems.or(); err != nil {
		return nil, err
	}
	var out []line
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		var wrong *csv.ParseError
		switch {
		case errors.As(err, &wrong) && errors.Is(err, csv.ErrFieldCount):
			problems.add(wrong.StartLine, "%d cells, and the header has %d", len(cells), len(head))
			continue
		case errors.As(err, &wrong):
			problems.add(wrong.StartLine, "%v", wrong.Err) // nobody knows where the next line begins
			return out, nil
		case err != nil:
			return nil, err
		}
		n, _ := in.FieldPos(0)
		if len(out) == maxLines {
			problems.add(n, "more than %d lines", maxLines)
			return out, nil
		}
		c := cellsOf{at: at, cells: cells, line: n, problems: problems}
		out = append(out, c.read())
	}
}

// cellsOf reads the cells of one line.
type cellsOf struct {
	at       map[string]int
	cells    []string
	line     int
	problems *Problems
}

func (c *cellsOf) text(column string) string {
	i, ok := c.at[column]
	if !ok {
		return ""
	}
	return strings.TrimSpace(sheet.Plain(c.cells[i]))
}

func (c *cellsOf) read() line {
	l := line{
		at: c.line, sku: strings.ToUpper(c.text(colSKU)), newSKU: strings.ToUpper(c.text(colNewSKU)), texts: map[string]string{},
		upstream: c.text(colUpstream), code: c.text(colCode), closed: c.flag(colClosed), offerClosed: c.flag(colOfferClosed),
		price: c.number(colPrice, 1, catalog.MaxCost), priority: c.number(colPriority, -1_000_000, 1_000_000), weight: c.number(colWeight, 1, 1_000_000),
	}
	if n := c.number(colOffer, 1, 1<<62); n != nil {
		l.offer = *n
	}
	for _, column := range []string{colName, colBrand, colGroup, colDescription} {
		text := c.text(column)
		if utf8.RuneCountInString(text) > maxText {
			c.problems.add(c.line, "%s is longer than %d characters", column, maxText)
		} else if text != "" {
			l.texts[column] = text
		}
	}
	switch {
	case l.sku == "":
		c.problems.add(c.line, "sku is empty")
	case l.newSKU != "" && !skuForm.MatchString(l.newSKU):
		c.problems.add(c.line, "%q is no SKU: 1 to 40 letters, digits, dots, underscores and hyphens", l.newSKU)
	case l.offer == 0 && (l.offerClosed != nil || l.priority != nil || l.weight != nil):
		c.problems.add(c.line, "offer_closed, priority and weight are an offer's: offer_id says which")
	}
	return l
}

func (c *cellsOf) number(column string, least, most int64) *int64 {
	text := c.text(column)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		c.problems.add(c.line, "%s: %q is no whole number of %d to %d", column, text, least, most)
		return nil
	}
	return &n
}

func (c *cellsOf) flag(column string) *bool {
	text := strings.ToLower(c.text(column))
	var b bool
	switch text {
	case "":
		return nil
	case "yes", "true", "1":
		b = true
	case "no", "false", "0":
	default:
		c.problems.add(c.line, "%s: %q is neither yes nor no", column, text)
		return nil
	}
	return &b
}
