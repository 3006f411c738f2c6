package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// defaultFloat is what each day begins with, in rupiah.
const defaultFloat = 1_000_000_000_000

// optionFloat names the setting that replaces it.
const optionFloat = "float"

// refPrefix begins the sandbox's own ids.
const refPrefix = "SB"

// Driver is one sandbox.
type Driver struct {
	cfg   upstream.Config
	books books
	float int64
	// bounded: the float is the operator's, and purchases mind it.
	bounded bool
	sells   map[string]*upstream.Offer
}

// New makes a driver. It needs the gateway's own database, and no address.
func New(cfg upstream.Config) (*Driver, error) {
	if cfg.DB == nil {
		return nil, fmt.Errorf("upstream %s: the sandbox needs the database", cfg.Name)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Driver{cfg: cfg, books: books{pool: cfg.DB, name: cfg.Name}, float: defaultFloat, sells: map[string]*upstream.Offer{}}
	if text, ok := cfg.Options[optionFloat]; ok {
		n, err := lenient.ParseInt(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("upstream %s: options.float must be whole rupiah, not %q", cfg.Name, text)
		}
		d.float, d.bounded = n, true
	}
	for _, o := range Offers() {
		d.sells[o.Code] = &o
	}
	return d, nil
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
	_ upstream.Refiller         = (*Driver)(nil)
)

// IdempotentSubmit says that a Ref is bought once.
func (d *Driver) IdempotentSubmit() {}

// now is the clock, as precise as the books.
func (d *Driver) now() time.Time { return d.cfg.Now().UTC().Truncate(time.Microsecond) }

// ended is the error of a call whose caller had gone before it began; nil while it
// has not.
func ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return &upstream.Error{Class: upstream.NotSent, Err: errors.New("given up before it began")}
	}
	return nil
}

// refOf is the sandbox's own id of a record.
func refOf(r *record) string { return refPrefix + strconv.FormatInt(r.ID, 10) }

// numberOf reads such an id back; zero for anything else.
func numberOf(ref string) int64 {
	n, err := lenient.ParseInt(strings.TrimPrefix(ref, refPrefix))
	if err != nil || !strings.HasPrefix(ref, refPrefix) {
		return 0
	}
	return n
}

// Balance is what is left of the day's float, in rupiah.
func (d *Driver) Balance(ctx context.Context) (int64, error) {
	now := d.now()
	y, m, day := now.In(lenient.WIB()).Date()
	spent, err := d.books.spent(ctx, time.Date(y, m, day, 0, 0, 0, 0, lenient.WIB()), now)
	if err != nil {
		return 0, err
	}
	return d.float - spent, nil
}

// Operators lists the operators of a number.
func (d *Driver) Operators(_ context.Context, code string, _ json.RawMessage) ([]upstream.Operator, error) {
	if o := d.sells[code]; o == nil || o.Category != "otp" {
		return nil, upstream.Reject(upstream.ReasonProduct, "unknown", "no such offer")
	}
	return []upstream.Operator{{ID: "telkomsel", Name: "Telkomsel"}, {ID: "indosat", Name: "Indosat"}}, nil
}

// pageSize is how many lines a page of the statement or of payouts has.
const pageSize = 500

// StatementPage reads the purchases of a day as they stand now, oldest first.
func (d *Driver) StatementPage(ctx context.Context, from, to time.Time, page int) ([]upstream.StatementLine, int, error) {
	all, err := d.books.read(ctx, `kind = 'purchase' AND at >= $2 AND at < $3 ORDER BY at, id LIMIT $4 OFFSET $5`, from, to, pageSize+1, (page-1)*pageSize)
	if err != nil {
		return nil, 0, err
	}
	next := 0
	if len(all) > pageSize {
		all, next = all[:pageSize], page+1
	}
	now := d.now()
	lines := make([]upstream.StatementLine, len(all))
	for i := range all {
		r := &all[i]
		lines[i] = upstream.StatementLine{
			Ref: r.Ref, UpstreamRef: refOf(r), Code: r.Code, Target: r.Target, State: result(r, now).State, Cost: r.Debit, At: r.At,
		}
	}
	return lines, next, nil
}
