package pages

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed verify
var verifyFiles embed.FS

// Refusal is a way in which a request is refused, as the API's own table has it.
type Refusal struct {
	Name, Code, Meaning string
	Status              int
}

// Facts are what the guide tells besides the document.
type Facts struct {
	Refusals []Refusal
	Events   []string
	// RateLimit is requests in any 60 seconds; below zero there is no limit.
	RateLimit int
	// Deposits are at least and at most so much, in rupiah; withdrawals likewise.
	MinDeposit, MaxDeposit, MinWithdraw, MaxWithdraw int64
	// MaxGuard bounds the duplicate guard, in minutes.
	MaxGuard int
}

type guideView struct {
	frame
	Site          Site
	API           string
	Sections      []sectionView
	Limit         string
	MaxGuard      string
	Money         map[string]string
	OrderStatuses []statusView
	Deposits      []statusView
	Withdrawals   []statusView
	Refusals      []refusalView
	Events        []rowView
	Verify        []Code
	Digits, SKUs  []magicRow
	TestRest      template.HTML
	Groups        []groupView
	Changes       []changeView
	codes         map[string][]Code
	refused       map[string]string
}

type sectionView struct{ ID, Name string }

type rowView struct {
	Key  string
	Text template.HTML
}

type statusView struct {
	Status             string
	Meaning, Money, Do template.HTML
}

type refusalView struct {
	Status      int
	Code        string
	Meaning, Do template.HTML
}

type groupView struct {
	Name      string
	Endpoints []endpointView
}

type endpointView struct {
	ID, Method, Path, Summary string
	Text                      template.HTML
	Codes                     []Code
	Answer                    string
}

type changeView struct {
	Version, Date string
	Lines         []template.HTML
}

// Code gives the program for an operation in every language.
func (v *guideView) Code(operation string) ([]Code, error) {
	codes := v.codes[operation]
	if codes == nil {
		return nil, fmt.Errorf("there is no operation %q", operation)
	}
	return codes, nil
}

// Refused gives the document's example of a refusal with a code.
func (v *guideView) Refused(code string) (string, error) {
	if v.refused[code] == "" {
		return "", fmt.Errorf("there is no refusal %q", code)
	}
	return v.refused[code], nil
}

// VerifyCodes are programs that verify webhooks, in every language of the guide.
func VerifyCodes() ([]Code, error) {
	var out []Code
	for _, f := range []struct{ id, name, file string }{
		{"sh", "bash", "verify.sh"}, {"php", "PHP", "verify.php"}, {"mjs", "JavaScript", "verify.mjs"}, {"py", "Python", "verify.py"}, {"go", "Go", "verify.go.txt"},
	} {
		body, err := verifyFiles.ReadFile("verify/" + f.file)
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		out = append(out, Code{ID: f.id, Name: f.name, Text: string(body)})
	}
	return out, nil
}

// Guide renders the guide for merchants. What has no words in Indonesian is told in
// English; [Complete] finds it.
func Guide(doc *huma.OpenAPI, s Site, l Lang, facts Facts) ([]byte, error) {
	w := wordsIn(l)
	v := &guideView{
		frame: newFrame(s, l, GuidePath, w.Guide, true), Site: s, API: s.API, Limit: grouped(int64(facts.RateLimit), l), MaxGuard: grouped(int64(facts.MaxGuard), l),
		OrderStatuses: statuses(orderStatuses, l), Deposits: statuses(depositStatuses, l), Withdrawals: statuses(withdrawStatuses, l),
		Digits: magicDigits(l), SKUs: magicSKUs(l), TestRest: magicRest(l), codes: map[string][]Code{}, refused: map[string]string{},
	}
	if strings.HasPrefix(v.API, "/") {
		v.API = w.OurAddress + v.API
	}
	if facts.RateLimit < 0 {
		v.Limit = ""
	}
	v.Money = map[string]string{
		"min_deposit": grouped(facts.MinDeposit, l), "max_deposit": grouped(facts.MaxDeposit, l), "min_withdraw": grouped(facts.MinWithdraw, l), "max_withdraw": grouped(facts.MaxWithdraw, l),
	}
	for i, id := range []string{"start", "auth", "answers", "prices", "orders", "money", "guards", "webhooks", "errors", "limits", "test", "endpoints", "changes"} {
		v.Sections = append(v.Sections, sectionView{ID: id, Name: w.Sections[i]})
	}
	for _, r := range facts.Refusals {
		t := refusalTexts[r.Name]
		row := refusalView{Status: r.Status, Code: r.Code, Meaning: inline(t.meaning), Do: inline(t.do.in(l))}
		if l == English || t.meaning == "" {
			row.Meaning = inline(r.Meaning)
		}
		v.Refusals = append(v.Refusals, row)
	}
	slices.SortStableFunc(v.Refusals, func(a, b refusalView) int { return cmp.Compare(a.Status, b.Status) })
	for _, e := range facts.Events {
		v.Events = append(v.Events, rowView{Key: e, Text: inline(eventTexts[e].in(l))})
	}
	for _, c := range changes {
		cv := changeView{Version: c.version, Date: c.date}
		for _, line := range c.what {
			cv.Lines = append(cv.Lines, inline(line.in(l)))
		}
		v.Changes = append(v.Changes, cv)
	}
	var err error
	if v.Verify, err = VerifyCodes(); err != nil {
		return nil, err
	}
	if err := v.endpoints(doc); err != nil {
		return nil, err
	}
	return render("guide."+string(l)+".html.tmpl", v)
}

type statusTable struct {
	Words *words
	Rows  []statusView
}

func newStatusTable(w *words, rows []statusView) statusTable { return statusTable{w, rows} }

func statuses(all []statusText, l Lang) []statusView {
	out := make([]statusView, len(all))
	for i, s := range all {
		out[i] = statusView{Status: s.status, Meaning: inline(s.meaning.in(l)), Money: inline(s.money.in(l)), Do: inline(s.do.in(l))}
	}
	return out
}

// endpoints gives every operation of the document, by its tags.
func (v *guideView) endpoints(doc *huma.OpenAPI) error {
	examples, err := Examples(doc)
	if err != nil {
		return err
	}
	r := newReader(doc)
	for _, response := range doc.Components.Responses {
		for code, example := range response.Content["application/json"].Examples {
			v.refused[code] = r.indent(example.Value)
		}
	}
	ids := sortedKeys(examples)
	slices.SortStableFunc(ids, func(a, b string) int { return strings.Compare(examples[a].Path, examples[b].Path) })
	for _, tag := range doc.Tags {
		group := groupView{Name: tag.Name}
		if v.Lang == Indonesian {
			group.Name = cmp.Or(tagTexts[tag.Name], tag.Name)
		}
		for _, id := range ids {
			e := examples[id]
			if !slices.Contains(e.Operation.Tags, tag.Name) {
				continue
			}
			codes, err := e.Codes()
			if err != nil {
				return err
			}
			v.codes[id] = codes
			view := endpointView{ID: id, Method: e.Method, Path: e.Path, Summary: e.Operation.Summary, Text: prose(e.Operation.Description), Codes: codes}
			if _, ok := endpointTexts[id]; ok && v.Lang == Indonesian {
				view.Summary, view.Text = endpointTexts[id].summary, prose(endpointTexts[id].text)
			}
			if media := e.Operation.Responses["200"].Content["application/json"]; media != nil {
				view.Answer = r.indent(media.Example)
			}
			group.Endpoints = append(group.Endpoints, view)
		}
		v.Groups = append(v.Groups, group)
	}
	return r.err
}

// inline renders a line with `code` in it.
func inline(text string) template.HTML {
	out := string(prose(text))
	return template.HTML(strings.TrimSuffix(strings.TrimPrefix(out, "<p>"), "</p>")) //nolint:gosec // prose escapes
}
