package order

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/float"
)

// Proof is what a change was concluded from, where it was not an upstream's word.
type Proof struct {
	Verdict string
	// Detail is encoded as JSON, for operators.
	Detail any
}

// Concluded is a [Proof] as it is kept.
type Concluded struct {
	bun.BaseModel `bun:"table:order_evidence,alias:v"`

	ID        int64           `bun:"id,pk"`
	OrderID   int64           `bun:"order_id"`
	N         int             `bun:"n"`
	Verdict   string          `bun:"verdict"`
	Detail    json.RawMessage `bun:"detail,type:jsonb"`
	CreatedAt time.Time       `bun:"created_at"`
}

// Outcomes of attempts that a balance told of: the money never left us; it was away
// and is back.
const (
	OutcomeNotBought = "not_bought"
	OutcomeReturned  = "returned"
)

// Move names an attempt on an account that is watched by its balance.
func Move(orderID int64, attempt int) float.Key {
	return float.Key{Subject: subject, ID: orderID, N: attempt}
}

// makesDoubt tells whether a step leaves the outcome of a purchase on a watched
// account open.
func (o *Order) makesDoubt(s *Step) bool {
	return o.Serial && s.To == Unknown && o.State == Sending && s.Attempt == o.Attempt
}

// watched locks the accounts on which a set claims purchases or leaves one's outcome
// open, and gives those where none may be claimed now. A doubt of the set itself
// counts for all of its claims: none of them has left yet.
func watched(ctx context.Context, tx pgx.Tx, orders map[int64]*Order, set []*call[*Step, *Order], now time.Time) (map[string]bool, error) {
	var names, doubts []string
	for _, c := range set {
		o := orders[c.in.OrderID]
		switch {
		case o == nil:
		case o.makesDoubt(c.in):
			names, doubts = append(names, o.Upstream), append(doubts, o.Upstream)
		case c.in.Watch != nil && o.can(c.in):
			names = append(names, o.Upstream)
		}
	}
	if len(names) == 0 {
		return map[string]bool{}, nil
	}
	held, err := float.Lock(ctx, tx, names, len(doubts) > 0, now)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	for _, name := range doubts {
		held[name] = true
	}
	return held, nil
}

// Doubts gives orders whose outcome has been open on a watched account since before a
// moment, and has kept other purchases back.
func Doubts(ctx context.Context, pool *pgxpool.Pool, before time.Time, limit int) ([]*Order, error) {
	rows, err := pool.Query(ctx, `SELECT `+columns+` FROM float_moves m JOIN orders o ON o.id = m.subject_id AND o.attempt = m.n AND o.state = 'unknown'
		WHERE m.subject = 'order' AND m.stand = 'unknown' AND m.doubt_at <= $1 ORDER BY m.doubt_at LIMIT $2`, before, limit)
	if err != nil {
		return nil, fmt.Errorf("order: doubts: %w", err)
	}
	out, err := collect(rows)
	if err != nil {
		return nil, fmt.Errorf("order: doubts: %w", err)
	}
	return out, nil
}

// Reweigh makes orders due whose account has taken a verdict back, since another of
// their kind turned out to be what theirs was taken for.
func Reweigh(ctx context.Context, pool *pgxpool.Pool, now time.Time) (int, error) {
	tag, err := pool.Exec(ctx, `UPDATE orders o SET next_run_at = $1 FROM (SELECT o.id FROM float_moves m
		JOIN orders o ON o.id = m.subject_id AND o.attempt = m.n AND o.state = 'unknown' AND o.flag = '' AND o.next_run_at > $1::timestamptz + interval '1 minute'
		WHERE m.subject = 'order' AND m.stand = 'spoilt' ORDER BY o.id FOR NO KEY UPDATE OF o SKIP LOCKED) l WHERE o.id = l.id`, now)
	if err != nil {
		return 0, fmt.Errorf("order: weigh again: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// Forsaken calls purchases owed that keep others back since before a moment and that
// their orders have left behind: an older process changed the order and knew nothing
// of its account.
func Forsaken(ctx context.Context, pool *pgxpool.Pool, before time.Time) (int, error) {
	tag, err := pool.Exec(ctx, `UPDATE float_moves m SET stand = 'owed', tick = nextval('float_ticks') WHERE subject = 'order'
		AND (stand = 'unknown' AND doubt_at <= $1 OR stand = 'sending' AND ripe_at <= $1)
		AND NOT EXISTS (SELECT FROM orders o WHERE o.id = m.subject_id AND o.attempt = m.n AND o.state IN ('sending', 'unknown'))`, before)
	if err != nil {
		return 0, fmt.Errorf("order: forsaken: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

const evidenceSQL = `INSERT INTO order_evidence (order_id, n, verdict, detail, created_at) VALUES ($1, $2, $3, $4, $5)`

// queueMove writes what the change means for the account that its attempt is on, and
// what it was concluded from.
func (c *change) queueMove(b *pgx.Batch, now time.Time) {
	s, o := c.step, c.o
	if p := s.Proof; p != nil {
		b.Queue(evidenceSQL, o.ID, s.Attempt, p.Verdict, p.Detail, now)
	}
	if a := c.claim; a != nil {
		if s.Watch != nil {
			float.QueueClaim(b, Move(a.OrderID, a.N), a.Upstream, a.Cost, *s.Watch, now)
		}
		return
	}
	if !o.Serial && !c.attemptOnly {
		return
	}
	l := float.Learned{Key: Move(o.ID, s.Attempt), Stand: c.stands(), Cost: s.Cost, Held: s.Held, RipeAt: s.RipeAt, Found: s.found}
	if l.Stand != "" || l.Cost != nil || l.Held != 0 {
		float.QueueLearned(b, l, now)
	}
}

// stands tells how the purchase stands on its account after the change; empty where
// that has not changed.
func (c *change) stands() float.Stand {
	s, o := c.step, c.o
	switch {
	case s.Stand != "" || s.To == "":
		return s.Stand
	case s.found:
		return float.Owed // nobody asks about it any more
	}
	switch s.To {
	case Processing:
		return float.Bought
	case Unknown:
		if c.from == Sending {
			return float.Unknown
		}
	case Completed:
		return float.Kept
	case Partial:
		return float.Odd
	case Queued, Failed, Canceled, Expired:
		return c.ends(o.Facts.Remains != nil && s.To == Canceled)
	case Sending:
	}
	return ""
}

// ends is where a purchase that is over, and was not delivered, leaves our money.
func (c *change) ends(inPart bool) float.Stand {
	switch s := c.step; {
	case c.from == Queued:
		return "" // nothing of it was under way
	case inPart:
		return float.Odd
	case s.Outcome == OutcomeNotBought, s.Outcome == "not_sent", s.Outcome == "rejected", s.Outcome == "throttled":
		return float.Void
	case s.Owed, s.Cause == causeOperator:
		return float.Owed
	}
	return float.Back
}
