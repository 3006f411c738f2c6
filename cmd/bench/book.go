package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/pg"
)

const (
	bookDatabase = "muara_bench_book"
	// bookDays is the time over which the merchant's entries are spread, the newest of today.
	bookDays = 300
	// dearest is what a page may cost at the 99th percentile, whichever page it is.
	dearest = 100 * time.Millisecond
)

// book is one merchant with a long past: entries, the newest of which have their orders and deliveries.
type book struct {
	l        *lab
	db       *pg.DB
	merchant string
	wallet   int64
	key      string
	api      *process
	end      time.Time
}

// measureBook asks for pages of a merchant with millions of entries, near and far.
func measureBook(ctx context.Context, l *lab, r *report) (err error) {
	b := &book{l: l, end: time.Now().UTC().Truncate(time.Second)}
	defer func() { err = errors.Join(err, b.close(ctx)) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	target, err := databaseURL(l.adminDB, bookDatabase)
	if err != nil {
		return err
	}
	if b.api, err = l.role(ctx, "api-book", l.addrs.APIMetrics, []string{"MUARA_DATABASE_URL=" + target}, "api", "--drain-notice", "0s"); err != nil {
		return err
	}
	if err := b.pages(ctx, r); err != nil {
		return err
	}
	return b.exports(ctx, r)
}

func (b *book) close(ctx context.Context) error {
	var err error
	if b.api != nil {
		err = b.api.stop()
	}
	if b.db != nil {
		err = errors.Join(err, b.db.Close())
	}
	if b.l.o.keep && b.key != "" {
		return err
	}
	return errors.Join(err, b.l.dropDatabase(context.WithoutCancel(ctx), bookDatabase))
}

// open makes the book, or takes the one that an earlier run has kept.
func (b *book) open(ctx context.Context) error {
	target, err := databaseURL(b.l.adminDB, bookDatabase)
	if err != nil {
		return err
	}
	if b.db, err = pg.Open(ctx, target, pg.WithBunConns(1), pg.WithName("bench")); err != nil || !b.l.o.keep {
		if b.db != nil {
			_ = b.db.Close() // it is dropped
			b.db = nil
		}
		if _, err := b.l.createDatabase(ctx, bookDatabase, seedDatabase); err != nil {
			return err
		}
		if b.db, err = pg.Open(ctx, target, pg.WithBunConns(1), pg.WithName("bench")); err != nil {
			return err
		}
		begun := time.Now()
		if err := b.fill(ctx); err != nil {
			return err
		}
		b.l.say("(g) %d entries, %d orders and deliveries made in %s", b.l.o.entries, b.orders(), time.Since(begun).Round(time.Second))
	}
	err = b.db.Pool.QueryRow(ctx, `SELECT w.id, w.merchant_id, (SELECT max(created_at) FROM orders WHERE wallet_id = w.id) FROM wallets w ORDER BY seq DESC LIMIT 1`).
		Scan(&b.wallet, &b.merchant, &b.end)
	if err != nil {
		return err
	}
	key, err := merchant.NewStore(b.db, ledger.NewAccounts(b.db.Pool), merchant.Options{IDPrefix: "MRA", KeyPrefix: "mra", Now: time.Now}).
		CreateKey(ctx, b.merchant, merchant.Live, "bench", "bench")
	if err != nil {
		return err
	}
	b.key = key.Secret
	return nil
}

// orders is how many entries have an order and a delivery.
func (b *book) orders() int { return min(b.l.o.entries, b.l.o.history) }

// entryAt is when entry n of $1 was made: evenly over the days before $2. What it is about has an id of that time.
const (
	entryAt = `($2::timestamptz - interval '1 day' * %d * (1 - n / $1::float8))`
	entryID = `((((extract(epoch FROM %[1]s) * 1000)::bigint - %[2]d) << 22) | (n & 4194303))`
)

// fill writes everything by sets, into tables that are not logged: what is read is the same.
func (b *book) fill(ctx context.Context) error {
	placed, entry, err := b.l.model(ctx, b.db)
	if err != nil {
		return err
	}
	b.wallet, b.merchant = b.l.merchants[0].wallet, b.l.merchants[0].id
	at := fmt.Sprintf(entryAt, bookDays)
	number := fmt.Sprintf(entryID, at, id.Epoch().UnixMilli())
	entries, err := entry.list(map[string]string{
		"subject_id": number, "wallet_seq": "n + 2", "wallet_balance": fmt.Sprintf("%d - n * amount", int64(plenty)), "created_at": at, "notes": "'Telkomsel ' || 5 * (1 + n % 20) || '.000'",
		"amount": "amount",
	})
	if err != nil {
		return err
	}
	orders, err := placed.list(map[string]string{
		"id": number, "ref": "'trx-' || n", "content_hash": "sha256(int8send(n))", "attempt": "1", "next_run_at": "NULL", "created_at": at, "updated_at": at, "sent_at": at, "completed_at": at,
		"state":       "CASE WHEN n % 50 = 0 THEN 'failed' WHEN n % 10007 = 0 THEN 'expired' ELSE 'completed' END",
		"customer_no": "'0812' || lpad((n * 7919 % 300007)::text, 8, '0')", "sku": "CASE WHEN n % 20011 = 0 THEN 'RARE1' ELSE 'COMMON' || n % 20 END",
		"facts": "jsonb_build_object('sn', lpad(n::text, 20, '7'))",
	})
	if err != nil {
		return err
	}
	first := b.l.o.entries - b.orders()
	conn, err := b.db.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	indexes, err := dropped(ctx, conn.Conn(), "ledger_entries")
	if err != nil {
		return err
	}
	for _, s := range append(append([]statement{
		{"ALTER TABLE order_events DROP CONSTRAINT order_events_order_id_fkey; ALTER TABLE order_attempts DROP CONSTRAINT order_attempts_order_id_fkey", nil},
		{"ALTER TABLE ledger_entries DISABLE TRIGGER USER, SET UNLOGGED", nil}, {"ALTER TABLE webhook_events SET UNLOGGED", nil},
		{entry.insert() + ` SELECT ` + entries + ` FROM generate_series(1, $1::bigint) n, (SELECT $3::bigint AS amount) a`, []any{b.l.o.entries, b.end, b.l.goods.price}},
		{`UPDATE ledger_entries SET created_at = $2::timestamptz - interval '1 day' * $3::int WHERE wallet_id = $1 AND wallet_seq <= 2`, []any{b.wallet, b.end, bookDays + 1}},
	}, indexes...),
		statement{"ALTER TABLE ledger_entries ENABLE TRIGGER USER", nil},
		statement{placed.insert() + ` SELECT ` + orders + ` FROM generate_series($3::bigint + 1, $1::bigint) n`, []any{b.l.o.entries, b.end, first}},
		statement{`INSERT INTO webhook_events (event_id, merchant_id, mode, type, subject, version, fixed, url, body, trace_parent, status, attempts, step, leased, blocked, response_code,
			response_body, failure, created_at, last_attempt_at)
			SELECT 'evt_' || n, $4, 'live', 'order.updated', 'order:' || n, 3, false, 'https://toko.example/hook', repeat('x', 700), '',
			CASE WHEN n % 10007 = 0 THEN 'parked' ELSE 'delivered' END, 1, 0, false, false, 200, 'ok', '', ` + at + `, ` + at + ` FROM generate_series($3::bigint + 1, $1::bigint) n`,
			[]any{b.l.o.entries, b.end, first, b.merchant}},
		statement{`UPDATE wallets SET seq = $2::bigint + 2, balance = $4::bigint - $2::bigint * $3::bigint WHERE id = $1`, []any{b.wallet, b.l.o.entries, b.l.goods.price, int64(plenty)}},
	) {
		if _, err := conn.Exec(ctx, s.sql, s.args...); err != nil {
			return fmt.Errorf("%.60s: %w", s.sql, err)
		}
	}
	// What autovacuum does by itself, and the scheduler: the hours that it closed while the lab was made had none of this.
	if _, err := conn.Exec(ctx, `DELETE FROM ledger_hours; DELETE FROM ledger_rollup`); err != nil {
		return err
	}
	if _, err := ledger.Rollup(ctx, b.db.Pool, time.Now()); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `VACUUM ANALYZE`)
	return err
}

type statement struct {
	sql  string
	args []any
}

// dropped drops a table's indexes but for its key's, and says how to make them again.
func dropped(ctx context.Context, conn *pgx.Conn, table string) ([]statement, error) {
	rows, err := conn.Query(ctx, `SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1 AND indexname <> $1 || '_pkey'`, table)
	if err != nil {
		return nil, err
	}
	var again []statement
	var names []string
	var name, def string
	if _, err := pgx.ForEachRow(rows, []any{&name, &def}, func() error {
		names, again = append(names, name), append(again, statement{sql: def})
		return nil
	}); err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, `DROP INDEX `+pgx.Identifier{name}.Sanitize()); err != nil {
			return nil, err
		}
	}
	return again, nil
}

// pages asks for each kind of page again and again, one after the other.
func (b *book) pages(ctx context.Context, r *report) error {
	long := b.end.AddDate(0, 0, -250)
	day := func(at time.Time) string { return url.QueryEscape(at.Format(time.RFC3339)) }
	_, deep, err := b.ask(ctx, "/mutations?limit=50&to="+day(b.end.AddDate(0, 0, -bookDays/2)))
	if err != nil {
		return err
	}
	_, deepOrders, err := b.ask(ctx, "/orders?limit=50&to="+day(b.end.AddDate(0, 0, -10)))
	if err != nil {
		return err
	}
	newest := b.l.o.entries
	var worst time.Duration
	for _, p := range []struct{ what, path string }{
		{"mutations, first page", "/mutations?limit=50"},
		{"mutations, half way down", "/mutations?limit=50&cursor=" + deep},
		{"mutations, a day 250 days ago", "/mutations?limit=50&from=" + day(long) + "&to=" + day(long.AddDate(0, 0, 1))},
		{"statement of a month 8 months ago", "/statement?month=" + long.AddDate(0, 0, 20).Format("2006-01")},
		{"statement of this month", "/statement?month=" + b.end.Format("2006-01")},
		{"orders, first page", "/orders?limit=50"},
		{"orders, further down", "/orders?limit=50&cursor=" + deepOrders},
		{"orders, a day 20 days ago", "/orders?limit=50&from=" + day(b.end.AddDate(0, 0, -20)) + "&to=" + day(b.end.AddDate(0, 0, -19))},
		{"orders, failed (2 %)", "/orders?limit=50&status=failed"},
		{"orders, expired (one in 10,000)", "/orders?limit=50&status=expired"},
		{"orders, a rare SKU", "/orders?limit=50&sku=RARE1"},
		{"orders, search for a ref", fmt.Sprint("/orders?limit=50&search=trx-", newest-b.orders()/2)},
		{"orders, search for a customer", fmt.Sprintf("/orders?limit=50&search=0812%08d", (newest-7)*7919%300007)},
		{"orders, search for a serial number", fmt.Sprintf("/orders?limit=50&search=%s", serial(newest-9))},
		{"orders, search for what is not there", "/orders?limit=50&search=089999999999"},
		{"deliveries, first page", "/webhook/deliveries?limit=50"},
		{"deliveries, parked (one in 10,000)", "/webhook/deliveries?limit=50&status=parked"},
	} {
		took, err := b.again(ctx, p.path)
		if err != nil {
			return fmt.Errorf("%s: %w", p.what, err)
		}
		p99 := quantile(took, .99)
		worst = max(worst, p99)
		r.tell("(g) "+p.what, ms(quantile(took, .5))+" / "+ms(p99))
	}
	r.figures.BookPageP99Ms = float64(worst) / float64(time.Millisecond)
	r.add(fmt.Sprintf("(g) the dearest page of %d entries, %d orders, p99", b.l.o.entries, b.orders()), ms(worst), "≤ "+ms(dearest), worst <= dearest)
	now, peak, err := memory(b.api)
	r.note("(g) each p50 / p99 of %d; resident memory of the API after all pages %.0f MiB, at its peak %.0f MiB", b.l.o.asks, now, peak)
	return err
}

func serial(n int) string {
	text := fmt.Sprint(n)
	for len(text) < 20 {
		text = "7" + text
	}
	return text
}

// again asks for one page as often as wanted. What takes long is asked for less often.
func (b *book) again(ctx context.Context, path string) (took []time.Duration, err error) {
	begun := time.Now()
	for n := 0; n < b.l.o.asks && (n < 5 || time.Since(begun) < 10*time.Second); n++ {
		one, _, err := b.ask(ctx, path)
		if err != nil {
			return nil, err
		}
		took = append(took, one)
	}
	return took, nil
}

func (b *book) request(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.l.addrs.API+"/api/v1"+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+b.key)
	req.Header.Set("Accept-Encoding", "identity")
	return (&http.Client{Transport: http.DefaultTransport, Timeout: time.Hour}).Do(req) // an export of everything takes minutes
}

// ask gives how long an answer took, and the cursor of the next page.
func (b *book) ask(ctx context.Context, path string) (time.Duration, string, error) {
	begun := time.Now()
	resp, err := b.request(ctx, path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	took := time.Since(begun)
	if err != nil {
		return 0, "", err
	}
	var page struct {
		Data struct {
			Next *string `json:"next_cursor"`
		} `json:"data"`
	}
	if err := json.Unmarshal(raw, &page); err != nil || resp.StatusCode != http.StatusOK {
		return 0, "", fmt.Errorf("%s: %s: %.200s", path, resp.Status, raw)
	}
	if page.Data.Next == nil {
		return took, "", nil
	}
	return took, url.QueryEscape(*page.Data.Next), nil
}

// exports reads a month and everything as CSV.
func (b *book) exports(ctx context.Context, r *report) error {
	before, _, err := memory(b.api)
	if err != nil {
		return err
	}
	for _, e := range []struct{ what, path string }{
		{"CSV of a month 8 months ago", "/statement?format=csv&month=" + b.end.AddDate(0, 0, -230).Format("2006-01")},
		{"CSV of everything", "/mutations?format=csv"},
	} {
		begun := time.Now()
		resp, err := b.request(ctx, e.path)
		if err != nil {
			return err
		}
		first := make([]byte, 1)
		_, err = io.ReadFull(resp.Body, first)
		waited := time.Since(begun)
		var size int64
		if err == nil {
			size, err = io.Copy(io.Discard, resp.Body)
		}
		took := time.Since(begun)
		if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s: %w", e.what, resp.Status, err)
		}
		r.tell("(g) "+e.what, fmt.Sprintf("%.1f MB/s, first byte after %s, %.0f MB in %s", float64(size)/1e6/took.Seconds(), ms(waited), float64(size)/1e6, took.Round(100*time.Millisecond)))
	}
	now, peak, err := memory(b.api)
	r.figures.BookExportMiB = max(0, peak-before)
	r.add("(g) memory that exports took", fmt.Sprintf("%.0f MiB", r.figures.BookExportMiB), "≤ 64 MiB", r.figures.BookExportMiB <= 64)
	r.note("(g) resident memory of the API before the exports %.0f MiB, after them %.0f MiB, at its peak %.0f MiB", before, now, peak)
	return err
}
