package pages

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/format"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Example is one call of an operation, as the document's own examples have it.
type Example struct {
	Operation *huma.Operation
	Method    string
	Path      string // as in the document
	// Place is the path with its parameters and query, for the address.
	Place string
	// Body is JSON; empty for none.
	Body []byte
}

// Code is a program that makes a call, in one language.
type Code struct {
	// ID is the language's, as a file's name ends; Name is what people call it.
	ID, Name string
	Text     string
}

// Examples gives a call of every operation of the document, by its id.
func Examples(doc *huma.OpenAPI) (map[string]*Example, error) {
	out := map[string]*Example{}
	for path, item := range doc.Paths {
		for method, op := range operations(item) {
			e := &Example{Operation: op, Method: method, Path: path}
			if err := e.fill(newReader(doc)); err != nil {
				return nil, fmt.Errorf("pages: example of %s: %w", op.OperationID, err)
			}
			out[op.OperationID] = e
		}
	}
	return out, nil
}

func operations(item *huma.PathItem) map[string]*huma.Operation {
	out := map[string]*huma.Operation{}
	for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete} {
		if op != nil {
			out[method] = op
		}
	}
	return out
}

// exampleOfParam is a value for a parameter.
func (r *reader) exampleOfParam(p *huma.Param) string {
	for _, v := range []any{p.Example, first2(r.resolve(p.Schema))} {
		if v != nil {
			return fmt.Sprint(v)
		}
	}
	return ""
}

func first2(s *huma.Schema) any {
	if s != nil && len(s.Examples) > 0 {
		return s.Examples[0]
	}
	return nil
}

func (e *Example) fill(r *reader) error {
	e.Place = e.Path
	var query []string
	for _, p := range e.Operation.Parameters {
		value := r.exampleOfParam(p)
		switch {
		case p.In == "path":
			e.Place = strings.ReplaceAll(e.Place, "{"+p.Name+"}", url.PathEscape(cmp.Or(value, "1024")))
		case p.In == "query" && value != "":
			query = append(query, url.QueryEscape(p.Name)+"="+url.QueryEscape(value))
		}
	}
	if len(query) > 0 {
		e.Place += "?" + strings.Join(query, "&")
	}
	if e.Operation.RequestBody == nil {
		return nil
	}
	media := e.Operation.RequestBody.Content["application/json"]
	value := media.Example
	if value == nil {
		names := sortedKeys(media.Examples)
		if i := slices.Index(names, "ppob"); i > 0 { // the commonest
			names = names[i:]
		}
		value = media.Examples[names[0]].Value
	}
	body, err := json.Marshal(value)
	e.Body = body
	return err
}

// Codes gives the call in every language of the guide.
func (e *Example) Codes() ([]Code, error) {
	var out []Code
	for _, l := range []struct {
		id, name string
		make     func(*Example) (string, error)
	}{
		{"sh", "curl", (*Example).curl}, {"php", "PHP", (*Example).php}, {"mjs", "JavaScript", (*Example).javascript}, {"py", "Python", (*Example).python}, {"go", "Go", (*Example).golang},
	} {
		text, err := l.make(e)
		if err != nil {
			return nil, fmt.Errorf("pages: %s of %s: %w", l.name, e.Operation.OperationID, err)
		}
		out = append(out, Code{ID: l.id, Name: l.name, Text: text})
	}
	return out, nil
}

func (e *Example) curl() (string, error) {
	out := `curl "$API_URL` + e.Place + `" \` + "\n"
	if e.Method != http.MethodGet {
		out = `curl -X ` + e.Method + ` "$API_URL` + e.Place + `" \` + "\n"
	}
	out += `  -H "Authorization: Bearer $API_KEY"`
	if e.Body != nil {
		out += " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + strings.ReplaceAll(string(e.Body), "'", `'\''`) + "'"
	}
	return out + "\n", nil
}

func (e *Example) php() (string, error) {
	header, content := "'header' => ['Authorization: Bearer ' . getenv('API_KEY')],", ""
	if e.Body != nil {
		body, err := literal(e.Body, phpSyntax(), "    ")
		if err != nil {
			return "", err
		}
		header = "'header' => ['Authorization: Bearer ' . getenv('API_KEY'), 'Content-Type: application/json'],"
		content = "\n    'content' => json_encode(" + body + "),"
	}
	return `<?php
$context = stream_context_create(['http' => [
    'method' => '` + e.Method + `',
    ` + header + content + `
    'timeout' => 30,
    'ignore_errors' => true, // a refusal has a body, too
]]);
$answer = json_decode(file_get_contents(getenv('API_URL') . ` + quotePHP(e.Place) + `, false, $context), true);
if (!$answer['ok']) {
    fwrite(STDERR, $answer['code'] . ': ' . $answer['error'] . "\n");
    exit(1);
}
echo json_encode($answer['data']), "\n";
`, nil
}

func (e *Example) javascript() (string, error) {
	options := "  headers: { Authorization: `Bearer ${process.env.API_KEY}` },\n"
	if e.Body != nil {
		body, err := literal(e.Body, jsSyntax(), "  ")
		if err != nil {
			return "", err
		}
		options = "  headers: { Authorization: `Bearer ${process.env.API_KEY}`, \"Content-Type\": \"application/json\" },\n  body: JSON.stringify(" + body + "),\n"
	}
	if e.Method != http.MethodGet {
		options = "  method: \"" + e.Method + "\",\n" + options
	}
	return "const response = await fetch(`${process.env.API_URL}" + e.Place + "`, {\n" + options + `  signal: AbortSignal.timeout(30_000),
});
const { ok, data, code, error } = await response.json();
if (!ok) throw new Error(` + "`${code}: ${error}`" + `);
console.log(JSON.stringify(data));
`, nil
}

func (e *Example) python() (string, error) {
	data, headers := "", `{"Authorization": "Bearer " + os.environ["API_KEY"]}`
	if e.Body != nil {
		body, err := literal(e.Body, pySyntax(), "    ")
		if err != nil {
			return "", err
		}
		headers = `{"Authorization": "Bearer " + os.environ["API_KEY"], "Content-Type": "application/json"}`
		data = "\n    data=json.dumps(" + body + ").encode(),"
	}
	return `import json
import os
import sys
import urllib.error
import urllib.request

request = urllib.request.Request(
    os.environ["API_URL"] + ` + strconv.Quote(e.Place) + `,
    method="` + e.Method + `",
    headers=` + headers + `,` + data + `
)
try:
    response = urllib.request.urlopen(request, timeout=30)
except urllib.error.HTTPError as refused:
    response = refused  # a refusal has a body, too
answer = json.load(response)
if not answer["ok"]:
    sys.exit(answer["code"] + ": " + answer["error"])
print(json.dumps(answer["data"]))
`, nil
}

func (e *Example) golang() (string, error) {
	imports := []string{"encoding/json", "fmt", "log", "net/http", "os", "time"}
	body, header := "nil", ""
	if e.Body != nil {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, e.Body, "\t", "\t"); err != nil {
			return "", err
		}
		imports = append(imports, "strings")
		body = "strings.NewReader(`" + pretty.String() + "`)"
		header = "\treq.Header.Set(\"Content-Type\", \"application/json\")\n"
	}
	slices.Sort(imports)
	text := "package main\n\nimport (\n"
	for _, i := range imports {
		text += "\t" + strconv.Quote(i) + "\n"
	}
	text += ")\n\nfunc main() {\n\treq, err := http.NewRequest(http.Method" + e.Method[:1] + strings.ToLower(e.Method[1:]) + `, os.Getenv("API_URL")+` + strconv.Quote(e.Place) + ", " + body + `)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("API_KEY"))
` + header + `	client := &http.Client{Timeout: 30 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		OK    bool            ` + "`json:\"ok\"`" + `
		Data  json.RawMessage ` + "`json:\"data\"`" + `
		Code  string          ` + "`json:\"code\"`" + `
		Error string          ` + "`json:\"error\"`" + `
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	if !answer.OK {
		log.Fatalf("%s: %s", answer.Code, answer.Error)
	}
	fmt.Println(string(answer.Data))
}
`
	out, err := format.Source([]byte(text))
	return string(out), err
}

// syntax is how a language writes the values of JSON.
type syntax struct {
	object, array    [2]string
	colon            string
	yes, no, nothing string
	key, text        func(string) string
}

func phpSyntax() syntax {
	return syntax{object: [2]string{"[", "]"}, array: [2]string{"[", "]"}, colon: " => ", yes: "true", no: "false", nothing: "null", key: quotePHP, text: quotePHP}
}

func jsSyntax() syntax {
	return syntax{object: [2]string{"{", "}"}, array: [2]string{"[", "]"}, colon: ": ", yes: "true", no: "false", nothing: "null", key: bareKey, text: quoteJSON}
}

func pySyntax() syntax {
	return syntax{object: [2]string{"{", "}"}, array: [2]string{"[", "]"}, colon: ": ", yes: "True", no: "False", nothing: "None", key: quoteJSON, text: quoteJSON}
}

func quotePHP(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) + "'"
}

func quoteJSON(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) //nolint:errchkjson // a text
	return strings.TrimSpace(b.String())
}

// bareKey is a key that needs no quotes, as those of this API.
func bareKey(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return quoteJSON(s)
	}
	return s
}

// literal writes a JSON value in a language: one property a line, indented by step
// beyond the first, which stands at one step.
func literal(body []byte, s syntax, step string) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	return s.value(dec, step, step)
}

func (s syntax) value(dec *json.Decoder, indent, step string) (string, error) {
	token, err := dec.Token()
	if err != nil {
		return "", err
	}
	switch t := token.(type) {
	case json.Delim:
		return s.composite(dec, t, indent, step)
	case string:
		return s.text(t), nil
	case json.Number:
		return t.String(), nil
	case bool:
		if t {
			return s.yes, nil
		}
		return s.no, nil
	}
	return s.nothing, nil
}

func (s syntax) composite(dec *json.Decoder, open json.Delim, indent, step string) (string, error) {
	brackets := s.array
	if open == '{' {
		brackets = s.object
	}
	var parts []string
	for dec.More() {
		part := ""
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return "", err
			}
			part = s.key(fmt.Sprint(key)) + s.colon
		}
		value, err := s.value(dec, indent+step, step)
		if err != nil {
			return "", err
		}
		parts = append(parts, part+value)
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return "", err
	}
	if len(parts) == 0 || open == '[' {
		return brackets[0] + strings.Join(parts, ", ") + brackets[1], nil
	}
	return brackets[0] + "\n" + indent + step + strings.Join(parts, ",\n"+indent+step) + ",\n" + indent + brackets[1], nil
}
