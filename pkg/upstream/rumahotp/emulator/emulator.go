package emulator

import (
	"net/http"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// Base is the path that the provider's base URL ends in.
const Base = "/api"

// Config makes an emulator. The zero value has the demo catalogue, accepts any
// key, has no limit and lets everything succeed at once.
type Config struct {
	emulate.Config
	// APIKey is the only key that is accepted; empty accepts any.
	APIKey string
	// Life is how long a number is rented; zero is 15 minutes.
	Life time.Duration
	// Services and Products are the catalogue's sizes; zero is the demo's own.
	Services int
	Products int
}

// DocumentedLimit is the limit of the provider's document, with a block of 30 s.
func DocumentedLimit() emulate.Limit {
	return emulate.Limit{Requests: 5, Per: 10 * time.Second, Block: 30 * time.Second}
}

// Emulator is the provider. It is safe for use by many goroutines.
type Emulator struct {
	*emulate.Core
	door *door
}

// New makes an emulator.
func New(cfg Config) *Emulator {
	if cfg.Life == 0 {
		cfg.Life = 15 * time.Minute
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	d := &door{cfg: cfg, catalogue: newCatalogue(cfg), born: cfg.Clock()}
	return &Emulator{Core: emulate.NewCore(cfg.Config, d), door: d}
}

// door answers the endpoints. Core's lock guards what changes in it.
type door struct {
	cfg       Config
	catalogue *catalogue
	born      time.Time
}

// Purchase tells the two endpoints that buy.
func (d *door) Purchase(path string) bool {
	return path == Base+wire.PathOrders || path == Base+wire.PathCreateTransaction
}

// Describe reads what a request is about from its query.
func (d *door) Describe(r *emulate.Request) emulate.Subject {
	q := r.Query
	switch strings.TrimPrefix(r.Path, Base) {
	case wire.PathOrders:
		return emulate.Subject{Product: q.Get("number_id") + ":" + q.Get("provider_id")}
	case wire.PathCreateTransaction:
		return emulate.Subject{Product: q.Get("id"), Target: q.Get("target")}
	case wire.PathOrderStatus, wire.PathSetStatus:
		return emulate.Subject{Ref: q.Get("order_id")}
	case wire.PathTransactionStatus:
		return emulate.Subject{Ref: q.Get("transaksi_id")}
	case wire.PathCountries:
		return emulate.Subject{Product: q.Get("service_id")}
	case wire.PathDepositCreate, wire.PathDepositCreateV1:
		return emulate.Subject{Product: q.Get("payment_id"), Target: q.Get("amount")}
	case wire.PathDepositStatus, wire.PathDepositStatusV1, wire.PathDepositCancel:
		return emulate.Subject{Ref: q.Get("deposit_id")}
	case wire.PathCheckAccount:
		return emulate.Subject{Product: q.Get("bank_code"), Target: q.Get("account_number")}
	case wire.PathCheckUsername:
		return emulate.Subject{Product: q.Get("account_code"), Target: q.Get("account_number")}
	}
	return emulate.Subject{}
}

// Answer carries a request out.
func (d *door) Answer(b *emulate.Book, r *emulate.Request) emulate.Answer {
	path, ok := strings.CutPrefix(r.Path, Base)
	if !ok {
		return refuse(http.StatusNotFound, "Endpoint tidak ditemukan")
	}
	if r.Method != http.MethodGet {
		return refuse(http.StatusMethodNotAllowed, "Method tidak diizinkan")
	}
	if key := r.Header.Get(wire.KeyHeader); !wire.Open(path) && (key == "" || (d.cfg.APIKey != "" && key != d.cfg.APIKey)) {
		return refuse(http.StatusUnauthorized, "Apikey tidak valid")
	}
	switch path {
	case wire.PathProducts:
		return accept(d.catalogue.products)
	case wire.PathListBanks:
		return accept(demoBanks())
	case wire.PathListGames:
		return accept(demoGames())
	case wire.PathCheckAccount:
		return checkAccount(r)
	case wire.PathCheckUsername:
		return checkUsername(r)
	case wire.PathDepositCreate, wire.PathDepositCreateV1:
		return d.deposit(b, r, path == wire.PathDepositCreate)
	case wire.PathDepositStatus, wire.PathDepositStatusV1:
		return d.depositStatus(b, r, path == wire.PathDepositStatus)
	case wire.PathDepositCancel:
		return d.depositCancel(b, r)
	case wire.PathServices:
		return accept(d.catalogue.services)
	case wire.PathCountries:
		return d.countries(r)
	case wire.PathOperators:
		return d.operators(r)
	case wire.PathOrders:
		return d.rent(b, r)
	case wire.PathOrderStatus:
		return d.orderStatus(b, r)
	case wire.PathSetStatus:
		return d.setStatus(b, r)
	case wire.PathCreateTransaction:
		return d.create(b, r)
	case wire.PathTransactionStatus:
		return d.transactionStatus(b, r)
	case wire.PathBalance:
		return d.balance(b)
	}
	return refuse(http.StatusNotFound, "Endpoint tidak ditemukan")
}

func (d *door) countries(r *emulate.Request) emulate.Answer {
	rows, ok := d.catalogue.countries[r.Query.Get("service_id")]
	if !ok {
		return refuse(http.StatusBadRequest, "Layanan tidak ditemukan")
	}
	return accept(rows)
}

func (d *door) operators(r *emulate.Request) emulate.Answer {
	if r.Query.Get("provider_id") == "" {
		return refuse(http.StatusBadRequest, "Parameter provider_id diperlukan")
	}
	rows, ok := d.catalogue.operators[r.Query.Get("country")]
	if !ok {
		return refuse(http.StatusBadRequest, "Negara tidak ditemukan")
	}
	return emulate.Answer{Status: http.StatusOK, Body: wire.OperatorsAnswer{Status: true, Data: rows}}
}

func (d *door) balance(b *emulate.Book) emulate.Answer {
	left := num(b.Balance())
	return accept(wire.Balance{
		Balance: &left, Formated: rupiah(b.Balance()), APIKey: "otp_emulatedSecretKey", Username: "demo",
		FirstName: "Demo", LastName: "Account", Email: "demo@example.invalid", WhatsApp: "~", Telegram: 81700000000,
	})
}

func accept[T any](data T) emulate.Answer {
	return emulate.Answer{Status: http.StatusOK, Body: wire.Answer[T]{Success: true, Data: data}}
}

func refuse(status int, message string) emulate.Answer {
	return emulate.Answer{Status: status, Body: wire.Refuse(message)}
}
