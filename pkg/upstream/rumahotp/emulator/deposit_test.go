package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/emulator"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

func deposit(t *testing.T, e *emulator.Emulator, amount int64) *wire.Payment {
	t.Helper()
	_, body := get(e, wire.CreateDeposit(amount, wire.MethodQRIS))
	p, err := wire.ReadDeposit(body)
	require.NoError(t, err, string(body))
	return p
}

func depositStatus(t *testing.T, e *emulator.Emulator, id string) wire.Status {
	t.Helper()
	_, v2 := get(e, wire.AskDeposit(id))
	p, err := wire.ReadDepositStatus(v2)
	require.NoError(t, err, string(v2))
	_, v1 := get(e, wire.AskDepositV1(id))
	old, err := wire.ReadDepositStatus(v1)
	require.NoError(t, err, string(v1))
	require.Equal(t, p.Status, old.Status, "both versions say the same")
	require.Equal(t, p.Expires, old.Expires)
	return p.Status
}

func TestDepositsHaveTheDocumentedShape(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	paid, open := deposit(t, e, 5000), deposit(t, e, 5000)
	require.True(t, e.PayInvoice(paid.ID, false))
	for name, target := range map[string]string{
		"deposit_v1_create": wire.CreateDepositV1(2000, wire.MethodQRIS),
		"deposit_v2_create": wire.CreateDeposit(50_000, wire.MethodUSDT),
		"deposit_v1_status": wire.AskDepositV1(paid.ID),
		"deposit_v2_status": wire.AskDeposit(paid.ID),
		"check_account":     wire.CheckAccount("dana", "081234567890"),
		"check_username":    wire.CheckUsername("freefire", "12345678"),
		"list_banks":        wire.PathListBanks,
		"list_games":        wire.PathListGames,
	} {
		example, err := os.ReadFile("../wire/testdata/" + name + ".json")
		require.NoError(t, err)
		_, answer := get(e, target)
		diff, err := emulate.Shape(example, answer)
		require.NoError(t, err, "%s: %s", name, answer)
		require.Empty(t, diff, "%s: %s", name, answer)
		for _, i := range e.Books().Invoices {
			if i.ID != open.ID && i.State == emulate.InvoicePending {
				require.True(t, e.ExpireInvoice(i.ID), "room for the next")
			}
		}
	}
	example, err := os.ReadFile("../wire/testdata/deposit_v1_cancel.json")
	require.NoError(t, err)
	_, answer := get(e, wire.CancelDeposit(open.ID))
	diff, err := emulate.Shape(example, answer)
	require.NoError(t, err)
	require.Empty(t, diff, string(answer))
}

func TestAtMostThreeDepositsWaitForPayment(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now}})
	first := deposit(t, e, 5000)
	second, third := deposit(t, e, 5000), deposit(t, e, 5000)
	require.NotEqual(t, first.Total, second.Total)
	require.NotEqual(t, second.Total, third.Total)
	full := func() bool {
		code, body := get(e, wire.CreateDeposit(5000, wire.MethodQRIS))
		if code == http.StatusOK {
			return false
		}
		require.Contains(t, string(body), "tertunda")
		return true
	}
	require.True(t, full())
	code, _ := get(e, wire.CreateDepositV1(5000, wire.MethodQRIS))
	require.Equal(t, http.StatusBadRequest, code, "both versions count")
	require.True(t, e.PayInvoice(first.ID, false))
	require.False(t, full(), "paid makes room")
	require.True(t, full())
	code, _ = get(e, wire.CancelDeposit(second.ID))
	require.Equal(t, http.StatusOK, code)
	require.False(t, full(), "so does a cancel")
	c.Add(20 * time.Minute)
	require.False(t, full(), "and so does time")
	require.Equal(t, wire.DepositCancel, depositStatus(t, e, third.ID))
}

func TestADepositIsPaidOrNot(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Payer: emulate.PaidAfter(30 * time.Second)}})
	p := deposit(t, e, 50_000)
	require.EqualValues(t, 50_000, p.Diterima)
	require.Equal(t, p.Total, p.Diterima+p.Fee)
	require.Contains(t, p.QR, "5802ID")
	require.Equal(t, c.Now().Add(20*time.Minute), p.Expires)
	require.Equal(t, wire.DepositPending, depositStatus(t, e, p.ID))
	before := e.Books().Balance
	c.Add(30 * time.Second)
	require.Equal(t, wire.DepositSuccess, depositStatus(t, e, p.ID))
	require.Equal(t, before+50_000, e.Books().Balance)
	code, body := get(e, wire.CancelDeposit(p.ID))
	require.Equal(t, http.StatusBadRequest, code, "paid wins")
	require.Contains(t, string(body), "dibatalkan")
	require.Equal(t, before+50_000, e.Books().Balance)

	e.SetPayer(emulate.PaidAfter(0))
	late := deposit(t, e, 10_000)
	w := httptest.NewRecorder()
	e.Control().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/control/deposits/"+late.ID+"/pay", strings.NewReader(`{}`)))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, wire.DepositSuccess, depositStatus(t, e, late.ID))
}

func TestDepositsThatAreRefused(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{APIKey: "key"})
	for target, want := range map[string]string{
		wire.CreateDeposit(999, wire.MethodQRIS):             "amount",
		wire.CreateDeposit(10_000_001, wire.MethodQRIS):      "amount",
		wire.PathDepositCreate + "?amount=x&payment_id=qris": "amount",
		wire.CreateDeposit(5000, "va"):                       "payment_id",
		wire.CreateDepositV1(5000, wire.MethodUSDT):          "payment_id",
		wire.AskDeposit("none"):                              "Deposit",
		wire.AskDepositV1("none"):                            "Deposit",
		wire.CancelDeposit("none"):                           "Deposit",
		wire.CheckAccount("none", "1"):                       "bank_code",
		wire.CheckAccount("dana", ""):                        "account_number",
		wire.CheckUsername("none", "1"):                      "account_code",
	} {
		_, body := get(e, target)
		_, err := wire.ReadDeposit(body)
		r, ok := wire.AsRefusal(err)
		require.True(t, ok, "%s %s", target, body)
		require.Contains(t, r.Message, want, target)
	}
	require.Empty(t, e.Books().Invoices)
}

func TestAForeignDepositAddsUpExactly(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	_, body := get(e, wire.CreateDeposit(50_000, wire.MethodUSDT))
	d, err := wire.DecodeDeposit(body)
	require.NoError(t, err)
	total, ok := d.Currency.V.Total.Rat()
	require.True(t, ok)
	fee, _ := d.Currency.V.Fee.Rat()
	received, _ := d.Currency.V.Diterima.Rat()
	require.Zero(t, total.Cmp(fee.Add(fee, received)))
	require.Positive(t, received.Sign())
}

func TestAccountsThatAreChecked(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{APIKey: "key"})
	r := httptest.NewRequest(http.MethodGet, "http://emulator"+emulator.Base+wire.CheckAccount("dana", "081234567890"), nil)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	c, err := wire.DecodeChecked(w.Body.Bytes())
	require.NoError(t, err, "no key is wanted")
	require.EqualValues(t, "6281234567890", c.Number)
	_, body := get(e, wire.CheckUsername("freefire", "1234504"))
	c, err = wire.DecodeChecked(body)
	require.NoError(t, err)
	valid, known := c.Valid()
	require.True(t, known)
	require.False(t, valid)
}

func TestANumberThatNobodyKnowsOfGivesItsMoneyBack(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Script: emulate.Always(5 * time.Second)}})
	lost, told := string(rent(t, e).OrderID), string(rent(t, e).OrderID)
	c.Add(time.Minute)
	require.Equal(t, wire.OrderReceived, status(t, e, told).State(), "the code had come before it was asked for")
	p, _ := e.Books().Find(told)
	require.Equal(t, c.Now().Add(-55*time.Second), p.Timeline[1].At)
	c.Add(14 * time.Minute)
	p, _ = e.Books().Find(lost)
	require.True(t, p.Refunded)
	require.False(t, p.Delivered)
	require.Empty(t, p.Codes)
	p, _ = e.Books().Find(told)
	require.False(t, p.Refunded)
	require.Equal(t, wire.OrderExpiring, status(t, e, lost).State())
}
