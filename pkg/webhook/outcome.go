package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// What went wrong, as a row's failure and a metric's outcome: a closed set.
const (
	failNone     = ""
	failStatus   = "status"
	failRedirect = "redirect"
	failGone     = "gone"
	failTimeout  = "timeout"
	failRefused  = "refused"
	failDNS      = "dns"
	failTLS      = "tls"
	failConnect  = "connect"
	failDisabled = "disabled"
	failAborted  = "aborted"

	outcomeDelivered = "delivered"
)

func outcomes() []string {
	return []string{
		outcomeDelivered, failStatus, failRedirect, failGone, failTimeout, failRefused, failDNS, failTLS,
		failConnect, failDisabled, failAborted,
	}
}

// maxRetryAfter bounds how long a receiver may put us off.
const maxRetryAfter = 7 * 24 * time.Hour

// Schedule is the delay before each retry; after the last the event is parked.
func Schedule() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// result is what one attempt came to.
type result struct {
	failure string
	// code and body are the answer's; code is zero when there was none.
	code       int
	body       string
	retryAfter time.Duration
	// err is the cause for the log, without the URL.
	err  error
	took time.Duration
}

func (r *result) delivered() bool { return r.failure == failNone }

func (r *result) outcome() string {
	if r.delivered() {
		return outcomeDelivered
	}
	return r.failure
}

// ofStatus is what an answer's status means: 2xx alone is success.
func ofStatus(code int) string {
	switch {
	case code >= 200 && code < 300:
		return failNone
	case code >= 300 && code < 400:
		return failRedirect
	case code == http.StatusGone:
		return failGone
	}
	return failStatus
}

// ofError is what the lack of an answer means.
func ofError(err error) string {
	var refused *RefusedError
	var unresolved *lookupError
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &unresolved) || errors.As(err, &dns):
		return failDNS
	case errors.As(err, &refused):
		return failRefused
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		return failTimeout
	case isTLS(err):
		return failTLS
	}
	return failConnect
}

// withoutWords keeps what our side and the network say of an error. net/http quotes what it cannot read of an answer, and a
// receiver may send our own event back.
func withoutWords(err error) error {
	var network *net.OpError
	if ofError(err) != failConnect || errors.As(err, &network) {
		return err
	}
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.Canceled, http.ErrSchemeMismatch} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("no answer that HTTP knows")
}

func isTLS(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &host) || errors.As(err, &authority)
}

// retryAfter reads a Retry-After: seconds or a date; zero when there is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	var d time.Duration
	if s, err := strconv.ParseInt(text, 10, 64); err == nil {
		d = time.Duration(min(max(s, 0), int64(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// verdict is what is written about an attempt.
type verdict struct {
	status   string
	attempts int
	step     int
	next     *time.Time // nil when nothing more is to come
}

// judge decides what becomes of an event after an attempt. jitter is in [0, 1) and
// adds up to a tenth, so that what failed together does not come back together.
func judge(c *claim, r *result, schedule []time.Duration, now time.Time, jitter float64) verdict {
	v := verdict{attempts: c.attempts, step: c.step}
	switch {
	case r.delivered():
		v.status = Delivered
		return v
	case r.failure == failAborted: // we broke it off ourselves: as if it had not been tried
		v.status, v.next = c.status, &now
		return v
	case r.failure == failDisabled: // nothing was sent
		v.status, v.attempts = Parked, c.attempts-1
		return v
	case r.failure == failGone || c.step >= len(schedule):
		v.status = Parked
		return v
	}
	d := schedule[c.step]
	d += time.Duration(jitter * float64(d) / 10)
	next := now.Add(max(d, r.retryAfter))
	v.status, v.next, v.step = Failed, &next, c.step+1
	return v
}
