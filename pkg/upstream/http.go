package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// MaxBody bounds an answer in bytes. A product list of 50,000 rows has about 15 MiB.
const MaxBody = 32 << 20

// maxPurchaseBody bounds the answer to a purchase or a question about one.
const maxPurchaseBody = 1 << 20

// HTTP sends a driver's requests. It has two ways: Money never reuses a
// connection, so that net/http cannot resend a request by itself; Read may where
// net/http would not resend (POST).
// Neither follows redirects, uses HTTP/2 or a proxy of the environment, and
// both bound the body.
type HTTP struct {
	money *http.Client
	read  *http.Client
}

// NewHTTP gives the two ways, with dial and TLS handshake bounded to 10 s; the
// whole call is bounded by its context.
func NewHTTP() *HTTP {
	client := func(reuse bool) *http.Client {
		dialer := &net.Dialer{Timeout: 10 * time.Second}
		tr := &http.Transport{
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			DisableKeepAlives:   !reuse,
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     30 * time.Second,
			DisableCompression:  !reuse,
			Protocols:           new(http.Protocols),
		}
		tr.Protocols.SetHTTP1(true)
		return &http.Client{
			Transport: tr,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		}
	}
	return &HTTP{money: client(false), read: client(true)}
}

// Response is an answer, whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Code is the status as a label for operators.
func (r *Response) Code() string { return "http " + strconv.Itoa(r.Status) }

// HTML tells a page made for people (a block page, a proxy's error) from an
// answer of the API.
func (r *Response) HTML() bool {
	mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && mt == "text/html" {
		return true
	}
	head := strings.TrimSpace(string(r.Body[:min(len(r.Body), 256)]))
	return strings.HasPrefix(head, "<")
}

// longestRetryAfter bounds what a header may ask for.
const longestRetryAfter = 24 * time.Hour

// RetryAfter reads the header's seconds or date, a day at most; zero when it is
// missing or has passed.
func (r *Response) RetryAfter(now time.Time) time.Duration {
	v := r.Header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, int(longestRetryAfter/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil && t.After(now) {
		return min(t.Sub(now), longestRetryAfter)
	}
	return 0
}

// Money sends a request that may move money.
func (h *HTTP) Money(ctx context.Context, req *http.Request) (*Response, error) {
	return do(ctx, h.money, req, maxPurchaseBody)
}

// Read sends a request that changes nothing at the provider. A GET travels on a
// connection of its own as well: net/http sends one again by itself when a reused
// connection dies, and the provider would count an arrival that no slot of the
// budget stands for.
func (h *HTTP) Read(ctx context.Context, req *http.Request) (*Response, error) {
	client := h.read
	if req.Method != http.MethodPost {
		client = h.money
	}
	return do(ctx, client, req, MaxBody)
}

// do sends once and gives the answer, or an [Error] of class NotSent when
// nothing was written, else Unknown. Block pages are an Unknown that pauses the
// provider: whether the request behind the page was carried out is not known.
// A redirect is never read, even when it holds what looks like an answer.
func do(ctx context.Context, client *http.Client, req *http.Request, limit int64) (*Response, error) {
	var wrote atomic.Bool
	trace := &httptrace.ClientTrace{
		// Both fire before the first byte can reach the wire: the header is
		// written into a buffer, so WroteHeaders alone would come too late.
		WroteHeaderField: func(string, []string) { wrote.Store(true) },
		WroteRequest:     func(httptrace.WroteRequestInfo) { wrote.Store(true) },
	}
	resp, err := client.Do(req.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		return nil, sendError(err, wrote.Load())
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	out := &Response{Status: resp.StatusCode, Header: resp.Header, Body: body}
	switch {
	case err != nil:
		return nil, &Error{Class: Unknown, Code: out.Code(), Err: errors.New("answer cut off")}
	case int64(len(body)) > limit:
		return nil, &Error{Class: Unknown, Code: out.Code(), Err: fmt.Errorf("answer larger than %d bytes", limit)}
	}
	if out.Status == http.StatusTooManyRequests || out.HTML() {
		// The answer goes with the error: the contract of a provider may say what its own
		// refusal for a rate means.
		return out, &Error{
			Class: Unknown, Pause: out.blocks(), After: out.RetryAfter(time.Now()), Code: out.Code(),
			Err: errors.New("block page or rate refusal"),
		}
	}
	if out.Status >= http.StatusMultipleChoices && out.Status < http.StatusBadRequest {
		// Whatever it holds, it is not the API's word: no provider documents a redirect.
		return nil, &Error{Class: Unknown, Code: out.Code(), Err: errors.New("redirected")}
	}
	return out, nil
}

// blocks tells a page that says "go away" from one that says "I am broken".
func (r *Response) blocks() bool {
	switch r.Status {
	case http.StatusTooManyRequests, http.StatusForbidden, http.StatusServiceUnavailable, http.StatusOK:
		return true
	}
	return false
}

// sendError classifies a failed round trip without its URL, which may hold a
// credential.
func sendError(err error, wrote bool) *Error {
	class := NotSent
	if wrote {
		class = Unknown
	}
	var cause error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		cause = errors.New("no answer in time")
	case errors.Is(err, context.Canceled):
		cause = errors.New("given up while waiting")
	default:
		cause = stripURL(err)
	}
	return &Error{Class: class, Err: cause}
}

// stripURL gives the innermost cause: *url.Error prints the whole URL.
func stripURL(err error) error {
	for {
		switch e := err.(type) { //nolint:errorlint // walks the chain by hand to drop the outer text
		case *net.OpError:
			return fmt.Errorf("%s: %w", e.Op, stripURL(e.Err))
		case interface{ Unwrap() error }:
			inner := e.Unwrap()
			if inner == nil {
				return errors.New("connection failed")
			}
			err = inner
		default:
			return plain(err)
		}
	}
}

// plain gives a cause that is the machine's or the handshake's own. net/http quotes
// what it could not read of an answer, the address of a redirect among it, and a
// provider may repeat our key in either.
func plain(err error) error {
	switch err.(type) { //nolint:errorlint // the innermost cause itself
	case syscall.Errno, *net.DNSError, *net.AddrError, tls.AlertError, tls.RecordHeaderError, x509.UnknownAuthorityError, x509.HostnameError,
		x509.CertificateInvalidError:
		return err
	}
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, os.ErrDeadlineExceeded, http.ErrSchemeMismatch} {
		if errors.Is(err, known) {
			return err
		}
	}
	if timed, ok := err.(net.Error); ok && timed.Timeout() { //nolint:errorlint // the innermost cause itself
		return errors.New("timed out")
	}
	return errors.New("no answer that HTTP knows")
}
