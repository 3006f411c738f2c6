package order

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/rule"
)

// DuplicateError refuses a second order of a SKU for the same recipient, within the time
// that the wallet's duplicate guard looks back.
type DuplicateError struct {
	// Ref is the earlier order's, and At when it was placed.
	Ref string
	At  time.Time
	// Field is what names the recipient: customer_no or target.
	Field string
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("order: %s was ordered for the same %s at %s", e.Ref, e.Field, e.At.Format(time.RFC3339))
}

// ruledOut tells whether a placement was refused by a rule of its wallet.
func ruledOut(err error) bool {
	_, duplicate := errors.AsType[*DuplicateError](err)
	_, limit := errors.AsType[*rule.LimitError](err)
	return duplicate || limit
}

// rules are what is set for the orders of a wallet.
type rules struct {
	// guard is how far back a duplicate is looked for; zero for not at all.
	guard time.Duration
	// perOrder and perDay are the most that an order and the orders of a day may come to, in
	// rupiah; zero for no limit. used is what those of today have come to.
	perOrder, perDay, used int64
	// counted: used is to be written.
	counted bool
}

// twin is what two orders that duplicate each other have in common. Rented numbers and
// premium products are for nobody in particular, and duplicate nothing.
type twin struct {
	wallet                   int64
	sku, customer, zone, aim string
}

// earlier is the latest order that a further one would duplicate.
type earlier struct {
	ref string
	at  time.Time
}

func (r *Request) twin() (twin, bool) {
	k := twin{wallet: r.WalletID, sku: r.SKU, customer: deref(r.CustomerNo), zone: deref(r.ZoneID), aim: r.Link}
	if r.Bill != nil { // as it was inquired
		k.zone = deref(r.Bill.ZoneID)
	}
	if k.aim == "" {
		k.aim = deref(r.Target)
	}
	return k, k.customer != "" || k.aim != ""
}

// digest is what the index finds a twin by. What has the same is compared in full.
func (k twin) digest() int64 {
	// Strings cannot fail.
	text, err := json.Marshal([]string{k.sku, k.customer, k.zone, k.aim})
	if err != nil {
		panic(fmt.Sprintf("order: twin: %v", err))
	}
	sum := sha256.Sum256(text)
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// usedSQL is what the orders of a wallet's day came to: as kept, or counted where it is not
// kept. $2 is the day's first moment, $3 the least id of an order of that day.
const usedSQL = `coalesce((SELECT used FROM wallet_days d WHERE d.wallet_id = r.wallet_id AND d.from_at = $2),
	(SELECT coalesce(sum(price - refunded), 0)::bigint FROM orders o WHERE o.wallet_id = r.wallet_id AND o.id >= $3))`

const rulesSQL = `SELECT wallet_id, make_interval(mins => duplicate_minutes), per_order, per_day, CASE WHEN per_day = 0 THEN 0 ELSE ` + usedSQL + ` END
	FROM wallet_rules r WHERE wallet_id = ANY($1)`

// twinsSQL finds the latest order of each kind that may still come to something, or has.
// $6 is the first id of an order that the longest guard looks back to.
const twinsSQL = `SELECT u.wallet, u.sku, u.customer, u.zone, u.aim, o.ref, o.created_at
	FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $7::text[]) AS u(wallet, twin, sku, customer, zone, aim)
	JOIN wallet_rules r ON r.wallet_id = u.wallet AND r.duplicate_minutes > 0
	CROSS JOIN LATERAL (SELECT ref, created_at FROM orders
		WHERE wallet_id = u.wallet AND twin = u.twin AND id >= $6 AND created_at > $8::timestamptz - make_interval(mins => r.duplicate_minutes)
			AND state NOT IN ('failed', 'canceled', 'expired')
			AND sku = u.sku AND coalesce(customer_no, '') = u.customer AND coalesce(zone_id, '') = u.zone AND coalesce(link, target, '') = u.aim
		ORDER BY id DESC LIMIT 1) o`

// readRules reads what is set for the wallets that have something set, and what is needed
// to judge by it. It runs after the wallets are locked, so that two orders that
// duplicate each other cannot miss each other, whichever processes they come through.
func (s *sitting) readRules(ctx context.Context, tx pgx.Tx, set []*placement) error {
	var wallets, owners, digests []int64
	var skus, customers, zones, aims []string
	for _, c := range set {
		w := s.book.Wallet(c.in.WalletID)
		if w == nil || !w.Ruled {
			continue
		}
		wallets = append(wallets, w.ID)
		if k, ok := c.in.twin(); ok {
			owners, digests = append(owners, k.wallet), append(digests, k.digest())
			skus, customers, zones, aims = append(skus, k.sku), append(customers, k.customer), append(zones, k.zone), append(aims, k.aim)
		}
	}
	if len(wallets) == 0 {
		return nil
	}
	s.rules, s.twins = map[int64]*rules{}, map[twin]earlier{}
	var b pgx.Batch
	b.Queue(rulesSQL, wallets, s.day, id.First(s.day)).Query(func(rows pgx.Rows) error {
		var wallet int64
		var r rules
		_, err := pgx.ForEachRow(rows, []any{&wallet, &r.guard, &r.perOrder, &r.perDay, &r.used}, func() error {
			set := r
			s.rules[wallet] = &set
			return nil
		})
		return err
	})
	b.Queue(twinsSQL, owners, digests, skus, customers, zones, id.First(s.now.Add(-rule.MaxDuplicateMinutes*time.Minute)), aims, s.now).Query(func(rows pgx.Rows) error {
		var k twin
		var e earlier
		_, err := pgx.ForEachRow(rows, []any{&k.wallet, &k.sku, &k.customer, &k.zone, &k.aim, &e.ref, &e.at}, func() error {
			s.twins[k] = e
			return nil
		})
		return err
	})
	return tx.SendBatch(ctx, &b).Close()
}

// allowed refuses what a rule of the wallet forbids.
func (s *sitting) allowed(r *Request) error {
	set := s.rules[r.WalletID]
	if set == nil {
		return nil
	}
	if k, ok := r.twin(); ok && set.guard > 0 && !r.AllowDuplicate {
		if before, ok := s.twins[k]; ok {
			field := "customer_no"
			if k.aim != "" {
				field = "target"
			}
			return &DuplicateError{Ref: before.ref, At: before.at, Field: field}
		}
	}
	return nil
}

// within refuses what is beyond a limit of the wallet.
func (s *sitting) within(r *Request) error {
	set := s.rules[r.WalletID]
	switch {
	case set == nil:
		return nil
	case set.perOrder > 0 && r.Price > set.perOrder:
		return &rule.LimitError{Limit: rule.PerOrder, Allowed: set.perOrder, Left: set.perOrder}
	case set.perDay == 0:
		return nil
	}
	set.counted = true // what was counted is kept, however it is decided
	if left := max(set.perDay-set.used, 0); r.Price > left {
		return &rule.LimitError{Limit: rule.PerDay, Allowed: set.perDay, Left: left, Resets: s.next}
	}
	return nil
}

// obeyed lets later orders know a fresh one, where its wallet has rules.
func (s *sitting) obeyed(r *Request, o *Order) {
	set := s.rules[r.WalletID]
	if set == nil {
		return
	}
	set.used += o.Price
	if k, ok := r.twin(); ok && set.guard > 0 {
		digest := k.digest()
		o.twin = &digest
		s.twins[k] = earlier{o.Ref, o.CreatedAt}
	}
}

const daysSQL = `INSERT INTO wallet_days (wallet_id, from_at, to_at, used) SELECT u.wallet, $3, $4, u.used FROM unnest($1::bigint[], $2::bigint[]) AS u(wallet, used)
	ON CONFLICT (wallet_id) DO UPDATE SET from_at = excluded.from_at, to_at = excluded.to_at, used = excluded.used`

// queueDays keeps what the day's orders have come to by now, where that is limited.
func (s *sitting) queueDays(b *pgx.Batch) {
	var wallets, used []int64
	for wallet, set := range s.rules {
		if set.counted {
			wallets, used = append(wallets, wallet), append(used, set.used)
		}
	}
	if len(wallets) > 0 {
		b.Queue(daysSQL, wallets, used, s.day, s.next)
	}
}

// roomSQL gives room back on the day on which the order was placed, where that is kept.
const roomSQL = `UPDATE wallet_days d SET used = d.used - b.back FROM (
		SELECT u.wallet, sum(u.back)::bigint AS back FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[]) AS u(wallet, at, back)
		JOIN wallet_days w ON w.wallet_id = u.wallet AND u.at >= w.from_at AND u.at < w.to_at GROUP BY u.wallet) b
	WHERE d.wallet_id = b.wallet`

// queueRoom takes what goes back of orders, and what is charged again, off the day of their
// wallets. The wallets are locked.
func queueRoom(b *pgx.Batch, changes []*change) {
	var wallets, back []int64
	var at []time.Time
	for _, c := range changes {
		for _, p := range c.postings {
			switch p.kind {
			case ledger.KindRefund:
				wallets, at, back = append(wallets, c.o.WalletID), append(at, c.o.CreatedAt), append(back, p.amount)
			case ledger.KindLateCharge:
				wallets, at, back = append(wallets, c.o.WalletID), append(at, c.o.CreatedAt), append(back, -p.amount)
			}
		}
	}
	if len(wallets) > 0 {
		b.Queue(roomSQL, wallets, at, back)
	}
}

// UsedToday gives what the orders that a wallet placed today came to, in rupiah: their prices
// less what went back; nil where no limit of the day is set.
func UsedToday(ctx context.Context, db *pgxpool.Pool, walletID int64, now time.Time, loc *time.Location) (used *int64, err error) {
	day, _ := rule.Day(now, loc)
	err = db.QueryRow(ctx, `SELECT `+usedSQL+` FROM wallet_rules r WHERE r.wallet_id = $1 AND r.per_day > 0`, walletID, day, id.First(day)).Scan(&used)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("order: used today: %w", err)
	}
	return used, nil
}
