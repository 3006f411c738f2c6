package inquiry

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/testdb"
)

// desk is a keeper over a database with one wallet.
type desk struct {
	*Keeper
	t      *testing.T
	wallet int64
	now    time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	db := testdb.New(t)
	d := &desk{t: t, now: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}
	d.Keeper = &Keeper{Pool: db.Pool, Now: func() time.Time { return d.now }}
	require.NoError(t, pg.InTx(t.Context(), db.Pool, func(tx pgx.Tx) (err error) {
		if _, err = tx.Exec(t.Context(), `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ('M1', 'M1', 'active', 1, '{}', $1, $1)`, d.now); err != nil {
			return err
		}
		d.wallet, err = ledger.CreateWallet(t.Context(), tx, "M1", "live", d.now)
		return err
	}))
	return d
}

func (d *desk) request(ref, customer string) *Request {
	return &Request{
		WalletID: d.wallet, Mode: "live", Ref: ref, SKU: "PLNIDPASCA", Name: "PLN", ProductID: 1, CustomerNo: customer,
		Route: order.Route{Upstream: "up-a", OfferID: 1, Code: "PLN"}, WaitUntil: d.now.Add(time.Minute),
	}
}

// found asks and finds a bill of so many rupiah.
func (d *desk) found(r *Request, total int64) *Inquiry {
	d.t.Helper()
	q, err := d.Begin(d.t.Context(), r)
	require.NoError(d.t, err)
	require.NoError(d.t, d.Found(d.t.Context(), q, order.Bill{Amount: total, Total: total, Cost: total}, time.Time{}, "00", "said"))
	q, err = d.ByID(d.t.Context(), q.ID)
	require.NoError(d.t, err)
	require.Equal(d.t, Found, q.State)
	return q
}

func TestTheLifeOfAnInquiry(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	r := d.request("b", "5463")
	_, err := d.Current(ctx, d.wallet, "b")
	require.ErrorIs(t, err, ErrNotFound)
	known, err := d.Known(ctx, r)
	require.NoError(t, err)
	require.Nil(t, known)

	first := d.found(r, 100_000)
	require.Equal(t, first.ID, first.Bill.InquiryID)
	require.ErrorIs(t, d.Found(ctx, first, order.Bill{Amount: 1, Total: 1, Cost: 1}, time.Time{}, "", ""), ErrStale, "it has been answered")
	require.ErrorIs(t, d.Fail(ctx, first.ID, "unknown", "", ""), ErrStale)
	_, err = d.Current(ctx, d.wallet, "b")
	require.ErrorIs(t, err, ErrNotFound, "nobody was told")
	first, err = d.Open(ctx, first, 100_100)
	require.NoError(t, err)
	require.EqualValues(t, 100_100, first.Price)
	_, err = d.Open(ctx, first, 1)
	require.ErrorIs(t, err, ErrStale)
	known, err = d.Known(ctx, r)
	require.NoError(t, err)
	require.Equal(t, first, known, "one that was told stays so, whatever was tried with it")
	_, err = d.Known(ctx, d.request("b", "9999"))
	require.ErrorIs(t, err, ErrConflict)
	other := d.request("b", "5463")
	other.Inputs = map[string]string{"year": "2025"}
	_, err = d.Known(ctx, other)
	require.ErrorIs(t, err, ErrConflict)

	second, err := d.Open(ctx, d.found(r, 200_000), 200_100)
	require.NoError(t, err)
	first, err = d.ByID(ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, Replaced, first.State)
	_, err = d.Open(ctx, d.found(d.request("b", "9999"), 5), 6)
	require.ErrorIs(t, err, ErrConflict, "another customer's bill takes no place")
	known, err = d.Known(ctx, r)
	require.NoError(t, err)
	require.Equal(t, second.ID, known.ID)

	q, err := d.Begin(ctx, r)
	require.NoError(t, err)
	for _, b := range []order.Bill{{}, {Total: 1}, {Total: -1, Cost: 1}, {Total: 1, Cost: MaxAmount + 1}, {Total: 1, Cost: 1, Admin: -5}} {
		require.ErrorIs(t, d.Found(ctx, q, b, time.Time{}, "", ""), ErrUnsound)
	}
	require.NoError(t, d.Fail(ctx, q.ID, "rejected no_bill", "14", "none"))
}

func TestWhatNobodyPaidIsLetGoOfInTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	old, err := d.Open(t.Context(), d.found(d.request("old", "1"), 5), 6)
	require.NoError(t, err)
	d.now = d.now.Add(Kept)
	d.found(d.request("young", "1"), 5)
	_, err = d.ByID(t.Context(), old.ID)
	require.NoError(t, err, "not yet")
	d.now = d.now.Add(time.Second)
	young := d.found(d.request("younger", "1"), 5)
	_, err = d.ByID(t.Context(), old.ID)
	require.ErrorIs(t, err, ErrNotFound)
	all, err := d.Of(t.Context(), d.wallet, "younger", 10)
	require.NoError(t, err)
	require.Equal(t, []*Inquiry{young}, all)
}

func TestManyOpenOneRefAndOneIsOpen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const n = 24
	all := make([]*Inquiry, n)
	for i := range all {
		all[i] = d.found(d.request("b", "5463"), int64(1000+i))
	}
	var group sync.WaitGroup
	opened := make([]error, n)
	for i, q := range all {
		group.Go(func() { _, opened[i] = d.Open(t.Context(), q, int64(2000+i)) })
	}
	group.Wait()
	told := 0
	for _, err := range opened {
		if err == nil {
			told++
		} else {
			require.ErrorIs(t, err, ErrStale)
		}
	}
	counts := map[State]int{}
	for _, q := range all {
		q, err := d.ByID(t.Context(), q.ID)
		require.NoError(t, err)
		counts[q.State]++
	}
	require.Equal(t, 1, counts[Open])
	require.Equal(t, told-1, counts[Replaced])
	require.Equal(t, n-told, counts[Found])
}

// TestTheEndIsTheFirstOfThree: fifteen minutes, the source's rule, midnight in Jakarta.
func TestTheEndIsTheFirstOfThree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		asked := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, int64(72*time.Hour)).Draw(t, "asked"))).Truncate(time.Microsecond)
		theirs := time.Time{}
		if rapid.Bool().Draw(t, "rule") {
			theirs = asked.Add(time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(t, "life")))
		}
		by := PayBy(asked, theirs)
		end := Ends(asked, &order.Bill{PayBy: by})
		midnight := asked.In(wib()).Add(24*time.Hour).Format("2006-01-02") + "T00:00:00+07:00"
		last, err := time.Parse(time.RFC3339, midnight)
		if err != nil {
			t.Fatal(err)
		}
		if end.After(asked.Add(Life)) || end.After(by) || by.After(last) || !theirs.IsZero() && by.After(theirs) {
			t.Fatalf("asked %s, theirs %s: payable at the source by %s, ends %s", asked, theirs, by, end)
		}
		if !end.Equal(asked.Add(Life)) && !end.Equal(last) && (theirs.IsZero() || theirs.Sub(end) > time.Microsecond) {
			t.Fatalf("asked %s: ends %s for no reason", asked, end)
		}
	})
}

func TestThePriceIsTheTotalAndOurFee(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, 302_850, Price(&order.Bill{Total: 302_750, Cost: 302_750}, 100, 50))
	require.EqualValues(t, 302_850, Price(&order.Bill{Total: 302_750, Cost: 300_950}, 100, 50), "what a source leaves us is ours")
	require.EqualValues(t, 304_050, Price(&order.Bill{Total: 302_750, Cost: 304_000}, 100, 50), "never less than it costs")
}

func TestOnlyTheSameContentIsTheSame(t *testing.T) {
	t.Parallel()
	zone := "1"
	q := &Inquiry{SKU: "A", CustomerNo: "1", ZoneID: &zone}
	other := "2"
	require.True(t, q.For("A", "1", nil))
	require.True(t, q.For("A", "1", &zone))
	require.False(t, q.For("A", "1", &other))
	require.False(t, q.For("A", "2", nil))
	require.False(t, q.For("B", "1", nil))
	require.False(t, (&Inquiry{SKU: "A", CustomerNo: "1"}).For("A", "1", &zone))
}

// FuzzSound: whatever a source says, what is kept can be shown on one line, and adds up
// to an amount that can be taken.
func FuzzSound(f *testing.F) {
	f.Add(int64(300_000), int64(2_750), int64(302_750), int64(302_750), "Anto\r\n<b>", "APR26\x00", "tarif\u2028R1")
	f.Add(int64(-1), int64(0), int64(1), int64(1), "", "", "")
	f.Fuzz(func(t *testing.T, amount, admin, total, cost int64, name, period, line string) {
		b := order.Bill{Amount: amount, Admin: admin, Total: total, Cost: cost, CustomerName: name, Period: period, Lines: map[string]string{"x": line}}
		if err := sound(&b); err != nil {
			if !errors.Is(err, ErrUnsound) {
				t.Fatal(err)
			}
			return
		}
		if price := Price(&b, MaxAmount, 0); price <= 0 || price > 2*MaxAmount {
			t.Fatal(price)
		}
		for _, s := range []string{b.CustomerName, b.Period, b.Lines["x"]} {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00\t\u2028") || utf8.RuneCountInString(s) > maxText {
				t.Fatalf("%q", s)
			}
		}
	})
}
