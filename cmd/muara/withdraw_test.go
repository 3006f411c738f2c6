package main

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/withdraw"
)

func (d *desk) payouts(approvals int) *withdraw.Keeper {
	return withdraw.New(withdraw.Options{
		Pool: d.db.Pool, Accounts: ledger.NewAccounts(d.db.Pool), Now: time.Now, Log: slog.New(slog.DiscardHandler), IDPrefix: "MRA",
		Policy: withdraw.Policy{FeeFixed: 500, Live: withdraw.Way{Gateway: "src-1", Approvals: approvals}},
	})
}

func (d *desk) withdrawal(ref string, approvals int) string {
	d.t.Helper()
	w, _, err := d.payouts(approvals).Place(d.t.Context(), &withdraw.Request{
		WalletID: d.wallet, Mode: "live", Ref: ref, Amount: 10_000, Method: "dana", AccountNumber: "08123456" + ref[len(ref)-1:], AccountName: "Budi",
	})
	require.NoError(d.t, err)
	return withdraw.PublicID("MRA", w.ID)
}

func TestAnOperatorDecidesAboutWithdrawals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	yes, no, four, doubt := d.withdrawal("wd-1", 1), d.withdrawal("wd-2", 1), d.withdrawal("wd-3", 2), d.withdrawal("wd-4", 1)
	require.EqualValues(t, 4, d.json("withdraw", "list", "--state", "pending")["count"])
	require.EqualValues(t, 1, d.json("withdraw", "list", "--before", no, "--merchant", d.merchant, "--gateway", "src-1", "--mode", "live")["count"])
	_, text, _ := d.run("withdraw", "list")
	require.Contains(t, text, "dana 081234561")

	require.Equal(t, "approved", d.json("withdraw", "approve", yes)["state"])
	got := d.json("withdraw", "reject", no, "--why", "the name does not match")
	require.Equal(t, "rejected", got["state"])
	got = d.json("withdraw", "approve", four, "--why", "seen the papers")
	require.Equal(t, "pending", got["state"])
	require.Len(t, got["approvals"], 1)
	code, _, errs := d.run("withdraw", "approve", four)
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "2 different people")
	require.Equal(t, "approved", d.json("--actor", "siti", "withdraw", "approve", four)["state"])
	require.Contains(t, fmt.Sprint(d.json("withdraw", "show", four)["approvals"]), "cli:siti")

	n, _ := withdraw.ParseID(doubt)
	k := d.payouts(1)
	_, err := k.Approve(t.Context(), n, withdraw.Decision{Actor: "test"})
	require.NoError(t, err)
	w, err := k.Claim(t.Context(), n, "claim", time.Minute)
	require.NoError(t, err)
	_, err = k.Heard(t.Context(), n, withdraw.Answer{Word: withdraw.Lost, Attempt: w.Attempt})
	require.NoError(t, err)
	_, err = k.Searched(t.Context(), n, withdraw.Search{Attempt: w.Attempt, Found: withdraw.FoundSeveral})
	require.NoError(t, err)
	require.EqualValues(t, 1, d.json("withdraw", "list", "--flagged")["count"])
	code, _, errs = d.run("withdraw", "reject", doubt, "--why", "x")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "resolve it on evidence")
	got = d.json("withdraw", "resolve", doubt, "--as", "success", "--charge", "300", "--why", "their staff showed it")
	require.Equal(t, "success", got["state"])

	page := d.json("withdraw", "show", fmt.Sprint(n))
	require.Equal(t, "success", page["state"])
	require.Len(t, page["entries"], 4)
	require.NotEmpty(t, page["events"])
	_, text, _ = d.run("withdraw", "show", doubt)
	for _, want := range []string{"withdraw.resolve", "their staff showed it", "unknown → success by operator", "approved", "entry"} {
		require.Contains(t, text, want)
	}
	for _, args := range [][]string{
		{"withdraw", "approve", doubt}, {"withdraw", "resolve", doubt, "--as", "rejected", "--why", "x"}, {"withdraw", "seen", yes, "--why", "x"},
		{"withdraw", "show", "12345"}, {"withdraw", "approve", "12345"},
	} {
		code, _, errs := d.run(args...)
		require.Equal(t, exitRefused, code, args)
		require.NotEmpty(t, errs)
	}
	for _, args := range [][]string{
		{"withdraw", "reject", yes}, {"withdraw", "reject", yes, "--why", " "}, {"withdraw", "resolve", yes, "--why", "x"}, {"withdraw", "resolve", yes, "--as", "odd", "--why", "x"},
		{"withdraw", "resolve", yes, "--as", "success", "--why", ""}, {"withdraw", "resolve", yes, "--as", "success", "--why", "x", "--charge", "-1"},
		{"withdraw", "seen", yes, "--why", ""}, {"withdraw", "list", "--limit", "0"}, {"withdraw", "list", "--before", "odd"}, {"withdraw", "list", "--state", "odd"}, {"withdraw", "show", "odd"},
	} {
		code, _, _ := d.run(args...)
		require.Equal(t, exitUsage, code, args)
	}
	require.Equal(t, true, d.json("ledger", "verify")["clean"])
	s := d.json("ledger", "statement", d.merchant)
	require.EqualValues(t, 100_000-3*10_500, s["closing"])
	last := s["mutations"].([]any)
	require.Equal(t, "wd-2", last[len(last)-1].(map[string]any)["ref"])
	require.Equal(t, "withdraw_refund", last[len(last)-1].(map[string]any)["kind"])
}
