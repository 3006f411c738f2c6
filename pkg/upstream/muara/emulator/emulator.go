package emulator

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
)

// BasePath is where the API is; it is served without the first part as well.
const BasePath = "/api/v1"

// Config makes an emulator. The zero value accepts any key, has no limit and lets
// everything succeed at once.
type Config struct {
	emulate.Config
	// APIKey is the only one that is accepted; empty accepts any.
	APIKey string
	// RatePerMinute refuses as the API does what goes beyond it; zero for no limit.
	RatePerMinute int
	// Life is how long a number is rented: 15 minutes when zero.
	Life time.Duration
}

// Emulator is the installation. It is safe for use by many goroutines.
type Emulator struct {
	*emulate.Core
	door *door
}

// New makes an emulator.
func New(cfg Config) *Emulator {
	if cfg.Life == 0 {
		cfg.Life = 15 * time.Minute
	}
	d := &door{cfg: cfg, things: things(), inquiries: map[string]*inquiry{}}
	return &Emulator{Core: emulate.NewCore(cfg.Config, d), door: d}
}

// lock runs fn while no request is served.
func (e *Emulator) lock(fn func()) { e.Do(func(*emulate.Book, time.Time) { fn() }) }

// door answers the endpoints. Core's lock guards what changes in it.
type door struct {
	cfg       Config
	things    []*thing
	inquiries map[string]*inquiry
	asked     []time.Time
	deposits  map[string]string // ref -> id
}

// below gives the path below the base; ok is false for anything else.
func below(path string) (string, bool) {
	for _, base := range []string{BasePath, "/v1"} {
		if rest, ok := strings.CutPrefix(path, base); ok && strings.HasPrefix(rest, "/") {
			return rest, true
		}
	}
	return "", false
}

// Purchase tells the endpoint that buys.
func (d *door) Purchase(path string) bool {
	at, _ := below(path)
	return at == wire.PathOrder
}

// Describe reads what a request is about from its body and path.
func (d *door) Describe(r *emulate.Request) emulate.Subject {
	var in body
	if lenient.Decode(r.Body, &in) == nil {
		return emulate.Subject{Product: string(in.SKU), Target: in.target(), Ref: string(in.Ref)}
	}
	path, _ := below(r.Path)
	if ref, ok := strings.CutPrefix(path, wire.PathOrder+"/"); ok {
		ref, _, _ = strings.Cut(ref, "/")
		return emulate.Subject{Ref: ref}
	}
	return emulate.Subject{}
}

// body is that of any request.
type body struct {
	Category   lenient.Text `json:"category"`
	Ref        lenient.Text `json:"ref"`
	SKU        lenient.Text `json:"sku"`
	CustomerNo lenient.Text `json:"customer_no"`
	ZoneID     lenient.Text `json:"zone_id"`
	Target     lenient.Text `json:"target"`
	Quantity   lenient.Int  `json:"quantity"`
	OperatorID lenient.Text `json:"operator_id"`
	MaxPrice   lenient.Int  `json:"max_price"`
	Comments   lenient.Text `json:"comments"`
	Runs       lenient.Int  `json:"runs"`

	Amount        lenient.Int  `json:"amount"`
	Method        lenient.Text `json:"method"`
	AccountNumber lenient.Text `json:"account_number"`
	AccountName   lenient.Text `json:"account_name"`
}

func (b *body) target() string {
	if b.CustomerNo != "" {
		return string(b.CustomerNo)
	}
	return string(b.Target)
}

// content is what must be the same under the same ref.
func (b *body) content() string {
	return strings.Join([]string{
		string(b.Category), string(b.SKU), string(b.CustomerNo), string(b.ZoneID), string(b.Target), strconv.FormatInt(int64(b.Quantity), 10),
		string(b.OperatorID), string(b.Comments), strconv.FormatInt(int64(b.Runs), 10),
	}, "\x00")
}

func accept(data any) emulate.Answer {
	return emulate.Answer{Status: http.StatusOK, Body: wire.Accept(data)}
}

func refuse(code, message string, details ...wire.Detail) emulate.Answer {
	return emulate.Answer{Status: wire.StatusOf(code), Body: wire.Refuse(code, message, details...)}
}

// later adds when to come again.
func later(a emulate.Answer, after time.Duration) emulate.Answer {
	a.Header = http.Header{"Retry-After": {strconv.Itoa(int(after / time.Second))}}
	return a
}

// Answer carries a request out, after the checks in the order of the contract.
func (d *door) Answer(b *emulate.Book, r *emulate.Request) emulate.Answer {
	path, ok := below(r.Path)
	if !ok {
		return refuse(wire.CodeNotFound, "there is no such route")
	}
	if key := r.Header.Get(wire.KeyHeader); key == "" || d.cfg.APIKey != "" && key != wire.KeyPrefix+d.cfg.APIKey {
		return refuse(wire.CodeUnauthorized, "the API key is missing or wrong")
	}
	if wait := d.limit(r.Now); wait > 0 {
		return later(refuse(wire.CodeRateLimited, "too many requests"), wait)
	}
	if r.Method == http.MethodGet {
		return d.get(b, r, path)
	}
	if r.Method != http.MethodPost {
		return refuse(wire.CodeMethod, "the route does not take this method")
	}
	var in body
	if len(r.Body) > 0 && lenient.Decode(r.Body, &in) != nil {
		return refuse(wire.CodeInvalid, "the body is not valid JSON")
	}
	switch path {
	case wire.PathOrder:
		return d.place(b, r, &in)
	case wire.PathInquiry:
		return d.inquire(b, r, &in)
	case wire.PathDeposit:
		return d.deposit(b, r, &in)
	case wire.PathWithdraw:
		return d.withdraw(b, r, &in)
	}
	if id, action, ok := action(path, wire.PathOrder); ok {
		return d.act(b, r, id, action)
	}
	if id, action, ok := action(path, wire.PathDeposit); ok && action == wire.ActionCancel {
		return d.cancelDeposit(b, r, id)
	}
	return refuse(wire.CodeNotFound, "there is no such route")
}

// action reads /base/id/action.
func action(path, base string) (id, action string, ok bool) {
	rest, ok := strings.CutPrefix(path, base+"/")
	if !ok {
		return "", "", false
	}
	id, action, ok = strings.Cut(rest, "/")
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}
	return id, action, ok
}

func (d *door) get(b *emulate.Book, r *emulate.Request, path string) emulate.Answer {
	q := r.Query
	switch path {
	case wire.PathProfile:
		return accept(wire.Profile{Balance: wire.Int(b.Balance()), Held: wire.Int(held(b))})
	case wire.PathPPOB:
		return d.ppob()
	case wire.PathSMM:
		return d.smm()
	case wire.PathOTPServices:
		return d.otpServices()
	case wire.PathOTPCountries:
		return d.otpCountries(q.Get("service"))
	case wire.PathOTPOperators:
		return d.operators(q.Get("sku"))
	case wire.PathPrice:
		return d.priceOf(q.Get("sku"))
	case wire.PathOrders:
		return d.orders(b, r)
	case wire.PathMutations:
		return d.mutations(b, r)
	case wire.PathWithdrawals:
		return d.listWithdrawals(b, q.Get("cursor"), q.Get("limit"))
	case wire.PathBanks:
		return accept(wire.Targets{Count: 2, Banks: []wire.Bank{{BankCode: "bca", BankName: "BCA", Type: "bank"}, {BankCode: "dana", BankName: "DANA", Type: "ewallet"}}})
	case wire.PathGames:
		return accept(wire.Targets{Count: 1, Games: []wire.Game{{AccountCode: "mobilelegend", AccountName: "Mobile Legends", Type: "game"}}})
	case wire.PathCheckBank:
		return check(q.Get("bank_code"), q.Get("account_number"), "bca", "dana")
	case wire.PathCheckGame:
		return check(q.Get("account_code"), q.Get("account_number"), "mobilelegend")
	}
	for base, find := range map[string]func(*emulate.Book, string) emulate.Answer{
		wire.PathOrder: d.order, wire.PathDeposit: d.showDeposit, wire.PathWithdraw: d.showWithdrawal,
	} {
		if id, ok := strings.CutPrefix(path, base+"/"); ok && !strings.Contains(id, "/") {
			return find(b, id)
		}
	}
	return refuse(wire.CodeNotFound, "there is no such route")
}

// limit is how long to wait; zero when the request is let through.
func (d *door) limit(now time.Time) time.Duration {
	if d.cfg.RatePerMinute <= 0 {
		return 0
	}
	for len(d.asked) > 0 && now.Sub(d.asked[0]) >= time.Minute {
		d.asked = d.asked[1:]
	}
	if len(d.asked) >= d.cfg.RatePerMinute {
		return time.Minute - now.Sub(d.asked[0])
	}
	d.asked = append(d.asked, now)
	return 0
}

// check knows every account but those that end in 04.
func check(code, number string, known ...string) emulate.Answer {
	for _, k := range known {
		if k != code {
			continue
		}
		if strings.HasSuffix(number, "04") {
			return accept(wire.Account{Status: wire.Invalid, AccountNumber: lenient.Text(number)})
		}
		return accept(wire.Account{Status: wire.Valid, AccountNumber: lenient.Text(number), AccountName: wire.Text("DEMO CUSTOMER")})
	}
	return refuse(wire.CodeNotFound, "there is no such bank or game")
}
