package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/smm"
	"github.com/muarahq/muara/pkg/upstream"
)

func rejected(t *testing.T, err error) upstream.Reason {
	t.Helper()
	e := upstream.AsError(err)
	require.NotNil(t, e)
	require.Equal(t, upstream.Rejected, e.Class)
	return e.Reason
}

func TestWishesOfSocialMediaOrders(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := open(t, c.Now, nil)
	buy := func(code, digits string) *upstream.Purchase {
		p := &upstream.Purchase{Ref: code + digits, Category: "smm", Code: code, Target: "https://example.com/" + digits, Quantity: 1000}
		if code == "smm-package" {
			p.Quantity = 1
		}
		_, err := d.Submit(t.Context(), p)
		require.NoError(t, err)
		return p
	}
	open := buy("smm-followers", "05")
	before, err := d.Balance(t.Context())
	require.NoError(t, err)
	res, err := d.Cancel(t.Context(), open)
	require.NoError(t, err)
	require.Equal(t, upstream.Canceled, res.State)
	require.EqualValues(t, 1000, *res.Remains)
	after, err := d.Balance(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 15_000, after-before)
	res, err = d.Cancel(t.Context(), open)
	require.NoError(t, err, "asking twice is asking once")
	require.Equal(t, upstream.Canceled, res.State)
	c.add(time.Hour)
	res, err = d.Status(t.Context(), open)
	require.NoError(t, err)
	require.Equal(t, upstream.Canceled, res.State, "what was canceled does not go on")

	_, err = d.Cancel(t.Context(), buy("smm-package", "05"))
	rejected(t, err)
	done := buy("smm-followers", "01")
	_, err = d.Cancel(t.Context(), done)
	rejected(t, err)
	_, err = d.Resend(t.Context(), done)
	rejected(t, err)
	_, err = d.Finish(t.Context(), done)
	rejected(t, err)

	refill, err := d.Refill(t.Context(), done)
	require.NoError(t, err)
	require.Equal(t, upstream.Pending, refill.State)
	again, err := d.Refill(t.Context(), done)
	require.NoError(t, err)
	require.Equal(t, refill.UpstreamRef, again.UpstreamRef)
	c.add(soon)
	refill, err = d.RefillStatus(t.Context(), refill.UpstreamRef)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, refill.State)
	another, err := d.Refill(t.Context(), done)
	require.NoError(t, err)
	require.NotEqual(t, refill.UpstreamRef, another.UpstreamRef)
	_, err = d.Refill(t.Context(), buy("smm-package", "01"))
	rejected(t, err)
	_, err = d.Refill(t.Context(), &upstream.Purchase{Ref: "none"})
	rejected(t, err)
	refill, err = d.RefillStatus(t.Context(), "SBx")
	require.NoError(t, err)
	require.Equal(t, upstream.NotFound, refill.State)
}

func TestASocialMediaOrderKeepsToItsBounds(t *testing.T) {
	t.Parallel()
	d := open(t, newClock().Now, nil)
	p := &upstream.Purchase{Ref: "r", Category: "smm", Code: "smm-followers", Target: "t", Quantity: 9}
	_, err := d.Submit(t.Context(), p)
	require.Equal(t, upstream.ReasonCustomer, rejected(t, err))
	p.Quantity, p.MaxCost = 11, 164
	_, err = d.Submit(t.Context(), p)
	require.Equal(t, upstream.ReasonPrice, rejected(t, err))
	p.MaxCost = 165
	res, err := d.Submit(t.Context(), p)
	require.NoError(t, err)
	require.EqualValues(t, 165, *res.Cost, "15,000 for 1,000, rounded up")
}

func TestEveryKindOfServiceCanBeOrdered(t *testing.T) {
	t.Parallel()
	d := open(t, newClock().Now, nil)
	kinds := map[smm.Kind]bool{}
	for _, o := range Offers() {
		if o.Category != "smm" {
			continue
		}
		kinds[smm.Kind(o.Kind)] = true
		p := &upstream.Purchase{Ref: o.Code, Category: "smm", Code: o.Code, Target: "https://example.com/p/10", Quantity: 100, Inputs: map[string]string{"max": "7", "posts": "3"}}
		if smm.Kind(o.Kind).Single() {
			p.Quantity = 1
		}
		res, err := d.Submit(t.Context(), p)
		require.NoError(t, err, o.Code)
		require.Positive(t, *res.Cost)
		if total := smm.Total(smm.Kind(o.Kind), p.Quantity, p.Inputs); total == 0 {
			require.Equal(t, upstream.Succeeded, res.State, "what counts nothing has no half")
			require.Nil(t, res.Remains)
		} else {
			require.Equal(t, upstream.Partial, res.State, o.Code)
			require.Equal(t, total/2, *res.Remains)
		}
	}
	require.Len(t, kinds, len(smm.Kinds()))
}

func TestAFloatThatIsTheOperatorsIsMinded(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := open(t, c.Now, map[string]string{"float": "12000"})
	buy := func(ref, digits string) error {
		_, err := d.Submit(t.Context(), &upstream.Purchase{Ref: ref, Category: "ppob", Code: "pulsa10", Target: digits})
		return err
	}
	require.NoError(t, buy("a", "03"))
	require.NoError(t, buy("b", "09"), "what failed gave its money back")
	c.add(turned)
	left, err := d.Balance(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2_000, left, "a late success takes it again")
	require.Equal(t, upstream.ReasonOurBalance, rejected(t, buy("c", "01")))
	c.add(24 * time.Hour)
	require.NoError(t, buy("c", "01"), "each day begins with a full float")
	for _, odd := range []string{"", "-1", "1.000", "x"} {
		_, err := New(upstream.Config{Name: "s", DB: d.cfg.DB, Options: map[string]string{"float": odd}})
		require.ErrorContains(t, err, "options.float")
	}
}

func TestBills(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := open(t, c.Now, nil)
	p := &upstream.Purchase{Ref: "bill-1", Category: "ppob", Code: "plnpasca", Target: "530000000002"}
	b, err := d.Inquire(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, b.Total, b.Amount+b.Admin)
	require.Positive(t, b.Cost)
	require.LessOrEqual(t, b.Cost, b.Total)
	require.True(t, b.ExpiresAt.After(c.now))
	again, err := d.Inquire(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, b, again)
	p.Bill, p.MaxCost = b, b.Cost
	res, err := d.Pay(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, upstream.Pending, res.State)
	require.Equal(t, b.Cost, *res.Cost)
	c.add(soon)
	res, err = d.Pay(t.Context(), p)
	require.NoError(t, err, "the same payment again")
	require.Equal(t, upstream.Succeeded, res.State)
	_, err = d.Submit(t.Context(), p)
	rejected(t, err)
	_, err = d.Pay(t.Context(), &upstream.Purchase{Ref: "x", Code: "plnpasca", Target: "1"})
	rejected(t, err)
	for digits, reason := range map[string]upstream.Reason{"03": upstream.ReasonProduct, "04": upstream.ReasonNoBill} {
		_, err = d.Inquire(t.Context(), &upstream.Purchase{Ref: "y", Code: "bpjs", Target: "88" + digits})
		require.Equal(t, reason, rejected(t, err))
	}
	_, err = d.Inquire(t.Context(), &upstream.Purchase{Ref: "y", Code: "pulsa5", Target: "1"})
	rejected(t, err)
}

func TestInvoicesArePaidByThemselves(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := open(t, c.Now, nil)
	create := func(ref string, amount int64) *upstream.Invoice {
		inv, err := d.CreateInvoice(t.Context(), &upstream.InvoiceRequest{Ref: ref, Amount: amount})
		require.NoError(t, err)
		return inv
	}
	status := func(inv *upstream.Invoice) *upstream.Invoice {
		out, err := d.InvoiceStatus(t.Context(), inv.UpstreamRef)
		require.NoError(t, err)
		return out
	}
	inv := create("d1", 10_000)
	require.Equal(t, upstream.InvoicePending, inv.State)
	require.EqualValues(t, 10_000, inv.Total)
	require.Contains(t, inv.QR, "540510000")
	require.Equal(t, fmt.Sprintf("%04X", crc16(inv.QR[:len(inv.QR)-4])), inv.QR[len(inv.QR)-4:])
	require.Equal(t, inv.UpstreamRef, create("d1", 10_000).UpstreamRef)
	_, err := d.CreateInvoice(t.Context(), &upstream.InvoiceRequest{Ref: "d1", Amount: 20_000})
	require.Equal(t, upstream.ReasonDuplicate, rejected(t, err))

	canceled, unpaid := create("d2", 10_001), create("d3", 10_011)
	out, err := d.CancelInvoice(t.Context(), canceled.UpstreamRef)
	require.NoError(t, err)
	require.Equal(t, upstream.InvoiceCanceled, out.State)
	c.add(soon)
	require.Equal(t, upstream.InvoicePaid, status(inv).State)
	require.EqualValues(t, 10_000, *status(inv).Paid)
	require.Equal(t, c.now, status(inv).PaidAt)
	require.Equal(t, upstream.InvoiceCanceled, status(canceled).State)
	require.Equal(t, upstream.InvoicePending, status(unpaid).State)
	_, err = d.CancelInvoice(t.Context(), inv.UpstreamRef)
	rejected(t, err)
	left, err := d.Balance(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, defaultFloat+10_000, left)
	c.add(invoiceLife)
	require.Equal(t, upstream.InvoiceExpired, status(unpaid).State)
	require.Equal(t, upstream.InvoicePaid, status(inv).State)
	require.Equal(t, upstream.InvoiceNotFound, status(&upstream.Invoice{UpstreamRef: "SB999999"}).State)
	require.NotEqual(t, create("", 10_000).UpstreamRef, inv.UpstreamRef)
	_, err = d.CreateInvoice(t.Context(), &upstream.InvoiceRequest{Ref: "d4"})
	rejected(t, err)
}

// TestTheChecksum holds crc16 to the check value of CRC-16/CCITT-FALSE.
func TestTheChecksum(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, 0x29B1, crc16("123456789"))
}

func TestPayouts(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := open(t, c.Now, nil)
	for digits, want := range map[string]struct {
		after time.Duration
		state upstream.State
		lost  bool
	}{
		"01": {soon, upstream.Succeeded, false}, "03": {soon, upstream.Failed, false}, "05": {later, upstream.Succeeded, false},
		"06": {later, upstream.Failed, false}, "07": {soon, upstream.Succeeded, true}, "08": {soon, upstream.Failed, true}, "99": {soon, upstream.Succeeded, false},
	} {
		r := &upstream.PayoutRequest{Ref: "w" + digits, Amount: 50_000, Method: "dana", AccountNumber: "0812000000" + digits, AccountName: "A"}
		p, err := d.CreatePayout(t.Context(), r)
		if want.lost {
			require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
			p, err = d.CreatePayout(t.Context(), r)
		}
		require.NoError(t, err, digits)
		require.Equal(t, upstream.Pending, p.State)
		c.add(want.after)
		p, err = d.PayoutStatus(t.Context(), p.UpstreamRef)
		require.NoError(t, err)
		require.Equal(t, want.state, p.State, digits)
		require.EqualValues(t, 50_000, p.Amount)
		require.Equal(t, c.now, p.ProcessedAt)
		r.Amount++
		_, err = d.CreatePayout(t.Context(), r)
		require.Equal(t, upstream.ReasonDuplicate, rejected(t, err))
	}
	rows, next, err := d.PayoutHistory(t.Context(), 1)
	require.NoError(t, err)
	require.Zero(t, next)
	require.Len(t, rows, 7)
	left, err := d.Balance(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, defaultFloat-4*51_000, left, "what was rejected came back")
	p, err := d.PayoutStatus(t.Context(), "none")
	require.NoError(t, err)
	require.Equal(t, upstream.NotFound, p.State)
	_, err = d.CreatePayout(t.Context(), &upstream.PayoutRequest{Amount: 1})
	rejected(t, err)
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	d := open(t, newClock().Now, nil)
	for _, kind := range []string{upstream.CheckBank, upstream.CheckGame} {
		targets, err := d.CheckTargets(t.Context(), kind)
		require.NoError(t, err)
		for _, target := range targets {
			a, err := d.CheckAccount(t.Context(), kind, target.Code, "081234567801")
			require.NoError(t, err)
			require.True(t, a.Valid)
			require.NotEmpty(t, a.Name)
			a, err = d.CheckAccount(t.Context(), kind, target.Code, "081234567804")
			require.NoError(t, err)
			require.False(t, a.Valid)
			_, err = d.CheckAccount(t.Context(), kind, target.Code, "081234567803")
			rejected(t, err)
		}
		_, err = d.CheckAccount(t.Context(), kind, "none", "1")
		rejected(t, err)
	}
	_, err := d.CheckTargets(t.Context(), "odd")
	rejected(t, err)
}

func TestTheStatementOfADay(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := open(t, c.Now, nil)
	from := c.now
	for i := range pageSize + 3 {
		_, err := d.Submit(t.Context(), &upstream.Purchase{Ref: fmt.Sprint("s", i), Category: "ppob", Code: "pulsa5", Target: fmt.Sprintf("08%04d03", i)})
		require.NoError(t, err)
	}
	c.add(24 * time.Hour)
	_, err := d.Submit(t.Context(), &upstream.Purchase{Ref: "tomorrow", Category: "ppob", Code: "pulsa5", Target: "01"})
	require.NoError(t, err)
	lines, next, err := d.StatementPage(t.Context(), from, from.Add(time.Hour), 1)
	require.NoError(t, err)
	require.Len(t, lines, pageSize)
	require.Equal(t, 2, next)
	require.Equal(t, "s0", lines[0].Ref)
	require.Equal(t, upstream.Failed, lines[0].State)
	require.EqualValues(t, 5_000, lines[0].Cost)
	lines, next, err = d.StatementPage(t.Context(), from, from.Add(time.Hour), 2)
	require.NoError(t, err)
	require.Len(t, lines, 3)
	require.Zero(t, next)
}

func TestTheCatalogueIsSoundAndItsNamesAreOurs(t *testing.T) {
	t.Parallel()
	stems, codes, kinds := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, o := range Offers() {
		require.False(t, codes[o.Code], o.Code)
		codes[o.Code] = true
		kinds[o.Category+o.Type]++
		require.NotContains(t, strings.ToLower(o.Name+o.Description), "sandbox")
		if o.Category == "otp" {
			require.Empty(t, o.Stem, "numbers are named by service, country and server")
			continue
		}
		require.Regexp(t, `^[A-Z0-9]{2,16}$`, o.Stem)
		require.False(t, stems[o.Stem], o.Stem)
		stems[o.Stem] = true
	}
	for _, kind := range []string{"ppobprepaid", "ppobpostpaid", "smm", "otp"} {
		require.Positive(t, kinds[kind], kind)
	}
}
