package callback

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxHeaders = 16
	maxHeader  = 512
)

// kept gives the headers that are stored: what a callback is and who signed it. They
// are told by the forms of their names, so that nobody's are written down here.
func kept(from http.Header) map[string]string {
	out := map[string]string{}
	names := make([]string, 0, len(from))
	for name := range from {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := from.Get(name)
		if len(out) >= maxHeaders || len(value) > maxHeader || !utf8.ValidString(value) || strings.ContainsRune(value, 0) || !telling(strings.ToLower(name)) {
			continue
		}
		out[http.CanonicalHeaderKey(name)] = value
	}
	return out
}

func telling(name string) bool {
	if name == "content-type" || name == "user-agent" {
		return true
	}
	switch name {
	case "webhook-id", "webhook-timestamp", "webhook-signature": // Standard Webhooks
		return true
	}
	if !strings.HasPrefix(name, "x-") {
		return false
	}
	for _, end := range []string{"-event", "-signature", "-signature-256", "-delivery", "-timestamp"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// masked is what stands in the place of a secret.
const masked = "***"

// secret tells whether a member of this name holds a secret of ours.
func secret(name string) bool {
	switch strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name)) {
	case "secret", "clientsecret", "apikey", "password":
		return true
	}
	return false
}

// redact takes the secrets out of a body that tells any. One that cannot be looked
// through and may hold one is not kept at all.
func redact(contentType string, body []byte) (out []byte, redacted bool) {
	if kind, _, err := mime.ParseMediaType(contentType); err == nil && kind == "application/x-www-form-urlencoded" {
		if form, err := url.ParseQuery(string(body)); err == nil {
			return redactForm(form, body)
		}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil || !over(dec) {
		if bytes.Contains(bytes.ToLower(body), []byte("secret")) {
			return nil, true
		}
		return body, false
	}
	if !mask(v) {
		return body, false
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, true
	}
	return out, true
}

// over tells whether nothing follows what was decoded.
func over(dec *json.Decoder) bool {
	_, err := dec.Token()
	return errors.Is(err, io.EOF)
}

func redactForm(form url.Values, body []byte) ([]byte, bool) {
	found := false
	for name := range form {
		if secret(name) {
			form.Set(name, masked)
			found = true
		}
	}
	if !found {
		return body, false
	}
	return []byte(form.Encode()), true
}

// mask replaces the secrets below v and tells whether there were any.
func mask(v any) bool {
	found := false
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			switch inner.(type) {
			case string, json.Number:
				if secret(name) {
					v[name], found = masked, true
				}
			default:
				found = mask(inner) || found
			}
		}
	case []any:
		for _, inner := range v {
			found = mask(inner) || found
		}
	}
	return found
}

// digest names what was posted. None of its parts can run into the next.
func digest(headers map[string]string, body []byte) []byte {
	h := sha256.New()
	names := make([]string, 0, len(headers))
	for name := range headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if name == "User-Agent" || name == "Content-Type" || strings.HasSuffix(name, "-Delivery") {
			continue // not what it says
		}
		h.Write([]byte(name + "\x00" + headers[name] + "\x00"))
	}
	h.Write([]byte{'\n'})
	h.Write(body)
	return h.Sum(nil)
}
