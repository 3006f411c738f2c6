package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/invoice/wire"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Config makes an emulator. The zero value accepts any key, has no limit, waits for the
// control API to pay invoices, and lets staff approve every withdrawal at once.
type Config struct {
	emulate.Config
	// APIKey is the only one that is accepted; empty accepts any.
	APIKey string
	// MaxPending is how many invoices may be open at once; zero for no limit.
	MaxPending int
	// ImageHost is where the images are said to lie; empty is where they were asked for.
	ImageHost string
}

// Emulator is the gateway. It is safe for use by many goroutines.
type Emulator struct {
	*emulate.Core
}

// New makes an emulator.
func New(cfg Config) *Emulator {
	return &Emulator{Core: emulate.NewCore(cfg.Config, &door{cfg: cfg})}
}

// door answers the endpoints. It keeps nothing: the book does.
type door struct{ cfg Config }

// Purchase tells the endpoints that move money.
func (d *door) Purchase(path string) bool { return path == wire.PathWithdraw }

// Describe reads what a request is about. The key in the query stays out of it.
func (d *door) Describe(r *emulate.Request) emulate.Subject {
	switch r.Path {
	case wire.PathWithdraw:
		var in asked
		if lenient.Decode(r.Body, &in) == nil {
			return emulate.Subject{Product: dana, Target: string(in.AccountNumber)}
		}
	case wire.PathCreate:
		return emulate.Subject{Product: "invoice", Target: r.Query.Get("amount")}
	}
	return emulate.Subject{Ref: idIn(r)}
}

// idIn is the invoice or withdrawal that a request names, in its query or its body.
func idIn(r *emulate.Request) string {
	for _, name := range []string{"invoice_id", "withdraw_id"} {
		if id := r.Query.Get(name); id != "" {
			return id
		}
	}
	var in struct {
		InvoiceID  lenient.Text `json:"invoice_id"`
		WithdrawID lenient.Text `json:"withdraw_id"`
	}
	if lenient.Decode(r.Body, &in) != nil {
		return ""
	}
	return string(in.InvoiceID + in.WithdrawID)
}

// Answer carries a request out.
func (d *door) Answer(b *emulate.Book, r *emulate.Request) emulate.Answer {
	if id, ok := strings.CutPrefix(r.Path, pathQR); ok {
		return d.image(b, strings.TrimSuffix(id, ".png"))
	}
	if key := r.Query.Get(wire.KeyParam); key == "" || d.cfg.APIKey != "" && key != d.cfg.APIKey {
		return refuse(http.StatusUnauthorized, "API key tidak valid")
	}
	method, handle := d.endpoint(r.Path)
	switch {
	case handle == nil:
		return refuse(http.StatusNotFound, "endpoint tidak ditemukan")
	case r.Method != method:
		return refuse(http.StatusMethodNotAllowed, "method not allowed")
	}
	return handle(b, r)
}

func (d *door) endpoint(path string) (method string, handle func(*emulate.Book, *emulate.Request) emulate.Answer) {
	switch path {
	case wire.PathBalance:
		return http.MethodGet, d.balance
	case wire.PathCreate:
		return http.MethodGet, d.create
	case wire.PathStatus:
		return http.MethodGet, d.status
	case wire.PathCancel:
		return http.MethodPost, d.cancel
	case wire.PathWithdraw:
		return http.MethodPost, d.withdraw
	case wire.PathWithdrew:
		return http.MethodGet, d.withdrew
	case wire.PathHistory:
		return http.MethodGet, d.history
	}
	return "", nil
}

func (d *door) balance(b *emulate.Book, _ *emulate.Request) emulate.Answer {
	return accept(wire.Balance{Balance: number(b.Balance())})
}

func accept(body any) emulate.Answer { return emulate.Answer{Status: http.StatusOK, Body: body} }

func refuse(status int, message string) emulate.Answer {
	return emulate.Answer{Status: status, Body: wire.Refused{Error: message}}
}

func number(n int64) *lenient.Int {
	v := lenient.Int(n)
	return &v
}

func yes() *lenient.Flag {
	v := lenient.Flag(true)
	return &v
}

// newID is an id as the document's: 24 hexadecimal digits, the first eight the time.
func newID(b *emulate.Book, now time.Time) string {
	return fmt.Sprintf("%08x%016x", uint32(now.Unix()), b.Rand.Uint64())
}

// pathQR is where the images lie.
const pathQR = "/qr/"

func (d *door) imageURL(r *emulate.Request, i *emulate.Invoice) string {
	host := d.cfg.ImageHost
	if host == "" {
		host = r.Host
	}
	return (&url.URL{Scheme: "http", Host: host, Path: pathQR + i.ID + ".png"}).String()
}
