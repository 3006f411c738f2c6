package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/gif"
	"image/png"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/drivers"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

func (s *stage) keeper() *deposit.Keeper {
	return deposit.New(deposit.Options{
		Pool: s.db.Pool, Accounts: ledger.NewAccounts(s.db.Pool), Now: s.clock, Log: slog.New(slog.DiscardHandler), Links: deposit.Links{IDPrefix: "MRA"},
	})
}

// desks answers what is asked of deposits by workers in this process, and leaves
// when its ctx ends, as a merchant does.
type desks map[string]*Worker

func (d desks) AskDeposit(ctx context.Context, gateway, kind string, id int64, attempt int) (string, error) {
	t := queue.Task{Kind: kind, DepositID: id, Attempt: attempt}
	answers := make(chan string, 1)
	go func() {
		w := d[gateway]
		verdict, err := "", error(nil)
		switch kind {
		case deposit.AskInvoice:
			verdict, err = w.createInvoice(context.WithoutCancel(ctx), t)
		case deposit.AskCancel:
			verdict, err = w.cancelInvoice(context.WithoutCancel(ctx), t)
		}
		if err != nil {
			verdict = deposit.Refused
		}
		answers <- verdict
	}()
	select {
	case verdict := <-answers:
		return verdict, nil
	case <-ctx.Done():
		return "", queue.ErrNoAnswer
	}
}

// bank is a stage with gateways.
type bank struct {
	*stage
	desks desks
	names []string
}

func (s *stage) bank(workers ...*Worker) *bank {
	b := &bank{stage: s, desks: desks{}}
	for _, w := range workers {
		b.desks[w.Client.Name] = w
		b.names = append(b.names, w.Client.Name)
	}
	return b
}

func (b *bank) opener() *deposit.Opener {
	p := deposit.Policy{Patience: 5 * time.Second, Share: time.Second}
	for _, name := range b.names {
		p.Live = append(p.Live, deposit.Gateway{Name: name})
	}
	return &deposit.Opener{Keeper: b.keeper(), Policy: p, Ask: b.desks, Log: slog.New(slog.DiscardHandler)}
}

func (b *bank) try() (*deposit.Deposit, error) {
	return b.opener().Open(b.t.Context(), &deposit.Request{WalletID: b.wallet, Mode: "live", Amount: 50_000})
}

func (b *bank) open() *deposit.Deposit {
	b.t.Helper()
	d, err := b.try()
	require.NoError(b.t, err)
	return d
}

// look lets time pass and gives a worker a turn.
func (b *bank) look(w *Worker, d *deposit.Deposit, after time.Duration) *deposit.Deposit {
	b.t.Helper()
	b.advance(after)
	require.NoError(b.t, w.MoneyTurn(b.t.Context(), queue.Task{}))
	return b.reread(d)
}

func (b *bank) reread(d *deposit.Deposit) *deposit.Deposit {
	b.t.Helper()
	out, err := b.keeper().ByID(b.t.Context(), d.ID)
	require.NoError(b.t, err)
	return out
}

func (b *bank) verify() {
	b.t.Helper()
	r, err := ledger.Verify(b.t.Context(), b.db.Pool, deposit.Checks()...)
	require.NoError(b.t, err)
	require.Empty(b.t, r.Problems)
}

func TestADepositIsPaidAtItsGateway(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	b := s.bank(s.b)
	d := b.open()
	require.Equal(t, deposit.Pending, d.State)
	require.EqualValues(t, 50_000, d.Amount)
	require.Positive(t, d.Fee, "the gateway adds its own")
	require.EqualValues(t, 50_000, d.Received)
	c, err := qris.Read(d.QR)
	require.NoError(t, err)
	require.Equal(t, d.Total, c.Amount)
	d = b.look(s.b, d, 4*time.Second)
	require.Equal(t, deposit.Pending, d.State)
	require.True(t, s.otp.PayInvoice(d.UpstreamRef, false))
	d = b.look(s.b, d, 10*time.Second)
	require.Equal(t, deposit.Paid, d.State)
	require.EqualValues(t, 10_050_000, s.balance())
	require.Nil(t, d.NextRunAt)
	asked := len(s.otp.Books().Requests)
	b.look(s.b, d, time.Hour)
	require.Len(t, s.otp.Books().Requests, asked, "nobody asks about it any more")
	b.verify()
}

func TestAFullGatewayIsPassedOver(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	next := &till{amountIsAll: true}
	b := s.bank(s.b, s.over("up-c", next))
	for range 3 {
		require.Equal(t, "up-b", b.open().Gateway)
	}
	require.Equal(t, "up-c", b.open().Gateway)
	require.Len(t, s.otp.Books().Invoices, 3)
	require.Equal(t, "up-c", b.open().Gateway)
	var outcomes int
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM deposit_attempts WHERE outcome = 'full'`).Scan(&outcomes))
	require.Equal(t, 1, outcomes, "for a while it is asked last")
}

func TestAPausedGatewayIsNotAsked(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	b := s.bank(s.b)
	require.NoError(t, catalog.Pause(t.Context(), s.db.Pool, "up-b", "x", "test", s.now))
	_, err := b.try()
	require.ErrorIs(t, err, deposit.ErrNoGateway)
	require.Empty(t, s.otp.Books().Requests)
}

func TestAnInvoiceWhoseAnswerIsLostIsNobodys(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]emulate.Rule{
		"dropped":      {Kind: emulate.Drop, AfterEffect: true},
		"garbled":      {Kind: emulate.Garbled, AfterEffect: true},
		"server error": {Kind: emulate.Status, Status: 500},
		"block page":   {Kind: emulate.BlockPage, Status: 502, AfterEffect: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, emulate.Digits(0, 0))
			rule.Count = 1
			s.fault(s.otp.Core, rule)
			b := s.bank(s.b, s.over("up-c", &till{amountIsAll: true}))
			d := b.open()
			require.Equal(t, "up-c", d.Gateway, "another is asked at once: nobody has seen the first one's code")
			var outcome string
			require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT outcome FROM deposit_attempts WHERE deposit_id = $1 AND n = 1`, d.ID).Scan(&outcome))
			require.Equal(t, deposit.OutcomeUnknown, outcome)
			b.verify()
		})
	}
}

func TestACancelIsTheGatewaysToConfirm(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	b := s.bank(s.b)
	cancel := func(d *deposit.Deposit) *deposit.Deposit {
		t.Helper()
		d, err := b.keeper().Cancel(t.Context(), s.wallet, deposit.PublicID("MRA", d.ID))
		require.NoError(t, err)
		_, err = b.desks.AskDeposit(t.Context(), "up-b", deposit.AskCancel, d.ID, d.Attempt)
		require.NoError(t, err)
		return b.reread(d)
	}
	require.Equal(t, deposit.Canceled, cancel(b.open()).State)

	paid := b.open()
	require.True(t, s.otp.PayInvoice(paid.UpstreamRef, false))
	require.Equal(t, deposit.Paid, cancel(paid).State, "paid wins")
	require.EqualValues(t, 10_050_000, s.balance())

	unheard := b.open()
	s.fault(s.otp.Core, emulate.Rule{Kind: emulate.Status, Status: 500, Count: 1})
	unheard = cancel(unheard)
	require.Equal(t, deposit.Pending, unheard.State)
	require.True(t, unheard.CancelRequested)
	require.Equal(t, deposit.Canceled, b.look(s.b, unheard, 10*time.Second).State, "it is told again")

	late := cancel(b.open())
	require.True(t, s.otp.PayInvoice(late.UpstreamRef, true))
	require.Equal(t, deposit.Paid, b.look(s.b, late, 61*time.Second).State, "a payment after the cancel is still credited")
	require.EqualValues(t, 10_100_000, s.balance())
	b.verify()
}

func TestADepositRunsOutAtItsGateway(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	b := s.bank(s.b)
	d := b.open()
	s.fault(s.otp.Core, emulate.Rule{Kind: emulate.Drop})
	d = b.look(s.b, d, 21*time.Minute)
	require.Equal(t, deposit.Pending, d.State, "no answer is no word")
	s.otp.ClearFaults(0)
	d = b.look(s.b, d, time.Minute)
	require.Equal(t, deposit.Expired, d.State)
	require.True(t, s.otp.PayInvoice(d.UpstreamRef, true))
	d = b.look(s.b, d, 2*time.Minute)
	require.Equal(t, deposit.Paid, d.State)
	b.verify()
}

func TestTheSandboxPaysByItself(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	w := s.sandbox()
	b := s.bank(w)
	o := b.opener()
	o.Policy.Test = []deposit.Gateway{{Name: w.Client.Name}}
	wallet := s.testWallet()
	open := func(amount int64) *deposit.Deposit {
		d, err := o.Open(t.Context(), &deposit.Request{WalletID: wallet, Mode: "test", Amount: amount})
		require.NoError(t, err)
		return d
	}
	d, never := open(50_000), open(50_011)
	require.Equal(t, deposit.Pending, b.look(w, d, 4*time.Second).State)
	require.Equal(t, deposit.Paid, b.look(w, d, 4*time.Second).State)
	require.Equal(t, deposit.Expired, b.look(w, never, 31*time.Minute).State)
	b.verify()
}

// sandbox gives a worker of the test mode's own source.
func (s *stage) sandbox() *Worker {
	s.t.Helper()
	require.NoError(s.t, catalog.KnowUpstream(s.t.Context(), s.db.Pool, catalog.Source{Name: "sandbox", Driver: "sandbox", Mode: catalog.Test}, s.now))
	d, err := drivers.New("sandbox", upstream.Config{Name: "sandbox", DB: s.db.Pool, Now: s.clock})
	require.NoError(s.t, err)
	w := s.over("sandbox", d)
	w.Mode = catalog.Test
	return w
}

// testWallet opens the merchant's wallet of the test mode.
func (s *stage) testWallet() (id int64) {
	s.t.Helper()
	require.NoError(s.t, pg.InTx(s.t.Context(), s.db.Pool, func(tx pgx.Tx) (err error) {
		id, err = ledger.CreateWallet(s.t.Context(), tx, "M1", "test", s.now)
		return err
	}))
	return id
}

// till is a gateway of which the test decides what it answers.
type till struct {
	upstream.Driver
	mu          sync.Mutex
	n           int
	amountIsAll bool
	picture     []byte
	held        chan struct{} // a creation waits here
	canceled    []string
	edit        func(*upstream.Invoice)
}

func (g *till) CreateInvoice(_ context.Context, r *upstream.InvoiceRequest) (*upstream.Invoice, error) {
	g.mu.Lock()
	g.n++
	inv := &upstream.Invoice{UpstreamRef: fmt.Sprint("TILL-", g.n), State: upstream.InvoicePending, Amount: r.Amount, Total: r.Amount}
	text, err := qris.Payload{{Tag: "00", Value: "01"}, {Tag: "54", Value: fmt.Sprint(r.Amount)}, {Tag: "59", Value: "TILL"}}.Text()
	if err != nil {
		return nil, err
	}
	inv.QR = text
	if g.picture != nil {
		inv.QR, inv.ImageURL = "", "https://till.example/1.gif"
	}
	if g.edit != nil {
		g.edit(inv)
	}
	held := g.held
	g.mu.Unlock()
	if held != nil {
		<-held
	}
	return inv, nil
}

func (g *till) InvoiceStatus(_ context.Context, ref string) (*upstream.Invoice, error) {
	return &upstream.Invoice{UpstreamRef: ref, State: upstream.InvoicePending}, nil
}

func (g *till) CancelInvoice(_ context.Context, ref string) (*upstream.Invoice, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.canceled = append(g.canceled, ref)
	return &upstream.Invoice{UpstreamRef: ref}, nil
}

func (g *till) InvoiceImage(context.Context, *upstream.Invoice) ([]byte, error) {
	if string(g.picture) == "none" {
		return nil, errors.New("no picture")
	}
	return g.picture, nil
}

func TestACodeIsReadFromAPicture(t *testing.T) {
	t.Parallel()
	text, err := qris.Payload{{Tag: "00", Value: "01"}, {Tag: "01", Value: "12"}, {Tag: "54", Value: "50000"}, {Tag: "59", Value: "TILL"}}.Text()
	require.NoError(t, err)
	drawn, err := qris.PNG(text)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(drawn))
	require.NoError(t, err)
	var asGIF bytes.Buffer
	require.NoError(t, gif.Encode(&asGIF, img, nil))
	s := newStage(t, emulate.Digits(0, 0))
	g := &till{picture: asGIF.Bytes()}
	b := s.bank(s.over("up-c", g))
	require.Equal(t, text, b.open().QR)

	for _, bad := range []string{"none", "<html>blocked</html>"} {
		g.picture = []byte(bad)
		_, err = b.try()
		require.ErrorIs(t, err, deposit.ErrNoGateway)
	}
	require.NoError(t, b.desks["up-c"].MoneyTurn(t.Context(), queue.Task{}))
	require.Equal(t, []string{"TILL-2", "TILL-3"}, g.canceled, "what nobody can pay is closed")
}

func TestAnInvoiceThatComesTooLateIsClosed(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	slow := &till{held: make(chan struct{})}
	w := s.over("up-a", slow)
	b := s.bank(w, s.over("up-c", &till{}))
	d := b.open()
	require.Equal(t, "up-c", d.Gateway)
	close(slow.held)
	require.Eventually(t, func() bool {
		var n int
		err := s.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM deposit_attempts WHERE outcome = 'late' AND upstream_ref = 'TILL-1'`).Scan(&n)
		return err == nil && n == 1
	}, 5*time.Second, 10*time.Millisecond)
	require.NoError(t, w.MoneyTurn(t.Context(), queue.Task{}))
	require.Equal(t, []string{"TILL-1"}, slow.canceled)
	require.NoError(t, w.MoneyTurn(t.Context(), queue.Task{}))
	require.Len(t, slow.canceled, 1)
	require.Equal(t, d.UpstreamRef, b.reread(d).UpstreamRef)
}

func TestAnUnsoundInvoiceIsClosedAndPassedOver(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	odd := &till{edit: func(i *upstream.Invoice) { i.Total = 999 }}
	w := s.over("up-a", odd)
	b := s.bank(w, s.over("up-c", &till{}))
	require.Equal(t, "up-c", b.open().Gateway)
	require.NoError(t, w.MoneyTurn(t.Context(), queue.Task{}))
	require.Equal(t, []string{"TILL-1"}, odd.canceled)
	odd.edit = func(i *upstream.Invoice) { i.UpstreamRef = "SAME" }
	s.advance(time.Minute)
	require.Equal(t, "up-a", b.open().Gateway)
	require.Equal(t, "up-c", b.open().Gateway)
	require.NoError(t, w.MoneyTurn(t.Context(), queue.Task{}))
	require.Equal(t, []string{"TILL-1"}, odd.canceled, "another deposit's invoice is not closed")
}

func TestOnlyOneOfManyTasksAsksForAnInvoice(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	g := &till{}
	w := s.over("up-c", g)
	b := s.bank(w)
	d := b.open()
	for range 5 {
		verdict, err := w.createInvoice(t.Context(), queue.Task{DepositID: d.ID, Attempt: d.Attempt})
		require.NoError(t, err)
		require.Equal(t, deposit.Stale, verdict)
	}
	for _, other := range []queue.Task{{DepositID: d.ID, Attempt: 7}, {DepositID: 12345, Attempt: 1}} {
		verdict, err := w.createInvoice(t.Context(), other)
		require.NoError(t, err)
		require.Equal(t, deposit.Stale, verdict)
		verdict, err = w.cancelInvoice(t.Context(), other)
		require.NoError(t, err)
		require.Equal(t, deposit.Stale, verdict)
	}
	require.Equal(t, 1, g.n)
}

func TestAQuestionAboutADepositIsAnswered(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	w := s.over("up-c", &till{})
	for kind, want := range map[string]string{deposit.AskInvoice: deposit.Stale, deposit.AskCancel: deposit.Stale, "nothing known": deposit.Stale} {
		reply := "muara:reply:" + kind
		require.NoError(t, w.Ask(t.Context(), queue.Task{Kind: kind, DepositID: 5, Attempt: 1, Reply: reply}))
		got, err := s.rdb.BLPop(t.Context(), time.Second, reply).Result()
		require.NoError(t, err)
		require.Contains(t, got[1], want)
	}
}
