package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/trace"
)

const tagMoney = "Money"

// cancelTimeout bounds the wait for a gateway that is asked to close an invoice.
const cancelTimeout = 8 * time.Second

// depositBody documents the body of POST /deposit.
type depositBody struct {
	Amount int64   `json:"amount" minimum:"1" doc:"Rupiah to be credited; 10 000 to 10 000 000 unless agreed otherwise." example:"100000"`
	Ref    *string `json:"ref,omitempty" pattern:"^[A-Za-z0-9._:-]{1,64}$" doc:"Your own reference and the idempotency key: the same ref and amount are the same deposit." example:"topup-0001"`
	Method *string `json:"method,omitempty" enum:"qris" doc:"How it is to be paid." example:"qris"`
}

type depositData struct {
	deposit.View
	Balance int64 `json:"balance" doc:"Rupiah in the balance now." example:"250000"`
}

type depositsData struct {
	Count      int            `json:"count" example:"1"`
	Deposits   []deposit.View `json:"deposits" nullable:"false"`
	NextCursor *string        `json:"next_cursor" doc:"Null at the end."`
}

type depositInput struct {
	ID string `path:"deposit_id" doc:"Our deposit_id, or your ref." example:"MRA-DP-0G3ZK4T8M1Q2R"`
}

type depositsInput struct {
	rest.PageParams
	rest.RangeParams
	Status string `query:"status" enum:"pending,paid,expired,canceled"`
}

func (s *server) depositRoutes() {
	rest.Register(s.rest, rest.Operation{
		ID: "create-deposit", Method: http.MethodPost, Path: "/deposit", Tag: tagMoney,
		Summary: "Top the balance up", Text: textDeposit, Body: depositBody{}, Sends: map[string]any{"amount": 100_000, "ref": "topup-0001"}, Gives: exampleDeposit(),
		Refusals: []fault.Kind{fault.Invalid, fault.TooLarge, fault.SlowBody, fault.RefConflict},
	}, s.createDeposit)
	rest.Register(s.rest, rest.Operation{
		ID: "get-deposit", Method: http.MethodGet, Path: "/deposit/{deposit_id}", Tag: tagMoney,
		Summary: "Read a deposit", Text: "While somebody asks, the payment is looked for more often. `credited` is true once the balance has it.",
		Refusals: []fault.Kind{fault.NotFound}, Gives: exampleDeposit(),
	}, s.getDeposit)
	rest.Register(s.rest, rest.Operation{
		ID: "cancel-deposit", Method: http.MethodPost, Path: "/deposit/{deposit_id}/cancel", Tag: tagMoney,
		Summary: "Cancel a deposit", Text: textCancelDeposit, Refusals: []fault.Kind{fault.NotFound, fault.NotCancelable}, Gives: exampleCanceledDeposit(),
	}, s.cancelDeposit)
	rest.Register(s.rest, rest.Operation{
		ID: "list-deposits", Method: http.MethodGet, Path: "/deposits", Tag: tagMoney,
		Summary: "List deposits", Text: "Newest first.", Refusals: []fault.Kind{fault.Invalid},
		Gives: depositsData{Count: 1, Deposits: []deposit.View{exampleDeposit().View}},
	}, s.listDeposits)
}

const textDeposit = "The answer has a QRIS code over `total_payment`, as text and as a picture, to be paid once and exactly before `expires_at`. `amount` is credited by itself " +
	"when the payment is seen; an event of type `deposit.updated` tells, as does reading the deposit. A payment within 24 hours after expiry or cancel is still credited, and the status " +
	"becomes `paid`. What is paid in another amount waits for a person.\n\n" +
	"The same `ref` with the same `amount` is the same deposit, however often it is sent; with another amount it is `ref_conflict`. After a 503 the same `ref` may be sent again."

const textCancelDeposit = "Only while it is `pending`. The status stays `pending` while whoever made the code has not confirmed; a payment that came first wins, and the answer is `not_cancelable`."

func (s *server) createDeposit(ctx context.Context, _ *noInput) (*depositData, error) {
	body, err := readBody(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.parseDeposit(body)
	if err != nil {
		return nil, err
	}
	who := caller(ctx)
	r.WalletID, r.Mode, r.TraceParent = who.WalletID, string(who.Mode), trace.Inject(ctx)
	d, err := s.deps.Invoices.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.depositData(ctx, d)
}

func (s *server) parseDeposit(body []byte) (*deposit.Request, error) {
	f, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	least, most := s.deps.Money.Min, s.deps.Money.Max
	amount, given := f.integer("amount", least)
	switch {
	case !given:
		f.wrong("amount", "is required")
	case amount > most:
		f.wrong("amount", "must be at most "+strconv.FormatInt(most, 10))
	}
	ref := f.text("ref", maxRef)
	if ref != "" && !validRef(ref) {
		f.wrong("ref", "must be 1 to 64 of A-Z a-z 0-9 . _ : -")
	}
	if method := f.text("method", maxRef); method != "" && !strings.EqualFold(method, "qris") {
		f.wrong("method", "must be qris")
	}
	return &deposit.Request{Ref: ref, Amount: amount}, f.err()
}

// depositData shows a deposit beside the balance as it is now.
func (s *server) depositData(ctx context.Context, d *deposit.Deposit) (*depositData, error) {
	balance, err := ledger.Balance(ctx, s.deps.DB.Bun, d.WalletID)
	if err != nil {
		return nil, err
	}
	return &depositData{View: s.deps.Deposits.Links.View(d), Balance: balance}, nil
}

func (s *server) getDeposit(ctx context.Context, in *depositInput) (*depositData, error) {
	d, err := s.deps.Deposits.Get(ctx, caller(ctx).WalletID, in.ID)
	if err != nil {
		return nil, err
	}
	if d.State == deposit.Pending {
		// A hint; when it fails, the deposit is still asked about in its turn.
		if err := s.deps.Deposits.Touch(ctx, d.ID); err != nil {
			s.deps.Log.WarnContext(ctx, "deposit not touched", "error", err)
		}
	}
	return s.depositData(ctx, d)
}

// cancelDeposit marks a deposit and waits a while for its gateway's word.
func (s *server) cancelDeposit(ctx context.Context, in *depositInput) (*depositData, error) {
	wallet := caller(ctx).WalletID
	d, err := s.deps.Deposits.Cancel(ctx, wallet, in.ID)
	if err != nil {
		return nil, err
	}
	if d.State == deposit.Pending {
		asked, cancel := context.WithTimeout(ctx, cancelTimeout)
		_, err := s.deps.Invoices.Ask.AskDeposit(asked, d.Gateway, deposit.AskCancel, d.ID, d.Attempt)
		cancel()
		if err != nil {
			s.deps.Log.WarnContext(ctx, "a gateway did not confirm a cancel in time; it is asked again", "deposit", d.ID, "error", err)
		}
		if d, err = s.deps.Deposits.ByID(ctx, d.ID); err != nil {
			return nil, err
		}
		if d.State != deposit.Canceled && d.State != deposit.Expired && !d.CancelRequested || d.State == deposit.Paid {
			return nil, deposit.ErrNotCancelable
		}
	}
	return s.depositData(ctx, d)
}

func (s *server) listDeposits(ctx context.Context, in *depositsInput) (*depositsData, error) {
	limit, before, err := in.PageParams.Parse(cursorDeposits)
	if err != nil {
		return nil, err
	}
	from, to, err := in.RangeParams.Parse(s.loc)
	if err != nil {
		return nil, err
	}
	rows, err := deposit.List(ctx, s.deps.DB.Bun, caller(ctx).WalletID, deposit.Filter{Status: in.Status, From: from, To: to, Before: before, Limit: limit + 1})
	if err != nil {
		return nil, err
	}
	out := &depositsData{Deposits: []deposit.View{}}
	if len(rows) > limit {
		rows = rows[:limit]
		next := rest.Cursor(cursorDeposits, rows[limit-1].ID)
		out.NextCursor = &next
	}
	for _, d := range rows {
		out.Deposits = append(out.Deposits, s.deps.Deposits.Links.View(d))
	}
	out.Count = len(out.Deposits)
	return out, nil
}

// tokenSize bounds what is looked up as a picture's name.
const tokenSize = 64

// servePicture draws the code that a token stands for. Whoever has the address may
// see it; nobody guesses one.
func (s *server) servePicture(c *rest.Call, name string) {
	c.Route = rest.RoutePage
	if c.R.Method != http.MethodGet && c.R.Method != http.MethodHead {
		c.W.Header().Set("Allow", "GET, HEAD")
		s.rest.Refuse(c, fault.New(fault.MethodNotAllowed, "pictures are read"))
		return
	}
	token, ok := strings.CutSuffix(name, ".png")
	if !ok || len(token) > tokenSize || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		s.rest.Refuse(c, fault.New(fault.NotFound, "there is no such picture"))
		return
	}
	ctx, cancel := context.WithTimeout(c.R.Context(), rest.AnswerTimeout)
	defer cancel()
	text, until, err := s.deps.Deposits.QR(ctx, token)
	if err != nil {
		s.rest.Refuse(c, err)
		return
	}
	picture, err := qris.PNG(text)
	if err != nil {
		s.rest.Refuse(c, err)
		return
	}
	// It never changes, and is of no use to anybody once its deposit has ended.
	const most = time.Hour
	age := min(max(until.Sub(s.deps.Now()), 0), most)
	h := c.W.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Cache-Control", "public, max-age="+itoa(int(age.Round(time.Second).Seconds())))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Content-Length", itoa(len(picture)))
	_, _ = c.W.Write(picture) // the caller may have hung up
}

func exampleDeposit() depositData {
	const id = "MRA-DP-0G3ZK4T8M1Q2R"
	return depositData{Balance: 250_000, View: deposit.View{
		DepositID: id, Ref: ptr("topup-0001"), Method: "qris", Amount: 100_000, Fee: 347, TotalPayment: 100_347, Status: "pending",
		QRString: "00020101021226570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI52044812530336054061003475802ID5911TOKO CONTOH6007JAKARTA61051234563049AED",
		QRImage:  "/qr/5V7Q2H3J4K5M6N7PTRSUVWXYZA.png", StatusURL: "/api/v1/deposit/" + id,
		ExpiresAt: exampleTime().Add(20 * time.Minute), CreatedAt: exampleTime(), UpdatedAt: exampleTime(),
	}}
}

func exampleCanceledDeposit() depositData {
	d := exampleDeposit()
	d.Status = "canceled"
	return d
}
