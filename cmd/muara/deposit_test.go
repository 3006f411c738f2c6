package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/qris"
)

const ownStatic = "00020101021126570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI5204481253033605802ID5911TOKO CONTOH6007JAKARTA61051234563041D84"

func (d *desk) keeper() *deposit.Keeper {
	return deposit.New(deposit.Options{Pool: d.db.Pool, Accounts: ledger.NewAccounts(d.db.Pool), Now: time.Now, Log: slog.New(slog.DiscardHandler), Links: deposit.Links{IDPrefix: "MRA"}})
}

// deposit opens one by our own code, or by a gateway that invoices it.
func (d *desk) deposit(own bool) *deposit.Deposit {
	d.t.Helper()
	code, err := qris.Import(ownStatic)
	require.NoError(d.t, err)
	gateway := deposit.Gateway{Name: "static-qris", Own: &deposit.OwnCode{QRIS: code, Codes: 999, Life: time.Minute}}
	if !own {
		gateway = deposit.Gateway{Name: "src-1"}
	}
	o := deposit.Opener{
		Keeper: d.keeper(), Ask: till{d}, Log: slog.New(slog.DiscardHandler),
		Policy: deposit.Policy{Live: []deposit.Gateway{gateway}, Patience: 5 * time.Second, Share: time.Second},
	}
	out, err := o.Open(d.t.Context(), &deposit.Request{WalletID: d.wallet, Mode: "live", Amount: 50_000})
	require.NoError(d.t, err)
	return out
}

// till gives every deposit its invoice.
type till struct{ d *desk }

func (g till) AskDeposit(ctx context.Context, gateway, _ string, id int64, attempt int) (string, error) {
	k := g.d.keeper()
	row, err := k.Claim(ctx, id, attempt, gateway)
	if err != nil {
		return "", err
	}
	text, err := qris.Payload{{Tag: "00", Value: "01"}, {Tag: "54", Value: fmt.Sprint(row.Asked)}}.Text()
	if err != nil {
		return "", err
	}
	_, err = k.Opened(ctx, id, attempt, &deposit.Invoice{UpstreamRef: fmt.Sprint("I", id), QR: text})
	return deposit.Done, err
}

func (d *desk) see(row *deposit.Deposit, s deposit.Sighting) {
	d.t.Helper()
	_, err := d.keeper().See(d.t.Context(), row.ID, s)
	require.NoError(d.t, err)
}

func publicID(d *deposit.Deposit) string { return deposit.PublicID("MRA", d.ID) }

func TestAnOperatorSeesAndSettlesDeposits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	wrong, back, open := d.deposit(false), d.deposit(false), d.deposit(false)
	came := int64(49_000)
	d.see(wrong, deposit.Sighting{Seen: deposit.SeenPaid, Paid: &came, Code: "PAID"})
	d.see(back, deposit.Sighting{Seen: deposit.SeenPaid, Paid: &came})

	list := d.json("deposit", "list", "--flagged")
	require.EqualValues(t, 2, list["count"])
	require.EqualValues(t, 1, d.json("deposit", "list", "--state", "pending", "--merchant", d.merchant, "--gateway", "src-1", "--mode", "live")["count"])
	require.EqualValues(t, 2, d.json("deposit", "list", "--before", publicID(open))["count"])
	_, text, _ := d.run("deposit", "list")
	require.Contains(t, text, publicID(wrong))
	require.Contains(t, text, "another amount was paid")

	page := d.json("deposit", "show", publicID(wrong))
	require.Equal(t, "suspense", page["state"])
	require.Equal(t, "pending", page["status"])
	require.Len(t, page["attempts"], 1)
	require.Len(t, page["events"], 3)
	require.Len(t, page["entries"], 1)

	code, _, errs := d.run("deposit", "credit", publicID(wrong), "--why", "x", "--amount", "50000")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "49000 came")
	got := d.json("deposit", "credit", publicID(wrong), "--why", "the payer called")
	require.Equal(t, "paid", got["state"])
	require.EqualValues(t, 49_000, got["credited"])
	require.Equal(t, "canceled", d.json("deposit", "return", publicID(back), "--why", "sent back")["state"])
	require.Equal(t, "paid", d.json("deposit", "credit", fmt.Sprint(open.ID), "--why", "seen in the gateway's books")["state"])
	for _, args := range [][]string{
		{"deposit", "credit", publicID(open), "--why", "again"}, {"deposit", "return", publicID(open), "--why", "x"},
		{"deposit", "expire", publicID(open), "--why", "x"}, {"deposit", "show", "12345"}, {"deposit", "credit", "12345", "--why", "x"},
	} {
		code, _, errs := d.run(args...)
		require.Equal(t, exitRefused, code, args)
		require.NotEmpty(t, errs)
	}
	for _, args := range [][]string{
		{"deposit", "credit", publicID(open)}, {"deposit", "credit", publicID(open), "--why", " "}, {"deposit", "credit", "odd", "--why", "x"},
		{"deposit", "credit", publicID(open), "--why", "x", "--amount", "-1"}, {"deposit", "list", "--limit", "0"}, {"deposit", "list", "--before", "odd"},
		{"deposit", "list", "--state", "odd"}, {"deposit", "show", "odd"},
	} {
		code, _, _ := d.run(args...)
		require.Equal(t, exitUsage, code, args)
	}
	_, text, _ = d.run("deposit", "show", publicID(wrong))
	for _, want := range []string{"deposit.credit", "the payer called", "suspense → paid by operator", "attempt 1", "entry"} {
		require.Contains(t, text, want)
	}
	require.Equal(t, true, d.json("ledger", "verify")["clean"])
	s := d.json("ledger", "statement", d.merchant)
	require.EqualValues(t, 199_000, s["closing"])
	last := s["mutations"].([]any)[2].(map[string]any)
	require.Equal(t, "deposit", last["kind"])
	require.Equal(t, publicID(open), last["ref"])
}

func TestAStatementOfOurOwnCodePaysDeposits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	row := d.deposit(true)
	path := filepath.Join(t.TempDir(), "mutasi.csv")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	at := time.Now().UTC().Add(time.Second).Format(time.RFC3339)
	write(fmt.Sprintf("time,amount,id,note\n%s,%d,77001,BUDI\n%s,123,77002,kopi\n", at, row.Total, at))
	got := d.json("deposit", "statement", "--csv", path)
	require.Equal(t, map[string]any{"credited": 1.0, "unmatched": 1.0}, got["outcomes"])
	require.Equal(t, "paid", d.json("deposit", "show", publicID(row))["state"])
	_, text, _ := d.run("deposit", "statement", "--csv", path)
	require.Contains(t, text, "seen")
	require.Contains(t, text, publicID(row))
	require.Empty(t, d.json("deposit", "list")["lines"])
	require.Len(t, d.json("deposit", "list", "--unmatched")["lines"], 1)

	write("time,amount\n" + at + ",100.000\n")
	code, _, errs := d.run("deposit", "statement", "--csv", path)
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "line 2: amount")
	write(fmt.Sprintf("time,amount,id\n%s,5,77001\n", at))
	code, _, errs = d.run("deposit", "statement", "--csv", path)
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "another payment's already")
	code, _, _ = d.run("deposit", "statement", "--csv", filepath.Join(t.TempDir(), "none.csv"))
	require.Equal(t, exitRefused, code)
	require.Equal(t, true, d.json("ledger", "verify")["clean"])
}
