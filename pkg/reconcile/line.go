package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

// Kind is what the comparison of one purchase came to.
type Kind string

// The kinds: both say the same; both say that it was bought, at different amounts; only
// one side has it; they say different things of what became of it.
const (
	Matched    Kind = "matched"
	Amount     Kind = "amount"
	OnlyOurs   Kind = "only_ours"
	OnlyTheirs Kind = "only_theirs"
	Status     Kind = "status"
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Matched, Amount, OnlyOurs, OnlyTheirs, Status} }

// Line is one purchase of a day.
type Line struct {
	Kind Kind
	// OrderID and Attempt are ours; zero where only theirs.
	OrderID     int64
	Attempt     int
	OurRef      string
	UpstreamRef string
	Code        string
	Target      string
	// Ours is our attempt's outcome, Theirs their state: empty where that side has no
	// such purchase, or theirs was not understood.
	Ours, Theirs string
	// OursCost and TheirsCost are rupiah; nil where that side does not say.
	OursCost, TheirsCost *int64
	At                   *time.Time
	Note                 string
}

// attempt is what of ours is compared.
type attempt struct {
	orderID     int64
	n           int
	ourRef      string
	upstreamRef string
	code        string
	target      string
	cost        int64
	outcome     string
	startedAt   time.Time
}

// key is a line's own within its comparison.
func (a *attempt) key() string {
	return "o:" + strconv.FormatInt(a.orderID, 10) + ":" + strconv.Itoa(a.n)
}

// keyOf is the key of a line that is theirs alone.
func keyOf(l *upstream.StatementLine) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{l.Ref, l.UpstreamRef, l.Code, l.Target, l.At.UTC().Format(time.RFC3339Nano)}, "\x00")))
	return "t:" + hex.EncodeToString(sum[:16])
}

// standing is where the money of a purchase is: with the source, with us, or not
// decided yet.
type standing int

const (
	unclear standing = iota
	withThem
	withUs
	undecided
)

// standingOf is our attempt's.
func standingOf(outcome string) standing {
	switch outcome {
	case "succeeded", "partial":
		return withThem
	case "failed", "canceled", "expired", "not_sent", "rejected", "throttled", order.OutcomeNotBought, order.OutcomeReturned:
		return withUs
	}
	return undecided // sending, accepted, unknown, refused
}

// standingAt is theirs.
func standingAt(s upstream.State) standing {
	switch s {
	case upstream.Succeeded, upstream.Partial:
		return withThem
	case upstream.Failed, upstream.Canceled, upstream.Expired, upstream.NotFound:
		return withUs
	case upstream.Pending:
		return undecided
	}
	return unclear
}

// The outcomes behind which nothing is taken, and those of them behind which it may have
// been for a while, for SQL.
const (
	givenSQL = `('failed', 'canceled', 'expired', 'returned', 'not_sent', 'rejected', 'throttled', 'not_bought')`
	backSQL  = `('failed', 'canceled', 'expired', 'returned')`
)

// compare is what an attempt and what the source says of it come to. An amount that is
// not said is not compared, nor is one of a purchase that was delivered in part.
func compare(a *attempt, state upstream.State, cost int64) Kind {
	ours, theirs := standingOf(a.outcome), standingAt(state)
	switch {
	case ours != theirs:
		return Status
	case ours == withThem && a.outcome == "succeeded" && state == upstream.Succeeded && cost != 0 && cost != a.cost:
		return Amount
	}
	return Matched
}

// why are the words by which a finding is shown to operators.
func (l *Line) why() string {
	said := func(s string) string {
		if s == "" {
			return "nothing that is understood"
		}
		return s
	}
	switch l.Kind {
	case Amount:
		return fmt.Sprintf("reconciliation: the source says that it took %d, our books say %d", deref(l.TheirsCost), deref(l.OursCost))
	case OnlyOurs:
		return "reconciliation: the source's books of the day do not have it"
	case Status:
		return "reconciliation: the source says " + said(l.Theirs) + ", our books say " + l.Ours
	case Matched, OnlyTheirs:
	}
	return "reconciliation: " + string(l.Kind)
}

func deref(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

const lineColumns = `kind, coalesce(order_id, 0), coalesce(attempt, 0), our_ref, upstream_ref, code, target, ours, theirs, ours_cost, theirs_cost, at, note`

func scanLine(row pgx.CollectableRow) (Line, error) {
	var l Line
	err := row.Scan(&l.Kind, &l.OrderID, &l.Attempt, &l.OurRef, &l.UpstreamRef, &l.Code, &l.Target, &l.Ours, &l.Theirs, &l.OursCost, &l.TheirsCost, &l.At, &l.Note)
	return l, err
}

// Lines hands the lines of a comparison to each, one at a time, the findings alone
// unless all are wanted; an error of each ends it.
func Lines(ctx context.Context, pool *pgxpool.Pool, id int64, all bool, each func(Line) error) error {
	rows, err := pool.Query(ctx, `SELECT `+lineColumns+` FROM reconciliation_lines WHERE reconciliation_id = $1 AND ($2 OR kind <> 'matched')
		ORDER BY kind, at NULLS LAST, key`, id, all)
	if err != nil {
		return fmt.Errorf("reconcile: lines: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		l, err := scanLine(rows)
		if err != nil {
			return fmt.Errorf("reconcile: lines: %w", err)
		}
		if err := each(l); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reconcile: lines: %w", err)
	}
	return nil
}
