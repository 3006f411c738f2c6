package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Encoding is a content coding of HTTP; the empty one is identity.
type Encoding string

// The codings that bodies come in.
const (
	Identity Encoding = ""
	Gzip     Encoding = "gzip"
	Zstd     Encoding = "zstd"
)

// smallest is the size from which compressing is worth it, in bytes.
const smallest = 512

// Body is one complete answer, in every coding, each with its strong ETag. Codings are
// made when first asked for. An ETag names the content: it stays the same from
// version to version while the content does, and in every process.
type Body struct {
	plain []byte
	tag   string
	gz    variant
	zs    variant
	grew  func(n int) // told of what compressing adds; nil for nobody
}

type variant struct {
	once  sync.Once
	bytes []byte
}

// Variant is a body in one coding.
type Variant struct {
	Encoding Encoding
	ETag     string
	Bytes    []byte
}

type envelope struct {
	OK   bool `json:"ok"`
	Data any  `json:"data"`
}

// newBody encodes an answer's data inside the envelope.
func newBody(data any) *Body {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(envelope{OK: true, Data: data}); err != nil {
		panic(fmt.Sprintf("catalog: encode: %v", err)) // structs of texts and numbers only
	}
	return NewBody(bytes.Clone(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
}

// NewBody is a body of any content, which must not be changed afterwards.
func NewBody(plain []byte) *Body {
	sum := sha256.Sum256(plain)
	return &Body{plain: plain, tag: base64.RawURLEncoding.EncodeToString(sum[:15])}
}

// Negotiate gives the body in the coding that a request's Accept-Encoding likes
// best; small bodies are not compressed.
func (b *Body) Negotiate(acceptEncoding string) Variant {
	if len(b.plain) < smallest {
		return b.In(Identity)
	}
	return b.In(negotiate(acceptEncoding))
}

// In gives the body in a coding.
func (b *Body) In(e Encoding) Variant {
	switch e {
	case Gzip:
		b.gz.once.Do(func() { b.gz.bytes = b.compressed(gzipped(b.plain)) })
		return Variant{Gzip, `"` + b.tag + `-gzip"`, b.gz.bytes}
	case Zstd:
		b.zs.once.Do(func() { b.zs.bytes = b.compressed(zstandard(b.plain)) })
		return Variant{Zstd, `"` + b.tag + `-zstd"`, b.zs.bytes}
	case Identity:
	}
	return Variant{Identity, `"` + b.tag + `"`, b.plain}
}

// ETag is the tag of the body in the coding that Negotiate would give, known
// without compressing anything: enough to answer 304.
func (b *Body) ETag(acceptEncoding string) string {
	if len(b.plain) < smallest {
		return `"` + b.tag + `"`
	}
	if e := negotiate(acceptEncoding); e != Identity {
		return `"` + b.tag + "-" + string(e) + `"`
	}
	return `"` + b.tag + `"`
}

// Matches tells whether an If-None-Match header names an ETag.
func Matches(ifNoneMatch, etag string) bool {
	for part := range strings.SplitSeq(ifNoneMatch, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == etag {
			return true
		}
	}
	return false
}

func (b *Body) compressed(out []byte) []byte {
	if b.grew != nil {
		b.grew(len(out))
	}
	return out
}

// Writing to memory cannot fail; the levels are valid constants.
func gzipped(plain []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.DefaultCompression)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("catalog: gzip: %v", err))
	}
	return bytes.Clone(out.Bytes())
}

func zstandard(plain []byte) []byte {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		panic(fmt.Sprintf("catalog: zstd: %v", err))
	}
	defer w.Close()
	return bytes.Clone(w.EncodeAll(plain, nil))
}

// negotiate reads Accept-Encoding: the coding with the highest weight, and of equal
// ones zstd before gzip before identity (RFC 9110, 12.5.3). Whatever it cannot
// read counts as identity.
func negotiate(accept string) Encoding {
	weights := map[string]float64{}
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" {
			continue
		}
		q := 1.0
		if key, value, ok := strings.Cut(strings.TrimSpace(params), "="); ok && strings.EqualFold(strings.TrimSpace(key), "q") {
			parsed, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || parsed < 0 || parsed > 1 {
				parsed = 0
			}
			q = parsed
		}
		weights[name] = q
	}
	weight := func(name string) float64 {
		if q, ok := weights[name]; ok {
			return q
		}
		return weights["*"]
	}
	best, most := Identity, 0.0
	for _, e := range []Encoding{Zstd, Gzip} {
		if q := weight(string(e)); q > most {
			best, most = e, q
		}
	}
	if q, ok := weights["identity"]; ok && q > most {
		return Identity
	}
	return best
}
