package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/queue"
)

func (d *desk) keeper() *deposit.Keeper {
	return deposit.New(deposit.Options{Pool: d.db.Pool, Accounts: d.accounts, Now: d.clock, Log: slog.New(slog.DiscardHandler), Links: deposit.Links{IDPrefix: "MRA"}})
}

// gates answer for gateways; silent says nothing, as a process that died.
type gates struct {
	d      *desk
	silent bool
	n      int
}

func (g *gates) AskDeposit(ctx context.Context, gateway, _ string, id int64, attempt int) (string, error) {
	if g.silent {
		return "", queue.ErrNoAnswer
	}
	k := g.d.keeper()
	row, err := k.Claim(ctx, id, attempt, gateway)
	if err != nil {
		return "", err
	}
	text, err := qris.Payload{{Tag: "00", Value: "01"}, {Tag: "54", Value: fmt.Sprint(row.Asked)}}.Text()
	if err != nil {
		return "", err
	}
	g.n++
	_, err = k.Opened(ctx, id, attempt, &deposit.Invoice{UpstreamRef: fmt.Sprint("I", g.n), QR: text})
	return deposit.Done, err
}

func (d *desk) deposit(g *gates, gateway deposit.Gateway, ref string) (*deposit.Deposit, error) {
	o := deposit.Opener{
		Keeper: d.keeper(), Ask: g, Log: slog.New(slog.DiscardHandler),
		Policy: deposit.Policy{Live: []deposit.Gateway{gateway}, Patience: time.Second, Share: time.Second},
	}
	return o.Open(d.t.Context(), &deposit.Request{WalletID: d.wallet, Mode: "live", Ref: ref, Amount: 50_000})
}

func TestGatewaysWithSomethingDueGetATurnEach(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := &gates{d: d}
	for range 3 {
		_, err := d.deposit(g, deposit.Gateway{Name: "up-a"}, "")
		require.NoError(t, err)
	}
	require.Zero(t, d.atOnce((*Scheduler).moneyOnce), "too young to ask about")
	d.now = d.now.Add(5 * time.Second)
	d.atOnce((*Scheduler).moneyOnce)
	require.EqualValues(t, 1, d.depth(queue.Poll("up-a")), "one turn goes on while there is work")
	require.Zero(t, d.depth(queue.Poll("up-b")))
	s := d.both[0]
	_, err := s.measureOnce(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 3, testutil.ToFloat64(s.money.open.WithLabelValues("up-a", "pending")), 0)
	require.InDelta(t, 3, testutil.ToFloat64(s.money.due.WithLabelValues("up-a")), 0)
	require.InDelta(t, 2, testutil.ToFloat64(s.money.dueAge.WithLabelValues("up-a")), 0)
	require.Zero(t, testutil.ToFloat64(s.money.suspense))
}

func TestDepositsThatNobodyAnswersForAreEnded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, err := d.deposit(&gates{d: d, silent: true}, deposit.Gateway{Name: "up-a"}, "top-1")
	require.ErrorIs(t, err, deposit.ErrNoGateway)
	code, err := qris.Import("00020101021126570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI" +
		"5204481253033605802ID5911TOKO CONTOH6007JAKARTA61051234563041D84")
	require.NoError(t, err)
	own, err := d.deposit(nil, deposit.Gateway{Name: "own", Own: &deposit.OwnCode{QRIS: code, Codes: 9, Life: time.Minute}}, "")
	require.NoError(t, err)
	d.now = d.now.Add(5 * time.Minute)
	d.atOnce((*Scheduler).moneyOnce)
	var failed, expired int
	require.NoError(t, d.db.Pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'expired' AND id = $1) FROM deposits`, own.ID).
		Scan(&failed, &expired))
	require.Equal(t, 1, failed)
	require.Equal(t, 1, expired)
	require.Zero(t, d.atOnce((*Scheduler).moneyOnce))
}
