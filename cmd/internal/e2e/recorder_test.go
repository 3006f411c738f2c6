package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// heard is everything of one answer or webhook that a merchant can read.
type heard struct {
	what string // the request, or the webhook
	code int
	head string
	body []byte // decompressed
}

// recorder keeps every byte that its merchants are sent. It is their transport.
type recorder struct {
	next http.RoundTripper

	mu  sync.Mutex
	all []heard
}

// RoundTrip passes a request on and keeps its answer.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	body, err := unpack(resp.Header.Get("Content-Encoding"), raw)
	if err != nil {
		return nil, err
	}
	r.keep(req.Method+" "+req.URL.RequestURI(), resp.StatusCode, resp.Header, body)
	return resp, nil
}

func (r *recorder) keep(what string, code int, head http.Header, body []byte) {
	var lines []string
	for name, values := range head {
		lines = append(lines, name+": "+strings.Join(values, ", "))
	}
	slices.Sort(lines)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, heard{what: what, code: code, head: strings.Join(lines, "\n"), body: body})
}

func (r *recorder) everything() []heard {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func unpack(encoding string, raw []byte) ([]byte, error) {
	switch {
	case len(raw) == 0 || encoding == "":
		return raw, nil
	case encoding == "gzip":
		in, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(in)
	case encoding == "zstd":
		in, err := zstd.NewReader(nil)
		if err != nil {
			return nil, err
		}
		defer in.Close()
		return in.DecodeAll(raw, nil)
	}
	return nil, fmt.Errorf("answered in %q", encoding)
}
