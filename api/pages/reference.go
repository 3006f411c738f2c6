package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// operationView is one operation on the page.
type operationView struct {
	ID, Method, Path, Summary string
	Text                      template.HTML
	Params                    []paramView
	Body                      []fieldView
	BodyExamples              []exampleView
	Fields                    []fieldView
	Answer                    string
	Curl                      string
	Responses                 []responseView
}

type paramView struct {
	Name, In, Type string
	Required       bool
	Text           template.HTML
}

type fieldView struct {
	Name, Type string
	Required   bool
	Text       template.HTML
	Depth      int
}

type exampleView struct{ Name, JSON string }

type responseView struct {
	Status   string
	Text     template.HTML
	Examples []exampleView
}

type tagView struct {
	Name       string
	Text       template.HTML
	Operations []operationView
}

type referenceView struct {
	frame
	Heading string
	Postman string // where the collection is; empty where there is none
	Text    template.HTML
	Base    string
	Tags    []tagView
}

// Reference renders a document that has no other pages beside it as one page.
func Reference(doc *huma.OpenAPI, brand string) ([]byte, error) {
	return ReferenceOf(doc, Site{Brand: brand})
}

// ReferenceOf renders the document as one page, in the document's own language.
func ReferenceOf(doc *huma.OpenAPI, s Site) ([]byte, error) {
	view, err := newReader(doc).reference(s)
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	return render("reference.html.tmpl", view)
}

// reader turns the document into views.
type reader struct {
	doc *huma.OpenAPI
	err error
}

func newReader(doc *huma.OpenAPI) *reader { return &reader{doc: doc} }

func (r *reader) reference(s Site) (*referenceView, error) {
	v := &referenceView{
		frame:   newFrame(s, English, ReferencePath, wordsIn(English).Reference, false),
		Heading: r.doc.Info.Title, Text: prose(r.doc.Info.Description), Base: r.doc.Servers[0].URL,
	}
	if s.API != "" {
		v.Postman = PostmanPath
	}
	for _, tag := range r.doc.Tags {
		tv := tagView{Name: tag.Name, Text: prose(tag.Description)}
		for _, path := range slices.Sorted(maps.Keys(r.doc.Paths)) {
			item := r.doc.Paths[path]
			for _, m := range []struct {
				method string
				op     *huma.Operation
			}{{http.MethodGet, item.Get}, {http.MethodPost, item.Post}, {http.MethodPut, item.Put}, {http.MethodDelete, item.Delete}} {
				if m.op != nil && slices.Contains(m.op.Tags, tag.Name) {
					tv.Operations = append(tv.Operations, r.operation(m.method, path, m.op))
				}
			}
		}
		if len(tv.Operations) > 0 {
			v.Tags = append(v.Tags, tv)
		}
	}
	return v, r.err
}

func (r *reader) operation(method, path string, op *huma.Operation) operationView {
	v := operationView{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Text: prose(op.Description)}
	for _, p := range op.Parameters {
		v.Params = append(v.Params, paramView{Name: p.Name, In: p.In, Type: typeOf(r.resolve(p.Schema)), Required: p.Required, Text: prose(p.Description)})
	}
	if op.RequestBody != nil {
		// A body that is no JSON has no fields: the text says what it is.
		if media := op.RequestBody.Content["application/json"]; media != nil {
			v.Body = r.fields(media.Schema, 0)
			v.BodyExamples = r.examples(media)
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		v.Responses = append(v.Responses, r.response(status, op.Responses[status]))
	}
	if media := op.Responses["200"].Content["application/json"]; media != nil {
		v.Answer = r.indent(media.Example)
		v.Fields = r.fields(r.data(media.Schema), 0)
	}
	v.Curl = r.curl(v)
	return v
}

// data is what is inside the envelope.
func (r *reader) data(s *huma.Schema) *huma.Schema {
	s = r.resolve(s)
	if s != nil && s.Properties["data"] != nil {
		return r.resolve(s.Properties["data"])
	}
	return s
}

func (r *reader) response(status string, resp *huma.Response) responseView {
	if name, ok := strings.CutPrefix(resp.Ref, "#/components/responses/"); ok {
		resp = r.doc.Components.Responses[name]
	}
	v := responseView{Status: status, Text: prose(resp.Description)}
	if media := resp.Content["application/json"]; media != nil && status != "200" {
		v.Examples = r.examples(media)
	}
	return v
}

func (r *reader) examples(media *huma.MediaType) []exampleView {
	var out []exampleView
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		out = append(out, exampleView{Name: name, JSON: r.indent(media.Examples[name].Value)})
	}
	if media.Example != nil {
		out = append(out, exampleView{JSON: r.indent(media.Example)})
	}
	return out
}

func (r *reader) indent(v any) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil && r.err == nil {
		r.err = err
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// curl is the call as it can be pasted, with the first example's body.
func (r *reader) curl(v operationView) string {
	path := v.Path
	var query []string
	for _, p := range v.Params {
		switch {
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", "$"+strings.ToUpper(p.Name))
		case p.In == "query" && p.Required:
			query = append(query, p.Name+"=…")
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	out := `curl "$URL` + path + `" -H "Authorization: Bearer $KEY"`
	if v.Method != http.MethodGet {
		out = strings.Replace(out, "curl ", "curl -X "+v.Method+" ", 1)
	}
	if len(v.BodyExamples) > 0 {
		compact := &bytes.Buffer{}
		if err := json.Compact(compact, []byte(v.BodyExamples[0].JSON)); err != nil && r.err == nil {
			r.err = err
		}
		out += " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + compact.String() + "'"
	}
	return out
}

// maxDepth is how far into objects the page goes; the document goes all the way.
const maxDepth = 4

// fields lists the properties of an object, those of objects inside it indented.
func (r *reader) fields(s *huma.Schema, depth int) []fieldView {
	s = r.resolve(s)
	if s == nil || depth > maxDepth {
		return nil
	}
	if s.Items != nil {
		return r.fields(s.Items, depth)
	}
	if len(s.OneOf) > 0 {
		return r.shapes(s, depth)
	}
	var out []fieldView
	for _, name := range names(s) {
		p := s.Properties[name]
		whole := r.resolve(first(p))
		out = append(out, fieldView{Name: name, Type: typeOf(whole), Required: slices.Contains(s.Required, name), Text: prose(describe(p, whole)), Depth: depth})
		out = append(out, r.fields(whole, depth+1)...)
	}
	return out
}

// shapes lists the fields of several shapes, each once.
func (r *reader) shapes(s *huma.Schema, depth int) []fieldView {
	var out []fieldView
	seen := map[string]bool{}
	inside := ""
	for _, shape := range s.OneOf {
		for _, f := range r.fields(shape, depth) {
			if f.Depth == depth {
				inside = f.Name
			}
			key := fmt.Sprint(f.Depth, inside, f.Name)
			if !seen[key] {
				seen[key] = true
				out = append(out, f)
			}
		}
	}
	return out
}

// names gives the properties in the order of the document's source, as far as it is known: required first.
func names(s *huma.Schema) []string {
	out := slices.Clone(s.Required)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// first looks through "this or null".
func first(s *huma.Schema) *huma.Schema {
	if len(s.AnyOf) > 0 {
		return s.AnyOf[0]
	}
	return s
}

func (r *reader) resolve(s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref != "" {
		s = r.doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func typeOf(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	t := s.Type
	switch {
	case len(s.OneOf) > 0:
		return "object"
	case s.Format == "date-time":
		t = "time"
	}
	if s.Nullable {
		t += " or null"
	}
	return t
}

func describe(p, whole *huma.Schema) string {
	text := p.Description
	if text == "" && whole != nil {
		text = whole.Description
	}
	if whole != nil && len(whole.Enum) > 0 {
		var values []string
		for _, e := range whole.Enum {
			if e == nil {
				continue // the type says so
			}
			values = append(values, fmt.Sprintf("`%v`", e))
		}
		text = strings.TrimSpace(text + " One of " + strings.Join(values, ", ") + ".")
	}
	return text
}

// prose renders the little of Markdown that our texts use: paragraphs and `code`.
func prose(text string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if paragraph == "" {
			continue
		}
		out.WriteString("<p>")
		for i, part := range strings.Split(paragraph, "`") {
			if i%2 == 1 {
				out.WriteString("<code>" + template.HTMLEscapeString(part) + "</code>")
			} else {
				out.WriteString(template.HTMLEscapeString(part))
			}
		}
		out.WriteString("</p>")
	}
	return template.HTML(out.String()) //nolint:gosec // every part was escaped above
}
