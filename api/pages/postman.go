package pages

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// postmanSchema is the format's own name: a collection of version 2.1.
const postmanSchema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"

// The parts of a collection, as its schema names them.
type (
	collection struct {
		Info     collectionInfo `json:"info"`
		Auth     collectionAuth `json:"auth"`
		Variable []variable     `json:"variable"`
		Item     []folder       `json:"item"`
	}
	collectionInfo struct {
		ID          string `json:"_postman_id"`
		Name        string `json:"name"`
		Description string `json:"description"`
		Version     string `json:"version"`
		Schema      string `json:"schema"`
	}
	collectionAuth struct {
		Type   string     `json:"type"`
		Bearer []variable `json:"bearer"`
	}
	variable struct {
		Key         string `json:"key"`
		Value       string `json:"value"`
		Type        string `json:"type,omitempty"`
		Description string `json:"description,omitempty"`
		Disabled    bool   `json:"disabled,omitempty"`
	}
	folder struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Item        []item `json:"item"`
	}
	item struct {
		Name     string         `json:"name"`
		Event    []event        `json:"event,omitempty"`
		Request  request        `json:"request"`
		Response []sampleAnswer `json:"response"`
	}
	event struct {
		Listen string `json:"listen"`
		Script script `json:"script"`
	}
	script struct {
		Type string   `json:"type"`
		Exec []string `json:"exec"`
	}
	request struct {
		Method      string     `json:"method"`
		Header      []variable `json:"header"`
		Body        *body      `json:"body,omitempty"`
		URL         address    `json:"url"`
		Description string     `json:"description,omitempty"`
	}
	body struct {
		Mode    string      `json:"mode"`
		Raw     string      `json:"raw"`
		Options bodyOptions `json:"options"`
	}
	bodyOptions struct {
		Raw bodyLanguage `json:"raw"`
	}
	bodyLanguage struct {
		Language string `json:"language"`
	}
	address struct {
		Raw      string     `json:"raw"`
		Host     []string   `json:"host"`
		Path     []string   `json:"path"`
		Query    []variable `json:"query,omitempty"`
		Variable []variable `json:"variable,omitempty"`
	}
	sampleAnswer struct {
		Name     string     `json:"name"`
		Request  request    `json:"originalRequest"`
		Status   string     `json:"status"`
		Code     int        `json:"code"`
		Language string     `json:"_postman_previewlanguage"`
		Header   []variable `json:"header"`
		Cookie   []variable `json:"cookie"`
		Body     string     `json:"body"`
	}
)

// A new ref for each request that takes one, since it names one transaction. To send
// one again, as after a broken connection, or to pay what was inquired, the ref must
// stay: that is what keep_ref is for.
var newRef = []string{ //nolint:gochecknoglobals // a constant that Go cannot write as such
	`if (pm.variables.get("keep_ref") !== "true") {`,
	`  pm.collectionVariables.set("ref", "pm-" + Date.now().toString(36) + "-" + Math.floor(Math.random() * 1e9).toString(36));`,
	`}`,
}

// Postman gives the document as a collection that Postman imports: a folder for each
// tag, a request for each example, and the key and the address as variables.
func Postman(doc *huma.OpenAPI, s Site) ([]byte, error) {
	base := s.API
	if strings.HasPrefix(base, "/") {
		base = wordsIn(English).OurAddress + base
	}
	c := collection{
		Info: collectionInfo{ID: uuidOf(doc.Info.Title), Name: doc.Info.Title, Description: doc.Info.Description, Version: doc.Info.Version, Schema: postmanSchema},
		Auth: collectionAuth{Type: "bearer", Bearer: []variable{{Key: "token", Value: "{{api_key}}", Type: "string"}}},
		Variable: []variable{
			{Key: "base_url", Value: base, Type: "string"},
			{Key: "api_key", Value: s.KeyPrefix + "_test_…", Type: "string", Description: "Your key; begin with one of test mode."},
			{Key: "ref", Value: "trx-0001", Type: "string", Description: "Made anew for each request that takes one."},
			{Key: "keep_ref", Value: "false", Type: "string", Description: "true: the ref stays, to send a transaction again or to pay what was inquired."},
			{Key: "deposit_id", Value: "", Type: "string", Description: "Of the newest deposit."},
			{Key: "withdraw_id", Value: "", Type: "string", Description: "Of the newest withdrawal."},
		},
	}
	examples, err := Examples(doc)
	if err != nil {
		return nil, err
	}
	ids := sortedKeys(examples)
	slices.SortStableFunc(ids, func(a, b string) int { return strings.Compare(examples[a].Path, examples[b].Path) })
	r := newReader(doc)
	for _, tag := range doc.Tags {
		f := folder{Name: tag.Name, Description: tag.Description, Item: []item{}}
		for _, id := range ids {
			if slices.Contains(examples[id].Operation.Tags, tag.Name) {
				f.Item = append(f.Item, r.items(examples[id])...)
			}
		}
		c.Item = append(c.Item, f)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := cmp.Or(enc.Encode(c), r.err); err != nil {
		return nil, fmt.Errorf("pages: postman: %w", err)
	}
	return out.Bytes(), nil
}

// uuidOf names a collection so that importing it again replaces it.
func uuidOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8, as RFC 9562 asks
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// items are an operation's requests: one for each example of its body.
func (r *reader) items(e *Example) []item {
	op := e.Operation
	base := request{Method: e.Method, Header: []variable{}, URL: r.address(e), Description: op.Description}
	if op.RequestBody == nil {
		return []item{r.item(op, op.Summary, base)}
	}
	base.Header = append(base.Header, variable{Key: "Content-Type", Value: "application/json"})
	media := op.RequestBody.Content["application/json"]
	if media.Example != nil {
		base.Body = r.body(media.Example)
		return []item{r.item(op, op.Summary, base)}
	}
	var out []item
	for _, name := range sortedKeys(media.Examples) {
		one := base
		one.Body = r.body(media.Examples[name].Value)
		out = append(out, r.item(op, op.Summary+": "+cmp.Or(media.Examples[name].Summary, name), one))
	}
	return out
}

var refIn = regexp.MustCompile(`(?m)^  "ref": "[^"]*"`)

func (r *reader) body(example any) *body {
	raw := refIn.ReplaceAllString(r.indent(example), `  "ref": "{{ref}}"`)
	return &body{Mode: "raw", Raw: raw, Options: bodyOptions{Raw: bodyLanguage{Language: "json"}}}
}

// address is where an operation is, with its parameters as Postman shows them: those of the path
// as variables, and what may be left out of the query switched off.
func (r *reader) address(e *Example) address {
	a := address{Raw: "{{base_url}}", Host: []string{"{{base_url}}"}}
	for segment := range strings.SplitSeq(strings.TrimPrefix(e.Path, "/"), "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			segment = ":" + strings.TrimSuffix(name, "}")
		}
		a.Path = append(a.Path, segment)
		a.Raw += "/" + segment
	}
	var query []string
	for _, p := range e.Operation.Parameters {
		v := variable{Key: p.Name, Value: r.exampleOfParam(p), Description: p.Description}
		switch p.In {
		case "path":
			switch p.Name {
			case "ref", "deposit_id", "withdraw_id":
				v.Value = "{{" + p.Name + "}}"
			}
			a.Variable = append(a.Variable, v)
		case "query":
			v.Disabled = !p.Required && !strings.HasPrefix(e.Path, "/check/")
			if !v.Disabled {
				query = append(query, v.Key+"="+url.QueryEscape(v.Value))
			}
			a.Query = append(a.Query, v)
		}
	}
	if len(query) > 0 {
		a.Raw += "?" + strings.Join(query, "&")
	}
	return a
}

// item is a request with what comes before and after it, and its answers.
func (r *reader) item(op *huma.Operation, name string, req request) item {
	out := item{Name: name, Request: req, Response: r.answers(op, req)}
	if req.Body != nil && strings.Contains(req.Body.Raw, "{{ref}}") {
		out.Event = append(out.Event, event{Listen: "prerequest", Script: script{Type: "text/javascript", Exec: newRef}})
	}
	for operation, id := range map[string]string{"create-deposit": "deposit_id", "create-withdrawal": "withdraw_id"} {
		if op.OperationID == operation {
			out.Event = append(out.Event, event{Listen: "test", Script: script{Type: "text/javascript", Exec: []string{
				`const answer = pm.response.json();`, `if (answer.ok) pm.collectionVariables.set("` + id + `", answer.data.` + id + `);`,
			}}})
		}
	}
	return out
}

// answers are the examples of an operation's answers, without the refusals that every operation may give.
func (r *reader) answers(op *huma.Operation, req request) []sampleAnswer {
	req.Description = ""
	out := []sampleAnswer{}
	for _, status := range sortedKeys(op.Responses) {
		code, err := strconv.Atoi(status)
		if err != nil || slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}, code) {
			continue
		}
		resp := op.Responses[status]
		if name, ok := strings.CutPrefix(resp.Ref, "#/components/responses/"); ok {
			resp = r.doc.Components.Responses[name]
		}
		media := resp.Content["application/json"]
		if media == nil {
			continue
		}
		for _, e := range r.examples(media) {
			out = append(out, sampleAnswer{
				Name: cmp.Or(e.Name, "done"), Request: req, Status: http.StatusText(code), Code: code, Language: "json",
				Header: []variable{{Key: "Content-Type", Value: "application/json"}}, Cookie: []variable{}, Body: e.JSON,
			})
		}
	}
	return out
}
