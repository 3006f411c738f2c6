package emulate

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestHang bounds a hang whose client never leaves.
const longestHang = 10 * time.Minute

const defaultOversize = 8 << 20

// blockPage is what a protecting proxy shows to those who ask too often.
const blockPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Access temporarily restricted</title></head>
<body><h1>Sorry, you have been blocked</h1>
<p>Too many requests came from this address in a short time. Access is restricted for a while.</p>
<p>Ray id: emulated</p></body></html>
`

// gatewayPage is what a proxy shows when what is behind it does not answer.
const gatewayPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>502 Bad gateway</title></head>
<body><center><h1>502 Bad gateway</h1></center><hr></body></html>
`

// strike answers as the fault says. answer is the endpoint's where the request
// was carried out, else an empty success.
func (c *Core) strike(w http.ResponseWriter, r *http.Request, f *Rule, answer Answer) {
	switch f.Kind {
	case Hang:
		d := longestHang
		if f.Delay > 0 {
			d = time.Duration(f.Delay)
		}
		c.wait(r, d)
		panic(http.ErrAbortHandler)
	case Drop, CloseReused:
		panic(http.ErrAbortHandler)
	case Status:
		http.Error(w, "upstream connect error or disconnect", orElse(f.Status, http.StatusBadGateway))
	case BlockPage:
		writePage(w, orElse(f.Status, http.StatusServiceUnavailable), blockPage)
	case Redirect:
		w.Header().Set("Location", r.URL.RequestURI())
		w.WriteHeader(orElse(f.Status, http.StatusTemporaryRedirect))
	default:
		c.spoil(w, f, answer)
	}
}

// spoil sends an answer that no decoder should take for one.
func (c *Core) spoil(w http.ResponseWriter, f *Rule, answer Answer) {
	body, mediaType, err := answer.encode()
	if err != nil {
		http.Error(w, "emulator: "+err.Error(), http.StatusInternalServerError)
		return
	}
	status := orElse(f.Status, http.StatusOK)
	w.Header().Set("Content-Type", mediaType)
	switch f.Kind {
	case Garbled:
		body = append(body[:len(body)-1], ",,}"...)
	case Truncated:
		body = body[:len(body)/2]
	case Cut:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body[:len(body)/2]) // the client may have gone
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case Oversized:
		n := orElse(f.Bytes, defaultOversize)
		body = append([]byte(`{"padding":"`+strings.Repeat("x", n)+`",`), body[1:]...)
	case Mistyped:
		body = mistype(body)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone
}

// mistype keeps the shape of the outermost object and turns every value inside
// "data" into one of another type; data without values becomes a number. Where there
// is no "data", every value is turned.
func mistype(body []byte) []byte {
	var top map[string]any
	if json.Unmarshal(body, &top) != nil {
		return []byte(`{"success":[],"status":[],"data":7}`)
	}
	if _, there := top["data"]; !there {
		out, err := json.Marshal(twist(top))
		if err != nil {
			return []byte(`{"success":[],"status":[],"data":7}`)
		}
		return out
	}
	if _, there := top["data"]; !there {
		bare := map[string]any{"data": []any{[]any{}}}
		for name, value := range top {
			if _, flag := value.(bool); !flag {
				value = twist(value)
			}
			bare[name] = value
		}
		top = bare
	}
	switch data := top["data"].(type) {
	case map[string]any:
		if len(data) == 0 {
			top["data"] = 7
			break
		}
		top["data"] = twist(data)
	case []any:
		top["data"] = map[string]any{"rows": 7}
	default:
		top["data"] = []any{[]any{}}
	}
	out, err := json.Marshal(top)
	if err != nil {
		return []byte(`{"success":[],"status":[],"data":7}`)
	}
	return out
}

func twist(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return map[string]any{"value": []any{v}}
	}
	out := make(map[string]any, len(m))
	for k, inner := range m {
		out[k] = twist(inner)
	}
	return out
}

func writePage(w http.ResponseWriter, status int, page string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(page)) // the client may have gone
}

func orElse(n, other int) int {
	if n == 0 {
		return other
	}
	return n
}
