package emulator

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Base is what the paths begin with.
const Base = "/v1"

// Limits are the least times between two requests; zero is the document's own, and
// less than zero is none.
type Limits struct {
	Transaction time.Duration // of one ref_id: a minute
	List        time.Duration // of whole price lists: five minutes
	Product     time.Duration // of one product's price: a second
}

// documented fills in the document's own.
func (l Limits) documented() Limits {
	return Limits{
		Transaction: cmp.Or(l.Transaction, time.Minute), List: cmp.Or(l.List, 5*time.Minute), Product: cmp.Or(l.Product, time.Second),
	}
}

// Config makes an emulator. The zero value has the demo catalogue, accepts any user
// and signature, keeps the documented limits and lets everything succeed at once.
type Config struct {
	emulate.Config
	// Username and APIKey are the only ones that are accepted; empty accepts any.
	Username string
	APIKey   string
	Limits   Limits
	// Products is the catalogue's size; zero is the demo's own.
	Products int
	// Hook is where webhooks go; none without a URL.
	Hook Hook
}

// Emulator is the provider. It is safe for use by many goroutines.
type Emulator struct {
	*emulate.Core
	door  *door
	hooks *hooks
}

// New makes an emulator.
func New(cfg Config) *Emulator {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	cfg.Limits = cfg.Limits.documented()
	d := &door{cfg: cfg, catalogue: newCatalogue(cfg), asked: map[string]time.Time{}, bills: map[string]*bill{}, breaches: map[string]int{}}
	return &Emulator{Core: emulate.NewCore(cfg.Config, d), door: d, hooks: newHooks(cfg.Hook)}
}

// door answers the endpoints. Core's lock guards what changes in it.
type door struct {
	cfg       Config
	catalogue *catalogue
	asked     map[string]time.Time // last request by ref_id, and by what lists
	bills     map[string]*bill     // inquiries by ref_id
	forced    []force
	breaches  map[string]int // requests that came too soon: transaction, list, product
	tickets   int
}

// force answers the next purchases with a code.
type force struct {
	rc   wire.RC
	left int
}

// asked is the body of any request; the API takes numbers and texts alike.
type asked struct {
	Cmd        lenient.Text `json:"cmd"`
	Commands   lenient.Text `json:"commands"`
	Username   lenient.Text `json:"username"`
	Sign       lenient.Text `json:"sign"`
	SKU        lenient.Text `json:"buyer_sku_code"`
	CustomerNo lenient.Text `json:"customer_no"`
	RefID      lenient.Text `json:"ref_id"`
	Testing    bool         `json:"testing"`
	MaxPrice   lenient.Int  `json:"max_price"`
	Callback   lenient.Text `json:"cb_url"`
	Code       lenient.Text `json:"code"`
	Category   lenient.Text `json:"category"`
	Brand      lenient.Text `json:"brand"`
	Type       lenient.Text `json:"type"`
	Amount     lenient.Int  `json:"amount"`
	Bank       lenient.Text `json:"bank"`
	OwnerName  lenient.Text `json:"owner_name"`
	Year       lenient.Text `json:"year"`
}

// Purchase tells the endpoint that buys.
func (d *door) Purchase(path string) bool { return path == Base+wire.PathTransaction }

// Describe reads what a request is about from its body.
func (d *door) Describe(r *emulate.Request) emulate.Subject {
	var in asked
	if lenient.Decode(r.Body, &in) != nil {
		return emulate.Subject{}
	}
	return emulate.Subject{Product: string(in.SKU), Target: string(in.CustomerNo), Ref: string(in.RefID)}
}

// Answer carries a request out.
func (d *door) Answer(b *emulate.Book, r *emulate.Request) emulate.Answer {
	path, ok := strings.CutPrefix(r.Path, Base)
	if !ok || r.Method != http.MethodPost {
		return emulate.Answer{Status: http.StatusNotFound, Body: map[string]string{"message": "Not Found"}}
	}
	var in asked
	if lenient.Decode(r.Body, &in) != nil {
		return refuse(wire.RCPayload, nil)
	}
	what, known := map[string]string{
		wire.PathBalance: wire.SignBalance, wire.PathPrices: wire.SignPrices, wire.PathDeposit: wire.SignDeposit, wire.PathTransaction: string(in.RefID),
		wire.PathPLN: string(in.CustomerNo),
	}[path]
	switch {
	case !known:
		return emulate.Answer{Status: http.StatusNotFound, Body: map[string]string{"message": "Not Found"}}
	case in.Username == "" || (d.cfg.Username != "" && string(in.Username) != d.cfg.Username):
		return refuse(wire.RCUser, nil)
	case d.cfg.APIKey != "" && string(in.Sign) != wire.Sign(string(in.Username), d.cfg.APIKey, what):
		return refuse(wire.RCSignature, nil)
	}
	switch path {
	case wire.PathBalance:
		return d.balance(b, &in)
	case wire.PathPrices:
		return d.prices(r.Now, &in)
	case wire.PathDeposit:
		return d.deposit(&in)
	case wire.PathPLN:
		return d.meter(&in)
	}
	return d.transaction(b, r.Now, &in)
}

func answer[T any](data T) emulate.Answer {
	return emulate.Answer{Status: http.StatusOK, Body: wire.Reply[T]{Data: data}}
}

// refuse is a failure in which no transaction was made; about is what it was about,
// where that was understood.
func refuse(rc wire.RC, about *asked) emulate.Answer {
	code, _ := rc.Documented()
	t := wire.Transaction{RC: rc, Status: wire.StatusFailed, Message: lenient.Text(spoken(rc, code.Text))}
	if about == nil {
		return emulate.Answer{Status: http.StatusBadRequest, Body: wire.Reply[wire.Refusal]{Data: wire.Refusal{RC: rc, Status: t.Status, Message: t.Message}}}
	}
	t.RefID, t.CustomerNo, t.SKU = about.RefID, about.CustomerNo, about.SKU
	return emulate.Answer{Status: http.StatusBadRequest, Body: wire.Reply[wire.Transaction]{Data: t}}
}

// spoken is a message in the words that such providers use.
func spoken(rc wire.RC, otherwise string) string {
	switch rc {
	case wire.RCSuccess:
		return "Transaksi Sukses"
	case wire.RCPending:
		return "Transaksi Pending"
	case wire.RCFailed:
		return "Transaksi Gagal"
	case wire.RCBalance:
		return "Saldo tidak cukup"
	case wire.RCUser:
		return "Gagal memproses API Buyer"
	case wire.RCSellerTrouble:
		return "Seller sedang mengalami gangguan"
	case wire.RCNumber:
		return "Nomor Tujuan Salah"
	case wire.RCTrouble:
		return "Produk Sedang Gangguan"
	}
	return otherwise
}

func (d *door) balance(b *emulate.Book, in *asked) emulate.Answer {
	if in.Cmd != wire.CmdBalance {
		return refuse(wire.RCPayload, nil)
	}
	left := wire.Float(b.Balance())
	return answer(wire.Balance{Deposit: &left})
}

// deposit makes a ticket, which says how to pay and moves no money.
func (d *door) deposit(in *asked) emulate.Answer {
	account := map[string]string{"BCA": "6042888890", "MANDIRI": "1550009910111", "BRI": "213501000291307", "BNI": "1996888992"}[strings.ToUpper(string(in.Bank))]
	const least = 200_000
	if account == "" || in.Amount < least || in.OwnerName == "" {
		return refuse(wire.RCTicket, nil)
	}
	d.tickets++
	return answer(wire.Ticket{
		RC: wire.RCSuccess, Bank: in.Bank, PaymentMethod: in.Bank, AccountNo: lenient.Text(account), Notes: "wp5Kuv1P",
		Amount: wire.Money(int64(in.Amount) + int64(d.tickets%1000)),
	})
}

func (d *door) meter(in *asked) emulate.Answer {
	const digits = 11
	if len(in.CustomerNo) < digits {
		return refuse(wire.RCNumber, in)
	}
	return answer(wire.Meter{
		Message: "Transaksi Sukses", Status: wire.StatusSuccess, RC: wire.RCSuccess, CustomerNo: in.CustomerNo, MeterNo: in.CustomerNo,
		SubscriberID: "523300817840", Name: "DAVID", SegmentPower: "R1 /000001300",
	})
}

// tooSoon tells whether a request of its kind comes sooner after the last one than the
// limit allows, and counts it then.
func (d *door) tooSoon(kind, key string, apart time.Duration, now time.Time) bool {
	if apart < 0 {
		return false
	}
	last, before := d.asked[kind+key]
	d.asked[kind+key] = now
	const most = 100_000
	if len(d.asked) > most {
		for k, at := range d.asked {
			if now.Sub(at) > apart {
				delete(d.asked, k)
			}
		}
	}
	if before && now.Sub(last) < apart {
		d.breaches[kind]++
		return true
	}
	return false
}

// Breaches counts the requests that came too soon, by kind: transaction, list, product.
func (e *Emulator) Breaches() map[string]int {
	out := map[string]int{}
	e.Do(func(*emulate.Book, time.Time) {
		for kind, n := range e.door.breaches {
			out[kind] = n
		}
	})
	return out
}

// Force answers the next purchases with a code; one by which a transaction is made is
// entered in the book as it says.
func (e *Emulator) Force(rc string, count int) bool {
	if _, ok := wire.RC(rc).Documented(); !ok || count < 1 {
		return false
	}
	e.Do(func(*emulate.Book, time.Time) { e.door.forced = append(e.door.forced, force{wire.RC(rc), count}) })
	return true
}

// Refund takes a purchase back that had succeeded: rc 74. False for one that is not
// known.
func (e *Emulator) Refund(ref string) bool {
	known := false
	e.Do(func(b *emulate.Book, now time.Time) {
		entry := b.ByRef(ref)
		if known = entry != nil; known {
			b.Apply(entry, emulate.Step{At: now, State: string(wire.RCRefunded), Refund: true})
		}
	})
	return known
}

// Control is the shared control API and what only this provider has:
//
//	POST /control/products  {"code": "tsel10", "price": 10500, "buyer": true, "seller": false, "stock": 0, "remove": false}
//	POST /control/rc        {"rc": "47", "count": 1}: the next purchases get this code
//	POST /control/refund    {"ref": "…"}: a success is taken back
//	GET  /control/limits    requests that came too soon, by kind
//	POST /control/hook      a [Hook]
//	POST /control/ping      posts a ping to the hook
func (e *Emulator) Control() http.Handler {
	mux := e.Core.Control()
	done := func(w http.ResponseWriter, ok bool) {
		if !ok {
			http.Error(w, "not known", http.StatusNotFound)
			return
		}
		emulate.WriteJSON(w, http.StatusOK, map[string]bool{"done": true})
	}
	mux.HandleFunc("POST /control/products", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Code string `json:"code"`
			Change
			Remove bool `json:"remove"`
		}
		if !emulate.ReadJSON(w, r, &in) {
			return
		}
		if in.Remove {
			done(w, e.Remove(in.Code))
			return
		}
		done(w, e.Change(in.Code, in.Change))
	})
	mux.HandleFunc("POST /control/rc", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			RC    string `json:"rc"`
			Count int    `json:"count"`
		}
		if emulate.ReadJSON(w, r, &in) {
			done(w, e.Force(in.RC, max(in.Count, 1)))
		}
	})
	mux.HandleFunc("POST /control/refund", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Ref string `json:"ref"`
		}
		if emulate.ReadJSON(w, r, &in) {
			done(w, e.Refund(in.Ref))
		}
	})
	mux.HandleFunc("GET /control/limits", func(w http.ResponseWriter, _ *http.Request) {
		emulate.WriteJSON(w, http.StatusOK, e.Breaches())
	})
	mux.HandleFunc("POST /control/hook", func(w http.ResponseWriter, r *http.Request) {
		var in Hook
		if emulate.ReadJSON(w, r, &in) {
			e.SetHook(in)
			done(w, true)
		}
	})
	mux.HandleFunc("POST /control/ping", func(w http.ResponseWriter, r *http.Request) {
		if err := e.Ping(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		done(w, true)
	})
	return mux
}

// raw is a value as JSON.
func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("emulator: " + err.Error()) // maps of texts and numbers
	}
	return b
}
