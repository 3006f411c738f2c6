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

	"github.com/muarahq/muara/pkg/id"
)

// MaxDuplicateGuard bounds how long a wallet's duplicate guard may look back.
const MaxDuplicateGuard = 24 * time.Hour

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
	return duplicate
}

// rules are what is set for the orders of a wallet.
type rules struct {
	// guard is how far back a duplicate is looked for; zero for not at all.
	guard time.Duration
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

const rulesSQL = `SELECT wallet_id, make_interval(mins => duplicate_minutes) FROM wallet_rules WHERE wallet_id = ANY($1)`

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
	b.Queue(rulesSQL, wallets).Query(func(rows pgx.Rows) error {
		var wallet int64
		var r rules
		_, err := pgx.ForEachRow(rows, []any{&wallet, &r.guard}, func() error {
			set := r
			s.rules[wallet] = &set
			return nil
		})
		return err
	})
	b.Queue(twinsSQL, owners, digests, skus, customers, zones, id.First(s.now.Add(-MaxDuplicateGuard)), aims, s.now).Query(func(rows pgx.Rows) error {
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
	k, ok := r.twin()
	if !ok || set.guard == 0 || r.AllowDuplicate {
		return nil
	}
	before, ok := s.twins[k]
	if !ok {
		return nil
	}
	field := "customer_no"
	if k.aim != "" {
		field = "target"
	}
	return &DuplicateError{Ref: before.ref, At: before.at, Field: field}
}

// keepTwin lets later orders know a fresh one, where its wallet has the guard.
func (s *sitting) keepTwin(r *Request, o *Order) {
	set := s.rules[r.WalletID]
	if set == nil || set.guard == 0 {
		return
	}
	if k, ok := r.twin(); ok {
		digest := k.digest()
		o.twin = &digest
		s.twins[k] = earlier{o.Ref, o.CreatedAt}
	}
}
