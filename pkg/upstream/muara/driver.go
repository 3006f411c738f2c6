package muara

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
)

// The names of the credentials in the configuration. The secret that signs webhooks is
// needed only where they are received.
const (
	credentialKey    = "api_key"
	credentialSecret = "webhook_secret"
)

// optionCallback names the setting that has webhooks of our orders sent to an address
// of their own.
const optionCallback = "callback_url"

// Driver speaks to one account.
type Driver struct {
	cfg  upstream.Config
	base string

	mu sync.Mutex
	// cursors are where pages of lists begin that were told of by the one before.
	cursors map[string]string
}

// testKey is a key of the other installation's test mode.
var testKey = regexp.MustCompile(`^[a-z0-9]+_test_`)

// New makes a driver. The base URL ends in /api/v1.
func New(cfg upstream.Config) (*Driver, error) {
	if err := cfg.Need(credentialKey); err != nil {
		return nil, err
	}
	if testKey.MatchString(strings.TrimSpace(cfg.Credentials[credentialKey])) {
		return nil, fmt.Errorf("upstream %s: credentials.%s is a test key: what it buys is pretended, and our customers' money is not", cfg.Name, credentialKey)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Driver{cfg: cfg, base: cfg.Base(), cursors: map[string]string{}}, nil
}

var (
	_ upstream.Driver           = (*Driver)(nil)
	_ upstream.Lookup           = (*Driver)(nil)
	_ upstream.IdempotentSubmit = (*Driver)(nil)
	_ upstream.BulkStatus       = (*Driver)(nil)
	_ upstream.Balance          = (*Driver)(nil)
	_ upstream.Cancel           = (*Driver)(nil)
	_ upstream.Finish           = (*Driver)(nil)
	_ upstream.Resend           = (*Driver)(nil)
	_ upstream.Operators        = (*Driver)(nil)
	_ upstream.Catalog          = (*Driver)(nil)
	_ upstream.Inquire          = (*Driver)(nil)
	_ upstream.PriceCheck       = (*Driver)(nil)
	_ upstream.BillPrices       = (*Driver)(nil)
	_ upstream.Invoices         = (*Driver)(nil)
	_ upstream.Payouts          = (*Driver)(nil)
	_ upstream.CheckAccount     = (*Driver)(nil)
	_ upstream.Statement        = (*Driver)(nil)
	_ upstream.Movements        = (*Driver)(nil)
	_ upstream.Callback         = (*Driver)(nil)
	_ upstream.Refiller         = (*Driver)(nil)
)

// IdempotentSubmit says that the API never charges twice for one ref.
func (d *Driver) IdempotentSubmit() {}

// get asks.
func (d *Driver) get(ctx context.Context, path string, query url.Values) (*upstream.Response, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return d.send(ctx, d.cfg.HTTP.Read, http.MethodGet, path, nil)
}

// post has something done; body may be nil.
func (d *Driver) post(ctx context.Context, path string, body any) (*upstream.Response, error) {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return nil, unbuilt()
		}
	}
	return d.send(ctx, d.cfg.HTTP.Money, http.MethodPost, path, raw)
}

func unbuilt() *upstream.Error {
	return &upstream.Error{Class: upstream.NotSent, Err: errors.New("request could not be built")}
}

// send makes a request. A refusal for our rate is the API's where it says so in its own
// words: then nothing was done.
func (d *Driver) send(ctx context.Context, send func(context.Context, *http.Request) (*upstream.Response, error), method, path string, body []byte) (*upstream.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, unbuilt()
	}
	if body == nil {
		req.Body, req.GetBody, req.ContentLength = http.NoBody, nil, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set(wire.KeyHeader, wire.KeyPrefix+d.cfg.Credentials[credentialKey])
	req.Header.Set("Accept", "application/json")
	resp, err := send(ctx, req)
	if err == nil {
		return resp, nil
	}
	if resp == nil || resp.Status != http.StatusTooManyRequests || resp.HTML() {
		return nil, err
	}
	_, refused := wire.Decode(resp.Status, resp.Body, func(*struct{}) error { return nil })
	if r, ok := wire.AsRefusal(refused); ok {
		e := upstream.AsError(err)
		return nil, &upstream.Error{
			Class: upstream.Throttled, Pause: true, After: max(e.After, time.Second), Code: r.Code, Detail: d.cfg.Redact(r.Message),
		}
	}
	return nil, err
}

// otherThing finds in a message what else than an order may not be found.
var otherThing = regexp.MustCompile(`(?i)\b(route|path|url|endpoint|page|halaman|rute)\b`)

// explain turns what a decoder said into the class of the call.
func (d *Driver) explain(resp *upstream.Response, err error) *upstream.Error {
	r, ok := wire.AsRefusal(err)
	if !ok {
		return upstream.Malformed(resp.Code(), err)
	}
	code, detail := r.Code, d.cfg.Redact(r.Message)
	for _, f := range r.Details {
		if f.Reason != "" {
			code += " " + string(f.Reason)
		}
	}
	e := upstream.Reject(reasonOf(r), code, detail)
	switch r.Code {
	case wire.CodeUnauthorized, wire.CodeForbidden, wire.CodeIP:
		e.Halt = true
	case wire.CodeUpstream, wire.CodeNotAvailable:
		e.After = resp.RetryAfter(d.cfg.Now())
		if r.Code == wire.CodeNotAvailable && e.After > 0 {
			e.Reason = upstream.ReasonEarly
		}
	case wire.CodeNotFound:
		if otherThing.MatchString(r.Message) {
			return &upstream.Error{
				Class: upstream.Unknown, Halt: true, Code: code, Detail: detail, Err: errors.New("the base URL leads to no route of the API"),
			}
		}
	case wire.CodeMethod, wire.CodeInternal:
		return &upstream.Error{Class: upstream.Unknown, Code: code, Detail: detail, Err: errors.New("failure without proof")}
	}
	return e
}

// refused is explain for what moves money or changes an order. That its source could not
// answer is said of what was not kept, yet an API may say it as well when its own time
// ended while it was being kept: so it proves nothing by itself. Who may call is looked at
// before the reference is: after the first sending, a refusal of that proves nothing of
// what was sent before.
func (d *Driver) refused(resp *upstream.Response, err error, sends int) *upstream.Error {
	e := d.explain(resp, err)
	r, ok := wire.AsRefusal(err)
	if !ok || e.Class != upstream.Rejected {
		return e
	}
	switch r.Code {
	case wire.CodeUpstream:
		e.Class, e.Answered, e.Err = upstream.Unknown, true, errors.New("failure without proof")
	case wire.CodeUnauthorized, wire.CodeForbidden, wire.CodeIP:
		if sends > 1 {
			e.Class, e.Err = upstream.Unknown, errors.New("sent before it was refused")
		}
	}
	return e
}

// reasonOf is why the API refused.
func reasonOf(r *wire.Refusal) upstream.Reason {
	switch r.Code {
	case wire.CodeUnauthorized, wire.CodeForbidden, wire.CodeIP:
		return upstream.ReasonOurAccount
	case wire.CodeInsufficient, wire.CodeLimit:
		return upstream.ReasonOurBalance
	case wire.CodeNotFound:
		return upstream.ReasonGone
	case wire.CodeRefConflict:
		return upstream.ReasonDuplicate
	case wire.CodeDuplicate: // our account there has its guard on
		return upstream.ReasonRepeat
	case wire.CodeInquiryRequired, wire.CodeInquiryExpired:
		return upstream.ReasonExpired
	case wire.CodeUnavailable, wire.CodeUpstream:
		return upstream.ReasonProduct
	case wire.CodePriceChanged:
		return upstream.ReasonPrice
	case wire.CodeBillNotFound:
		return upstream.ReasonNoBill
	case wire.CodeInvalid:
		return invalidReason(r.Details)
	}
	return ""
}

// invalidReason is whose mistake an invalid request is: the customer's where a field is
// wrong that the customer gave, else ours.
func invalidReason(details []wire.Detail) upstream.Reason {
	reason := upstream.ReasonRequest
	for _, f := range details {
		switch string(f.Field) {
		case "ref", "category", "callback_url", "max_price":
			return upstream.ReasonRequest
		case "sku", "operator_id":
			return upstream.ReasonProduct
		default:
			reason = upstream.ReasonCustomer
		}
	}
	return reason
}

// absent is whether a refusal says that there is no such thing as was asked about.
func absent(err error) bool {
	r, ok := wire.AsRefusal(err)
	return ok && r.Code == wire.CodeNotFound && !otherThing.MatchString(r.Message)
}

// ask gets and decodes.
func ask[T any](ctx context.Context, d *Driver, path string, query url.Values, decode func(int, []byte) (*T, error)) (*T, *upstream.Response, error) {
	resp, err := d.get(ctx, path, query)
	if err != nil {
		return nil, nil, err
	}
	out, err := decode(resp.Status, resp.Body)
	return out, resp, err
}

// Balance reads our balance, in rupiah.
func (d *Driver) Balance(ctx context.Context) (int64, error) {
	p, resp, err := ask(ctx, d, wire.PathProfile, nil, wire.DecodeProfile)
	if err != nil {
		return 0, d.wrong(resp, err)
	}
	return int64(*p.Balance), nil
}

// wrong is explain, for what may have failed before there was an answer.
func (d *Driver) wrong(resp *upstream.Response, err error) error {
	if resp == nil {
		return err
	}
	return d.explain(resp, err)
}

// where gives the cursor at which a page of a list begins; ok is false where the page
// before it was not read.
func (d *Driver) where(list string, page int) (cursor string, ok bool) {
	if page <= 1 {
		return "", page == 1
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	cursor, ok = d.cursors[list+strconv.Itoa(page)]
	return cursor, ok
}

// noted remembers where the page after this one begins, and gives its number.
func (d *Driver) noted(list string, page int, next string) int {
	if next == "" {
		return 0
	}
	const most = 1_000
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.cursors) >= most {
		clear(d.cursors)
	}
	d.cursors[list+strconv.Itoa(page+1)] = next
	return page + 1
}

// page asks for a page of a list.
func page(cursor string, query url.Values) url.Values {
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", strconv.Itoa(wire.MaxLimit))
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	return query
}

// errPage is a page that nobody told of.
func errPage() *upstream.Error {
	return &upstream.Error{Class: upstream.NotSent, Err: errors.New("the page before it was not read")}
}

// span is a time as the API takes it: from inclusive, to exclusive.
func span(from, to time.Time) url.Values {
	return url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}}
}

// trimmed is a text without the spaces around it.
func trimmed(s string) string { return strings.TrimSpace(s) }
