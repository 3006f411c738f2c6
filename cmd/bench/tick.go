package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/withdraw"
	"github.com/muarahq/muara/scheduler"
)

// side is one of the two databases that a tick is compared on.
type side struct {
	name  string
	final int
	db    *pg.DB
	sched *scheduler.Scheduler
	now   time.Time
	ticks []time.Duration
}

// measureTick compares a scheduler's tick over open orders alone with one that has a long past beside it. The two take
// turns.
func measureTick(ctx context.Context, l *lab, r *report) error {
	sides := []*side{{name: "muara_bench_few"}, {name: "muara_bench_many", final: l.o.final}}
	for _, s := range sides {
		begun := time.Now()
		if err := l.prepareSide(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		defer s.close()
		l.say("(e) %d open and %d final orders made in %s", l.o.open, s.final, time.Since(begun).Round(100*time.Millisecond))
	}
	const warm = 5
	for n := range l.o.ticks + warm {
		for _, s := range sides {
			took, err := s.tick(ctx, l)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if n >= warm {
				s.ticks = append(s.ticks, took)
			}
		}
	}
	few, many := quantile(sides[0].ticks, .5), quantile(sides[1].ticks, .5)
	ratio := float64(many) / float64(few)
	r.figures.TickRatio = ratio
	r.tell(fmt.Sprintf("(e) a tick, %d open orders", l.o.open), ms(few))
	r.tell(fmt.Sprintf("(e) the same beside %d final ones", l.o.final), ms(many))
	r.add("(e) ratio", fmt.Sprintf("%.2f", ratio), "≤ 1.5", ratio <= 1.5)
	return nil
}

func (s *side) close() {
	if s.db != nil {
		_ = s.db.Close() // read enough
	}
}

func (l *lab) prepareSide(ctx context.Context, s *side) error {
	target, err := l.createDatabase(ctx, s.name, seedDatabase)
	if err != nil {
		return err
	}
	if s.db, err = pg.Open(ctx, target, pg.WithName("bench")); err != nil {
		return err
	}
	s.now = time.Now().UTC()
	if err := l.fill(ctx, s); err != nil {
		return err
	}
	// What autovacuum does by itself within a minute.
	if _, err := s.db.Pool.Exec(ctx, `VACUUM ANALYZE orders, webhook_events`); err != nil {
		return err
	}
	accounts := ledger.NewAccounts(s.db.Pool)
	clock := func() time.Time { return s.now }
	writer := order.NewWriter(s.db.Pool, accounts, clock, quietLog(), nil, nil)
	s.sched = scheduler.New(scheduler.Options{
		Pool: s.db.Pool, Writer: writer, Deposits: deposit.New(deposit.Options{Pool: s.db.Pool, Accounts: accounts, Now: clock, Log: quietLog()}),
		Payouts: withdraw.New(withdraw.Options{Pool: s.db.Pool, Accounts: accounts, Now: clock, Log: quietLog()}), Enqueuer: queue.New(l.redis), Redis: l.redis, Upstreams: []string{source}, Configured: []string{source}, HoldLongest: time.Hour,
		Registerer: prometheus.NewRegistry(), Log: quietLog(), Now: clock,
	})
	return nil
}

// tick lets half a minute pass by the scheduler's clock, so that what is queued is due again, and runs a tick.
func (s *side) tick(ctx context.Context, l *lab) (time.Duration, error) {
	if err := l.redis.FlushDB(ctx).Err(); err != nil {
		return 0, err
	}
	s.now = s.now.Add(30 * time.Second)
	begun := time.Now()
	err := s.sched.Tick(ctx)
	return time.Since(begun), err
}

// fillSQL makes orders: $2 of them, from number $1 on, of the wallets $3 in turn, in state $4 after $5 attempts, due at $6,
// last changed at $7 and done at $8. Everything else is as Place writes it.
func fillSQL(placed row) (string, error) {
	values, err := placed.list(map[string]string{
		"id": "$1::bigint + n", "wallet_id": "($3::bigint[])[1 + n % cardinality($3::bigint[])]", "ref": "'fill-' || $1::bigint + n",
		"content_hash": "sha256(int8send(n))", "state": "$4::text", "attempt": "$5::int", "facts": `'{"sn":"01234567890123456789"}'`,
		"next_run_at": "$6::timestamptz", "sent_at": "$7::timestamptz", "updated_at": "$7::timestamptz", "completed_at": "$8::timestamptz",
		"created_at": "$7::timestamptz - interval '1 second' * (n % 100000)",
	})
	return placed.insert() + ` SELECT ` + values + ` FROM generate_series(0, $2::bigint - 1) n`, err
}

func (l *lab) fill(ctx context.Context, s *side) error {
	placed, _, err := l.model(ctx, s.db)
	if err != nil {
		return err
	}
	sql, err := fillSQL(placed)
	if err != nil {
		return err
	}
	wallets := make([]int64, len(l.merchants))
	for i, m := range l.merchants {
		wallets[i] = m.wallet
	}
	soon, later := s.now.Add(-time.Second), s.now.Add(24*time.Hour)
	return pg.InTx(ctx, s.db.Pool, func(tx pgx.Tx) error {
		from := 1
		for _, part := range []struct {
			n       int
			state   order.State
			attempt int
			next    *time.Time
			done    *time.Time
		}{
			{s.final, order.Completed, 1, nil, &s.now},
			{l.o.open / 5, order.Queued, 0, &soon, nil},
			{l.o.open / 10, order.Unknown, 1, &soon, nil},
			{l.o.open / 2, order.Processing, 1, &soon, nil},
			{l.o.open / 5, order.Processing, 1, &later, nil},
		} {
			if _, err := tx.Exec(ctx, sql, from, part.n, wallets, string(part.state), part.attempt, part.next, s.now, part.done); err != nil {
				return fmt.Errorf("%s: %w", part.state, err)
			}
			from += part.n
		}
		_, err := tx.Exec(ctx, `INSERT INTO webhook_events (event_id, merchant_id, mode, type, subject, version, fixed, url, body, trace_parent,
				status, attempts, step, next_run_at, leased, blocked, response_code, failure, created_at, last_attempt_at)
			SELECT 'evt_' || o.id, w.merchant_id, o.mode, 'order.updated', 'order:' || o.id, 3, false, '', '{}', '',
				CASE WHEN o.state = 'queued' THEN 'pending' ELSE 'delivered' END, 1, 0, CASE WHEN o.state = 'queued' THEN $1::timestamptz END,
				false, false, 200, '', o.created_at, o.updated_at
			FROM orders o JOIN wallets w ON w.id = o.wallet_id WHERE o.state IN ('completed', 'queued')`, soon)
		return err
	})
}
