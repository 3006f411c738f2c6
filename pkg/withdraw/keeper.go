package withdraw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/rule"
	"github.com/muarahq/muara/pkg/webhook"
)

// commitTimeout bounds one change; it runs on after its caller has left.
const commitTimeout = 10 * time.Second

// notes is what a merchant reads beside the entry.
const notes = "Withdrawal"

// Way is where withdrawals of a mode are paid out.
type Way struct {
	// Gateway is the upstream; empty for by hand.
	Gateway string
	// Checker is the upstream that looks accounts up first; empty for none.
	Checker string
	// Approvals is how many different people must approve.
	Approvals int
}

// Policy is what withdrawals cost and where they go. Money is whole rupiah.
type Policy struct {
	// FeeBP is in hundredths of a percent, FeeFixed in rupiah: what a merchant pays.
	FeeBP, FeeFixed int64
	Live, Test      Way
}

// fee is the merchant's fee for an amount, rounded up.
func (p Policy) fee(amount int64) int64 { return (amount*p.FeeBP+9_999)/10_000 + p.FeeFixed }

func (p Policy) way(mode string) Way {
	if mode == "test" {
		return p.Test
	}
	return p.Live
}

// Options are what a [Keeper] is made from.
type Options struct {
	Pool     *pgxpool.Pool
	Accounts *ledger.Accounts
	Now      func() time.Time
	Log      *slog.Logger
	// IDPrefix is the brand's prefix of ids.
	IDPrefix string
	Policy   Policy
	// Location is the brand's time zone, by whose days limits count; nil is UTC.
	Location *time.Location
	// Told is called after a commit with the ids of the webhook events in it: a hint.
	// It must not block; nil for none.
	Told func(events []int64)
	// Metrics may be nil.
	Metrics *Metrics
}

// Keeper keeps withdrawals: it is the only way that one changes.
type Keeper struct{ Options }

// New gives a keeper.
func New(o Options) *Keeper { return &Keeper{Options: o} }

func (k *Keeper) now() time.Time { return k.Now().UTC().Truncate(time.Microsecond) }

const placeSQL = `INSERT INTO withdrawals AS w (id, wallet_id, mode, ref, content_hash, amount, fee, method, account_number, account_name, receiver, state, version, approvals,
		gateway, attempt, claim, upstream_ref, charge, refused, message, flag, trace_parent, checker, check_at, check_result, check_name, next_run_at, polls, created_at, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $14, 0, '', '', 0, '', '', '', $15, $16, $17, '', '', $18, 0, $19, $19) RETURNING ` + columns

// Place keeps a withdrawal and takes its money, or does neither. A ref that is known
// with the same content gives the stored one as it stands. Errors are [ErrConflict],
// [*rule.LimitError], [ErrInsufficient] and the database's own, after which the same ref answers whether
// it was kept.
func (k *Keeper) Place(ctx context.Context, r *Request) (w *Withdrawal, balance int64, err error) {
	hold, err := k.Accounts.System(ctx, r.Mode, ledger.Payouts)
	if err != nil {
		return nil, 0, err
	}
	const tries = 3 // an id drawn twice meets the primary key
	for range tries {
		err = pg.InTx(ctx, k.Pool, func(tx pgx.Tx) (err error) {
			w, balance, err = k.place(ctx, tx, r, hold)
			return err
		})
		if !pg.IsUnique(err, "withdrawals_pkey") {
			break
		}
	}
	if err != nil {
		return nil, 0, err
	}
	return w, balance, nil
}

func (k *Keeper) place(ctx context.Context, tx pgx.Tx, r *Request, hold ledger.Account) (*Withdrawal, int64, error) {
	book, err := ledger.Lock(ctx, tx, r.WalletID)
	if err != nil {
		return nil, 0, err
	}
	// Under the wallet's lock every earlier one of the same wallet is visible.
	known, err := scan(tx.QueryRow(ctx, `SELECT `+columns+` FROM withdrawals w WHERE w.wallet_id = $1 AND w.ref = $2`, r.WalletID, r.Ref))
	switch {
	case err == nil && !bytes.Equal(known.ContentHash, r.Hash()):
		return nil, 0, ErrConflict
	case err == nil:
		return known, book.Wallet(r.WalletID).Balance, nil
	case !errors.Is(err, pgx.ErrNoRows):
		return nil, 0, fmt.Errorf("withdraw: place: %w", err)
	}
	now := k.now()
	if book.Wallet(r.WalletID).Ruled {
		if err := k.within(ctx, tx, r, now); err != nil {
			return nil, 0, err
		}
	}
	way := k.Policy.way(r.Mode)
	var next, check *time.Time
	if way.Approvals == 0 {
		next = &now
	}
	if way.Checker != "" {
		check = &now
	}
	w, err := scan(tx.QueryRow(ctx, placeSQL, id.New(now), r.WalletID, r.Mode, r.Ref, r.Hash(), r.Amount, k.Policy.fee(r.Amount), r.Method, r.AccountNumber,
		r.AccountName, PlainNumber(r.AccountNumber), Pending, way.Approvals, way.Gateway, r.TraceParent, way.Checker, check, next, now))
	if err != nil {
		return nil, 0, err
	}
	err = book.Post(ledger.Entry{
		Subject: subject, SubjectID: w.ID, Kind: ledger.KindWithdraw, Debit: ledger.WalletAccount(r.WalletID), Credit: hold, Amount: w.Total(), Notes: notes,
	})
	if errors.Is(err, ledger.ErrInsufficient) {
		return nil, 0, ErrInsufficient
	}
	if err != nil {
		return nil, 0, err
	}
	if err := book.Write(ctx, tx, now); err != nil {
		return nil, 0, err
	}
	if _, err := tx.Exec(ctx, eventSQL, w.ID, w.Version, "", w.State, "merchant", "", now); err != nil {
		return nil, 0, fmt.Errorf("withdraw: place: %w", err)
	}
	return w, book.Wallet(r.WalletID).Balance, nil
}

// within refuses what is beyond the wallet's limit of the day. The wallet is locked.
func (k *Keeper) within(ctx context.Context, tx pgx.Tx, r *Request, now time.Time) error {
	day, next := k.today(now)
	var limit, used int64
	err := tx.QueryRow(ctx, `SELECT withdraw_per_day, `+usedSQL+` FROM wallet_rules r WHERE r.wallet_id = $1 AND r.withdraw_per_day > 0`, r.WalletID, id.First(day)).Scan(&limit, &used)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("withdraw: limit: %w", err)
	}
	if left := max(limit-used, 0); r.Amount > left {
		return &rule.LimitError{Limit: rule.WithdrawPerDay, Allowed: limit, Left: left, Resets: next}
	}
	return nil
}

// usedSQL is the amount of a wallet's withdrawals from the id $2 on that were not rejected.
const usedSQL = `(SELECT coalesce(sum(amount), 0)::bigint FROM withdrawals w WHERE w.wallet_id = r.wallet_id AND w.id >= $2 AND w.state <> 'rejected')`

func (k *Keeper) today(now time.Time) (from, to time.Time) {
	loc := k.Location
	if loc == nil {
		loc = time.UTC
	}
	return rule.Day(now, loc)
}

// UsedToday gives the amount, in rupiah, of the withdrawals of today that were not rejected;
// nil where no limit of the day is set.
func (k *Keeper) UsedToday(ctx context.Context, walletID int64) (used *int64, err error) {
	day, _ := k.today(k.now())
	err = k.Pool.QueryRow(ctx, `SELECT `+usedSQL+` FROM wallet_rules r WHERE r.wallet_id = $1 AND r.withdraw_per_day > 0`, walletID, id.First(day)).Scan(&used)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("withdraw: used today: %w", err)
	}
	return used, nil
}

// books are the accounts that a withdrawal's money moves between.
type books struct{ hold, fees, charges, float, loss ledger.Account }

// byHand is the gateway of what an operator pays out of another pocket.
const byHand = "by-hand"

// open finds the accounts. It is done before a transaction begins, since making one
// needs a connection of its own.
func (k *Keeper) open(ctx context.Context, mode, gateway string) (b books, err error) {
	if gateway == "" {
		gateway = byHand
	}
	for _, a := range []struct {
		into *ledger.Account
		code string
	}{
		{&b.hold, ledger.Payouts}, {&b.fees, ledger.Fees}, {&b.charges, ledger.Charges(gateway)}, {&b.float, ledger.Float(gateway)}, {&b.loss, ledger.Loss(gateway)},
	} {
		if *a.into, err = k.Accounts.System(ctx, mode, a.code); err != nil {
			return b, err
		}
	}
	return b, nil
}

// change is what happens to a withdrawal in one commit.
type change struct {
	w      *Withdrawal
	from   State
	status string
	books  books
	now    time.Time
	// entries are the money that moves.
	entries []ledger.Entry
	// cause says who or what, detail what else is worth knowing.
	cause, detail string
	// quiet: a look that brought nothing new. It is no part of the history.
	quiet bool
	audit *audit.Entry
}

// post moves money on behalf of the withdrawal; nothing where there is none to move.
func (c *change) post(kind string, debit, credit ledger.Account, amount int64) {
	if amount > 0 {
		c.entries = append(c.entries, ledger.Entry{Subject: subject, SubjectID: c.w.ID, Kind: kind, Debit: debit, Credit: credit, Amount: amount, Notes: notes})
	}
}

func (c *change) in(d time.Duration) *time.Time {
	at := c.now.Add(d)
	return &at
}

// succeed settles what was held: it has been paid out.
func (c *change) succeed(charge int64) {
	w, b := c.w, c.books
	w.State, w.Charge, w.NextRunAt, w.CompletedAt, w.Flag, w.Message = Success, max(charge, 0), nil, &c.now, "", ""
	c.post(ledger.KindPayout, b.hold, b.float, w.Amount)
	c.post(ledger.KindWithdrawFee, b.hold, b.fees, w.Fee)
	c.post(ledger.KindPayoutCharge, b.charges, b.float, w.Charge)
}

// reject gives everything back.
func (c *change) reject(message string) {
	w, b := c.w, c.books
	w.State, w.NextRunAt, w.CheckAt, w.CompletedAt, w.Flag, w.Message = Rejected, nil, nil, &c.now, "", message
	c.post(ledger.KindWithdrawRefund, b.hold, ledger.WalletAccount(w.WalletID), w.Total())
}

// change locks a withdrawal, lets decide say what happens, and writes all of it or
// nothing. What decide returns as an error undoes everything.
func (k *Keeper) change(ctx context.Context, n int64, decide func(context.Context, pgx.Tx, *change) error) (*Withdrawal, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	before, err := k.ByID(ctx, n)
	if err != nil {
		return nil, err
	}
	b, err := k.open(ctx, before.Mode, before.Gateway) // a withdrawal's gateway never changes
	if err != nil {
		return nil, err
	}
	c := &change{books: b}
	var events []int64
	err = pg.InTx(ctx, k.Pool, func(tx pgx.Tx) (err error) {
		if c.w, err = scan(tx.QueryRow(ctx, `SELECT `+columns+` FROM withdrawals w WHERE w.id = $1 FOR NO KEY UPDATE`, n)); err != nil {
			return err
		}
		c.from, c.status, c.now = c.w.State, c.w.Status(), k.now()
		if err := decide(ctx, tx, c); err != nil {
			return err
		}
		events, err = k.write(ctx, tx, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	k.Metrics.changed(c)
	if k.Told != nil && len(events) > 0 {
		k.Told(events)
	}
	return c.w, nil
}

const updateSQL = `UPDATE withdrawals SET state = $2, version = $3, attempt = $4, upstream_ref = $5, charge = $6, message = $7, flag = $8, check_at = $9,
	check_result = $10, check_name = $11, next_run_at = $12, polls = $13, sent_at = $14, updated_at = $15, completed_at = $16, refused = $17, claim = $18 WHERE id = $1`

const eventSQL = `INSERT INTO withdrawal_events (withdrawal_id, version, from_state, to_state, cause, detail, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`

// write puts a change down: the row, its history, the money, the webhook.
func (k *Keeper) write(ctx context.Context, tx pgx.Tx, c *change) ([]int64, error) {
	w := c.w
	if !c.quiet {
		w.Version++
		w.UpdatedAt = c.now
	}
	var b pgx.Batch
	b.Queue(updateSQL, w.ID, w.State, w.Version, w.Attempt, w.UpstreamRef, w.Charge, w.Message, w.Flag, w.CheckAt,
		w.CheckResult, w.CheckName, w.NextRunAt, w.Polls, w.SentAt, w.UpdatedAt, w.CompletedAt, w.Refused, w.Token)
	if !c.quiet {
		b.Queue(eventSQL, w.ID, w.Version, c.from, w.State, c.cause, c.detail, c.now)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		if pg.IsUnique(err, "withdrawals_payout") {
			return nil, ErrTaken
		}
		return nil, fmt.Errorf("withdraw: write: %w", err)
	}
	if len(c.entries) > 0 {
		book, err := ledger.Lock(ctx, tx, w.WalletID)
		if err != nil {
			return nil, err
		}
		for _, e := range c.entries {
			if err := book.Post(e); err != nil {
				return nil, err
			}
		}
		if err := book.Write(ctx, tx, c.now); err != nil {
			return nil, err
		}
	}
	if c.audit != nil {
		if err := audit.Write(ctx, tx, *c.audit); err != nil {
			return nil, err
		}
	}
	if w.Status() == c.status {
		return nil, nil
	}
	return webhook.Insert(ctx, tx, []webhook.Event{{
		WalletID: w.WalletID, Mode: w.Mode, Type: webhook.WithdrawUpdated, Subject: subject + ":" + strconv.FormatInt(w.ID, 10), Version: w.Version,
		Data: map[string]any{"withdraw": w.View(k.IDPrefix)}, At: c.now, TraceParent: w.TraceParent,
	}})
}
