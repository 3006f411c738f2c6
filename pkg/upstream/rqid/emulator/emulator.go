package emulator

import (
	"net/http"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// Config makes an emulator. The zero value has the demo catalogue, accepts any
// key, has no limit and lets everything succeed at once.
type Config struct {
	emulate.Config
	// APIKey and MMID are the only ones that are accepted; empty accepts any.
	APIKey string
	MMID   string
	// Products is the catalogue's size; zero is the demo's own.
	Products int
}

// Emulator is the provider. It is safe for use by many goroutines.
type Emulator struct {
	*emulate.Core
	door *door
}

// New makes an emulator.
func New(cfg Config) *Emulator {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	d := &door{cfg: cfg, catalogue: newCatalogue(cfg), born: cfg.Clock(), inquiries: map[string]*inquired{}, plants: map[string]Plant{}}
	return &Emulator{Core: emulate.NewCore(cfg.Config, d), door: d}
}

// door answers the endpoints. Core's lock guards what changes in it.
type door struct {
	cfg       Config
	catalogue *catalogue
	born      time.Time
	inquiries map[string]*inquired
	asked     int // inquiries so far
	plants    map[string]Plant
}

// asked is the body of any request; the API takes numbers and texts alike.
type asked struct {
	MMID        lenient.Text `json:"mmid"`
	ProductCode lenient.Text `json:"product_code"`
	CustomerID  lenient.Text `json:"customer_id"`
	Ref1        lenient.Text `json:"ref_1"`
	Type        lenient.Text `json:"type"`
	Category    lenient.Text `json:"category"`
	CategoryIDs lenient.Text `json:"category_ids"`
	IsOpen      lenient.Text `json:"is_open"`
	Operator    lenient.Text `json:"operator"`
	Q           lenient.Text `json:"q"`
	Sort        lenient.Text `json:"sort"`
	Date        lenient.Text `json:"date"`
	StartDate   lenient.Text `json:"start_date"`
	EndDate     lenient.Text `json:"end_date"`
	Status      lenient.Text `json:"status"`
	TrxNo       lenient.Text `json:"trx_no_mitra"`
	Page        *lenient.Int `json:"page"`
	PerPage     lenient.Int  `json:"per_page"`
}

// Purchase tells the endpoints that buy.
func (d *door) Purchase(path string) bool {
	return path == wire.PathTopup || path == wire.PathPayment
}

// Describe reads what a request is about from its body and path.
func (d *door) Describe(r *emulate.Request) emulate.Subject {
	var in asked
	if lenient.Decode(r.Body, &in) != nil {
		return emulate.Subject{}
	}
	ref := string(in.Ref1)
	if of, ok := strings.CutPrefix(r.Path, wire.PathHistory+"/"); ok {
		ref = of
	}
	return emulate.Subject{Product: string(in.ProductCode), Target: string(in.CustomerID), Ref: ref}
}

// Answer carries a request out.
func (d *door) Answer(b *emulate.Book, r *emulate.Request) emulate.Answer {
	if r.Method != http.MethodPost {
		return refuse(http.StatusMethodNotAllowed, "", "method not allowed")
	}
	var in asked
	if lenient.Decode(r.Body, &in) != nil {
		return refuse(http.StatusUnprocessableEntity, wire.RCFormat, "format body tidak valid")
	}
	key := r.Header.Get(wire.KeyHeader)
	if key == "" || in.MMID == "" || (d.cfg.APIKey != "" && key != d.cfg.APIKey) || (d.cfg.MMID != "" && string(in.MMID) != d.cfg.MMID) {
		return refuse(http.StatusUnauthorized, wire.RCAccount, "rqid atau mmid tidak valid")
	}
	switch r.Path {
	case wire.PathPrice:
		return d.price(&in)
	case wire.PathCategories:
		return accept("", d.catalogue.categories)
	case wire.PathProducts:
		return d.products(&in)
	case wire.PathTopup:
		return d.topup(b, r, &in)
	case wire.PathInquiry:
		return d.inquiry(b, r, &in)
	case wire.PathPayment:
		return d.pay(b, r, &in)
	case wire.PathMutations:
		return d.mutations(b, r, &in)
	case wire.PathStatus:
		return d.status(b, string(in.Ref1))
	case wire.PathHistory:
		return d.history(b, r, &in)
	case wire.PathBalance:
		left := lenient.Int(b.Balance())
		return accept("", wire.Saldo{Saldo: &left})
	}
	if ref, ok := strings.CutPrefix(r.Path, wire.PathHistory+"/"); ok {
		if e := b.ByRef(ref); e != nil {
			if row, told := d.row(e); told {
				return accept("", row)
			}
		}
		return notFound()
	}
	return refuse(http.StatusNotFound, "", "endpoint tidak ditemukan")
}

func accept[T any](rc string, data T) emulate.Answer {
	return emulate.Answer{Status: http.StatusOK, Body: wire.Accept(rc, data)}
}

func refuse(code int, rc, message string) emulate.Answer {
	return emulate.Answer{Status: code, Body: wire.Refuse(code, rc, message)}
}

func duplicate() emulate.Answer {
	return refuse(http.StatusBadRequest, wire.RCDuplicate, "ref_1 sudah pernah digunakan")
}

func notFound() emulate.Answer {
	return refuse(http.StatusNotFound, wire.RCNotFound, "transaksi tidak ditemukan")
}
