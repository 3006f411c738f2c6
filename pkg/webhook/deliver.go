package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/trace"
)

const (
	// attemptTimeout is how long a receiver may take, from dialling to the end of its answer.
	attemptTimeout = 15 * time.Second
	// recordTimeout bounds writing a result down.
	recordTimeout = 5 * time.Second
	// leaseTime outlives an attempt and its record, so that a lease ends only when its holder is gone.
	leaseTime = 45 * time.Second
	// laneTime is how long a task goes on with further events of its merchant. With
	// one attempt more it stays below the worker's shutdown time.
	laneTime = 10 * time.Second
	// defaultLanes bounds the attempts under way at one merchant.
	defaultLanes = 8

	// DefaultPatience is for how long an endpoint may only fail.
	DefaultPatience = 5 * 24 * time.Hour
	// DefaultTries is how many failures it takes at least to suspend one.
	DefaultTries = 10

	readBody  = 64 << 10
	storeBody = 1 << 10
)

// Options of a [Deliverer]. The zero value of each field is what production wants.
type Options struct {
	Now func() time.Time
	// Jitter gives numbers in [0, 1).
	Jitter func() float64
	// Lanes bounds the attempts under way at one merchant, over all processes.
	Lanes int
	// Timeout is how long a receiver may take.
	Timeout time.Duration
	// Schedule is the delays before retries.
	Schedule []time.Duration
	// Patience is for how long nothing but failures may come of an endpoint before it is
	// suspended, and Tries how many of them it takes at least.
	Patience time.Duration
	Tries    int
	// UserAgent names us to receivers.
	UserAgent string
	// TLS replaces the transport's settings, for a receiver whose certificate only a test trusts.
	TLS        *tls.Config
	Log        *slog.Logger
	Registerer prometheus.Registerer
	// Tracer may be nil: then nothing is traced.
	Tracer oteltrace.Tracer
}

func (o *Options) defaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Lanes == 0 {
		o.Lanes = defaultLanes
	}
	if o.Timeout == 0 {
		o.Timeout = attemptTimeout
	}
	if o.Schedule == nil {
		o.Schedule = Schedule()
	}
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	if o.Tries == 0 {
		o.Tries = DefaultTries
	}
	if o.UserAgent == "" {
		o.UserAgent = "Muara-Webhook/1"
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider().Tracer("")
	}
}

// Deliverer sends events.
type Deliverer struct {
	store    *store
	sealer   *seal.Sealer
	client   *http.Client
	lookup   *Guard
	measured *metrics
	tracer   oteltrace.Tracer
	o        Options
}

// NewDeliverer delivers what is in pool, and dials through guard only. It registers
// its metrics once.
func NewDeliverer(pool *pgxpool.Pool, sealer *seal.Sealer, guard *Guard, o Options) *Deliverer {
	o.defaults()
	transport := &http.Transport{
		// No proxy, whatever the environment says: it would dial in our place, unguarded.
		Proxy:                  nil,
		DialContext:            guard.DialContext,
		TLSClientConfig:        o.TLS,
		TLSHandshakeTimeout:    dialTimeout,
		MaxIdleConnsPerHost:    o.Lanes,
		MaxIdleConns:           512,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: readBody,
		DisableCompression:     true, // what is read is bounded, so it must not swell
		Protocols:              new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	return &Deliverer{
		store: &store{pool: pool, lease: leaseTime, lanes: o.Lanes, patience: o.Patience, tries: o.Tries}, sealer: sealer, lookup: guard,
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		measured: newMetrics(o.Registerer), tracer: o.Tracer, o: o,
	}
}

// Deliver sends the event if it is due and the earliest of its subject, and then what
// else of the same merchant is due. It is safe to call it any number of times, at
// once and in any process. An error means that the database did not answer; what a
// receiver did is in the rows.
func (d *Deliverer) Deliver(ctx context.Context, id int64) error {
	end := d.o.Now().Add(laneTime)
	merchantID, c, err := d.store.claim(ctx, id, d.o.Now())
	if err != nil || merchantID == "" {
		return err
	}
	if c == nil {
		if c, err = d.store.claimNext(ctx, merchantID, id, d.o.Now()); err != nil {
			return err
		}
	}
	for c != nil {
		if c, err = d.one(ctx, c, end); err != nil {
			return err
		}
	}
	return nil
}

// one makes the attempt of a claim, writes what came of it, and gives the next claim.
func (d *Deliverer) one(ctx context.Context, c *claim, end time.Time) (*claim, error) {
	sctx, span := d.tracer.Start(trace.Extract(ctx, c.traceParent), "webhook.deliver",
		oteltrace.WithSpanKind(oteltrace.SpanKindProducer),
		oteltrace.WithAttributes(
			attribute.Int64("muara.event", c.id), attribute.String("muara.event_id", c.eventID), attribute.String("muara.event_type", c.kind),
			attribute.String("muara.subject", c.subject), attribute.Int("muara.attempt", c.attempts)))
	defer span.End()
	r, err := d.attempt(sctx, c)
	if err != nil { // our own trouble: the lease ends by itself and the event is tried again
		span.RecordError(err)
		return nil, err
	}
	span.SetAttributes(attribute.String("muara.outcome", r.outcome()), attribute.Int("http.response.status_code", r.code))
	if !r.delivered() {
		span.SetStatus(codes.Error, r.outcome())
	}
	now := d.o.Now().UTC().Truncate(time.Microsecond)
	v := judge(c, r, d.o.Schedule, now, d.o.Jitter())
	// Whatever happens to the task, what the receiver did is written down.
	wctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	more := ctx.Err() == nil && now.Before(end)
	next, stale, suspended, err := d.store.finish(wctx, c, r, v, now, more)
	d.measured.attempt(c, r, v, stale, now)
	d.line(sctx, c, r, v, stale, err)
	if suspended {
		d.measured.suspended.Inc()
		d.o.Log.LogAttrs(sctx, slog.LevelWarn, "webhook endpoint suspended: nothing but failures came of it",
			slog.String("merchant_id", c.merchantID), slog.String("host", host(c.url)), slog.Duration("for", d.o.Patience))
	}
	return next, err
}

// attempt sends the event once. Its error is ours (database, key); a receiver's
// trouble is a result.
func (d *Deliverer) attempt(ctx context.Context, c *claim) (*result, error) {
	if c.url == "" || !c.enabled {
		return &result{failure: failDisabled}, nil
	}
	secrets, err := d.secrets(ctx, c)
	if err != nil {
		return nil, err
	}
	start := d.o.Now()
	tctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	req, err := d.request(tctx, c, start, secrets)
	var refused *RefusedError
	if errors.As(err, &refused) {
		return &result{failure: failRefused, err: err}, nil
	}
	if err != nil {
		return nil, err
	}
	r := d.do(req)
	r.took = d.o.Now().Sub(start)
	if !r.delivered() && ctx.Err() != nil {
		return &result{failure: failAborted, err: ctx.Err(), took: r.took}, nil
	}
	return r, nil
}

// secrets opens what signs; a merchant that has no endpoint yet gets one, for its secret.
func (d *Deliverer) secrets(ctx context.Context, c *claim) ([]string, error) {
	if c.secret == nil {
		if _, err := CreateEndpoint(ctx, d.store.pool, c.merchantID, d.sealer, d.o.Now()); err != nil {
			return nil, err
		}
		err := d.store.pool.QueryRow(ctx, `SELECT secret FROM webhook_endpoints WHERE merchant_id = $1`, c.merchantID).Scan(&c.secret)
		if err != nil {
			return nil, fmt.Errorf("webhook: secret: %w", err)
		}
	}
	var out []string
	for _, sealed := range append([][]byte{c.secret}, c.previous...) {
		secret, err := d.sealer.Open(sealed, sealContext(c.merchantID))
		if err != nil {
			return nil, fmt.Errorf("webhook: secret of %s: %w", c.merchantID, err)
		}
		out = append(out, string(secret))
	}
	return out, nil
}

func (d *Deliverer) request(ctx context.Context, c *claim, at time.Time, secrets []string) (*http.Request, error) {
	// The rules may have become stricter since the URL was set.
	if _, _, err := d.lookup.parse(c.url); err != nil {
		return nil, err
	}
	signature, err := Sign(c.eventID, at, []byte(c.body), secrets...)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader([]byte(c.body)))
	if err != nil {
		return nil, refuse("not an absolute URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", d.o.UserAgent)
	req.Header.Set(HeaderID, c.eventID)
	req.Header.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(HeaderSignature, signature)
	// Lets net/http send again when a kept connection turns out to be closed (webhook-id
	// makes that harmless); an empty value is not sent.
	req.Header["Idempotency-Key"] = nil
	return req, nil
}

// do sends and reads the answer.
func (d *Deliverer) do(req *http.Request) *result {
	resp, err := d.client.Do(req)
	if err != nil {
		var withURL *url.Error
		if errors.As(err, &withURL) {
			err = withURL.Err // the URL may carry what only the merchant should know
		}
		return &result{failure: ofError(err), err: withoutWords(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	// The status is the answer: what of the body comes in time is kept for people.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, readBody))
	return &result{
		failure: ofStatus(resp.StatusCode), code: resp.StatusCode, body: text(body),
		retryAfter: retryAfter(resp.Header, d.o.Now()),
	}
}

// text is the beginning of an answer, as Postgres can keep it.
func text(body []byte) string {
	s := strings.ReplaceAll(strings.ToValidUTF8(string(body[:min(len(body), storeBody)]), ""), "\x00", "")
	return s
}

// line is the one log line of an attempt, with everything in it but secrets, bodies and URLs.
func (d *Deliverer) line(ctx context.Context, c *claim, r *result, v verdict, stale bool, err error) {
	attrs := []slog.Attr{
		slog.Int64("event", c.id), slog.String("event_id", c.eventID), slog.String("type", c.kind), slog.String("subject", c.subject),
		slog.String("merchant_id", c.merchantID), slog.String("mode", c.mode), slog.String("host", host(c.url)), slog.Int("attempt", c.attempts),
		slog.String("outcome", r.outcome()), slog.Int("code", r.code), slog.Duration("took", r.took), slog.Duration("late", c.claimedAfter),
		slog.String("status", v.status),
	}
	if v.next != nil {
		attrs = append(attrs, slog.Time("next_run_at", *v.next))
	}
	if r.err != nil {
		attrs = append(attrs, slog.String("error", r.err.Error()))
	}
	level := slog.LevelInfo
	switch {
	case err != nil:
		level = slog.LevelError
		attrs = append(attrs, slog.String("record_error", err.Error()))
	case stale:
		level = slog.LevelWarn
		attrs = append(attrs, slog.Bool("stale", true))
	case v.status == Parked:
		level = slog.LevelWarn
	}
	d.o.Log.LogAttrs(ctx, level, "webhook attempt", attrs...)
}

func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
