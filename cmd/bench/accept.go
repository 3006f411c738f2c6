package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/pg"
)

// measureAccept compares (b), orders accepted over HTTP, with (a), pgbench running the same statements one commit an
// order. The two take turns, so that both meet the same machine.
func measureAccept(ctx context.Context, l *lab, r *report) error {
	plain, err := l.newPlain(ctx)
	if err != nil {
		return err
	}
	api, err := l.api(ctx)
	if err != nil {
		return err
	}
	l.say("(a, b) warming up")
	if err := l.warm(ctx, plain); err != nil {
		return errors.Join(err, api.stop())
	}
	var spread, hot contest
	for round := range l.o.rounds {
		for _, c := range []struct {
			*contest
			name string
			to   []account
		}{{&spread, "spread", l.merchants}, {&hot, "hot", l.merchants[:1]}} {
			l.say("(a, b) round %d of %d, %s", round+1, l.o.rounds, c.name)
			if err := l.contest(ctx, c.contest, plain, api, fmt.Sprintf("%s%d", c.name, round), c.to); err != nil {
				return errors.Join(err, api.stop())
			}
		}
	}
	if err := errors.Join(api.stop(), l.dropDatabase(ctx, plain.database), l.quiet(ctx)); err != nil {
		return err
	}
	r.tell(fmt.Sprintf("(a) one commit an order, %d merchants", len(l.merchants)), perSecond(spread.plain()))
	r.tell("(a) one commit an order, one merchant", perSecond(hot.plain()))
	r.tell(fmt.Sprintf("(b) POST /order, %d merchants", len(l.merchants)), perSecond(spread.api()))
	r.tell("(b) POST /order, one merchant", perSecond(hot.api()))
	f := &r.figures
	f.AcceptSpreadRatio, f.AcceptHotRatio = spread.api()/spread.plain(), hot.api()/hot.plain()
	r.add("(b)/(a) spread", fmt.Sprintf("%.2f", f.AcceptSpreadRatio), "≥ 0.5, aim 1", f.AcceptSpreadRatio >= .5)
	r.add("(b)/(a) one merchant", fmt.Sprintf("%.2f", f.AcceptHotRatio), "≥ 1.5, aim 4", f.AcceptHotRatio >= 1.5)
	for _, c := range []struct {
		name string
		*contest
	}{{"spread", &spread}, {"one merchant", &hot}} {
		r.note("(a) %s: %s", c.name, c.plainUse)
		r.note("(b) %s: answered in p50 %s, p99 %s; %s", c.name, ms(quantile(c.waits, .5)), ms(quantile(c.waits, .99)), c.apiUse)
	}
	return nil
}

// warm fills both sides a little and lets the planner know them, as autovacuum would within a minute: over tables that it
// takes for empty it may choose any index, and one merchant's orders make that dear.
func (l *lab) warm(ctx context.Context, p *plain) error {
	for _, to := range [][]account{l.merchants, l.merchants[:1]} {
		if _, _, err := p.run(ctx, to, time.Second); err != nil {
			return err
		}
		b := barrage{addr: l.addrs.API, conns: l.o.conns, want: http.StatusOK, span: time.Second, request: l.orders(fmt.Sprintf("warm%d", len(to)), to)}
		if _, err := b.run(ctx); err != nil {
			return err
		}
	}
	conn, err := pgx.Connect(ctx, p.url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing is under way on it
	if _, err := conn.Exec(ctx, `ANALYZE`); err != nil {
		return err
	}
	return l.quiet(ctx)
}

// contest is (a) against (b), summed over the rounds.
type contest struct {
	plainOrders, apiOrders float64
	plainTime, apiTime     time.Duration
	waits                  []time.Duration
	plainUse, apiUse       string // of the last round
}

func (c *contest) plain() float64 { return c.plainOrders / c.plainTime.Seconds() }
func (c *contest) api() float64   { return c.apiOrders / c.apiTime.Seconds() }

func (l *lab) contest(ctx context.Context, c *contest, p *plain, api *process, tag string, to []account) error {
	tps, used, err := p.run(ctx, to, l.o.span)
	if err != nil {
		return err
	}
	c.plainOrders += tps * l.o.span.Seconds()
	c.plainTime += l.o.span
	c.plainUse = used

	watch := l.meter.watch(api)
	v, err := barrage{addr: l.addrs.API, conns: l.o.conns, want: http.StatusOK, span: l.o.span, request: l.orders(tag, to)}.run(ctx)
	if err != nil {
		return err
	}
	watch.stop()
	c.apiUse = watch.each(v.perSecond())
	c.apiOrders += float64(v.answered)
	c.apiTime += v.took
	c.waits = append(c.waits, v.waits...)
	// What was enqueued is for no worker here.
	return l.redis.FlushDB(ctx).Err()
}

// orders gives requests for orders, the merchants in turn. tag keeps refs apart from those of other loads.
func (l *lab) orders(tag string, to []account) func(buf []byte, n int64) []byte {
	const digits = 12
	body := func(number string) string {
		return `{"category":"ppob","sku":"` + l.goods.sku + `","customer_no":"081234567890","ref":"` + tag + "-" + number + `"}`
	}
	zeros := strings.Repeat("0", digits)
	head := "POST /api/v1/order HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: " +
		strconv.Itoa(len(body(zeros))) + "\r\nAuthorization: Bearer "
	before, after, _ := strings.Cut(body(zeros), zeros)
	return func(buf []byte, n int64) []byte {
		buf = append(append(buf, head...), to[n%int64(len(to))].key...)
		buf = append(append(buf, "\r\n\r\n"...), before...)
		number := strconv.AppendInt(make([]byte, 0, digits), n, 10)
		buf = append(append(buf, zeros[len(number):]...), number...)
		return append(buf, after...)
	}
}

// plain is pgbench over a database of its own that began as a copy of the API's.
type plain struct {
	l        *lab
	database string
	url      string
	socket   string
	script   string
	runs     int
}

// sql is what order.Place does, for one order and with one commit: lock the wallet, look for the ref, write order, entry
// and balance. The rows are those that Place writes.
func (p *plain) sql(placed, entry row) (string, error) {
	price := strconv.FormatInt(p.l.goods.price, 10)
	orders, err := placed.list(map[string]string{
		"id": ":id", "wallet_id": ":w", "ref": "'plain-' || :id", "created_at": "now()", "updated_at": "now()", "next_run_at": "now() + interval '10 seconds'",
	})
	if err != nil {
		return "", err
	}
	entries, err := entry.list(map[string]string{
		"subject_id": ":id", "debit": ":w", "wallet_id": ":w", "wallet_seq": ":got_s::bigint + 1", "wallet_balance": ":got_b::bigint - " + price, "created_at": "now()",
	})
	if err != nil {
		return "", err
	}
	return strings.Join([]string{
		`\set n :n + 1`,
		`\set id :client_id * 1000000000000 + :run * 1000000000 + :n`,
		fmt.Sprintf(`\set w %d + random(1, :merchants)`, firstWallet),
		`BEGIN;`,
		`SELECT id, merchant_id AS m, mode AS d, balance AS b, seq AS s FROM wallets WHERE id = :w ORDER BY id FOR NO KEY UPDATE \gset got_`,
		`SELECT ` + strings.Join(placed.columns, ", ") + ` FROM orders WHERE wallet_id = :w AND ref = 'plain-' || :id;`,
		placed.insert() + ` VALUES (` + orders + `);`,
		entry.insert() + ` VALUES (` + entries + `);`,
		`UPDATE wallets SET balance = :got_b::bigint - ` + price + `, seq = :got_s::bigint + 1 WHERE id = :w AND seq = :got_s;`,
		`COMMIT;`, ``,
	}, "\n"), nil
}

// newPlain makes the database and the script.
func (l *lab) newPlain(ctx context.Context) (*plain, error) {
	p := &plain{l: l, database: "muara_bench_plain", script: filepath.Join(l.o.work, "plain.sql")}
	target, err := l.createDatabase(ctx, p.database, seedDatabase)
	if err != nil {
		return nil, err
	}
	db, err := pg.Open(ctx, target, pg.WithName("bench"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // nothing is under way on it
	p.url, p.socket = target, db.Pool.Config().ConnConfig.Host
	placed, entry, err := l.model(ctx, db)
	if err != nil {
		return nil, err
	}
	if err := p.renumber(ctx, db); err != nil {
		return nil, err
	}
	text, err := p.sql(placed, entry)
	if err != nil {
		return nil, err
	}
	return p, os.WriteFile(p.script, []byte(text), 0o644)
}

// firstWallet is below the wallets' numbers in the plain database.
const firstWallet = 1_000_000_000

// renumber gives the wallets numbers that pgbench can draw without a table of its own. What holds on to the old ones goes:
// orders never see it.
func (p *plain) renumber(ctx context.Context, db *pg.DB) error {
	ids := make([]int64, len(p.l.merchants))
	for i, m := range p.l.merchants {
		ids[i] = m.wallet
	}
	_, err := db.Pool.Exec(ctx, `DELETE FROM orders`)
	if err == nil {
		_, err = db.Pool.Exec(ctx, `DELETE FROM ledger_adjustments`)
	}
	if err == nil {
		_, err = db.Pool.Exec(ctx, `WITH a AS (INSERT INTO ledger_accounts (id, mode, code) OVERRIDING SYSTEM VALUE
				SELECT $2::bigint + n, 'live', 'plain:' || n FROM generate_series(1, cardinality($1::bigint[])) n)
			UPDATE wallets w SET id = $2::bigint + u.n FROM unnest($1::bigint[]) WITH ORDINALITY u(id, n) WHERE w.id = u.id`, ids, firstWallet)
	}
	if err == nil {
		_, err = db.Pool.Exec(ctx, `VACUUM FULL wallets`)
	}
	return err
}

var tpsLine = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)

// run gives orders per second over the accounts.
func (p *plain) run(ctx context.Context, to []account, span time.Duration) (tps float64, used string, err error) {
	p.runs++
	program := "pgbench"
	if dir := os.Getenv("MUARA_PG_BINDIR"); dir != "" {
		program = filepath.Join(dir, program)
	}
	proc, err := start(p.l.o.work, "pgbench", nil, program, "-h", p.socket, "-U", "postgres", "-n", "-M", "prepared", "-f", p.script,
		"-c", strconv.Itoa(p.l.o.conns), "-j", "2", "-T", strconv.Itoa(max(int(span.Seconds()), 1)),
		"-D", "n=0", "-D", "run="+strconv.Itoa(p.runs), "-D", "merchants="+strconv.Itoa(len(to)), p.database)
	if err != nil {
		return 0, "", err
	}
	watch := p.l.meter.watch(proc)
	tick := time.NewTimer(span - span/10)
	defer tick.Stop()
	select {
	case <-tick.C:
	case <-proc.done:
	case <-ctx.Done():
		return 0, "", errors.Join(context.Cause(ctx), proc.stop())
	}
	watch.stop()
	<-proc.done
	text, err := os.ReadFile(filepath.Join(p.l.o.work, "pgbench.log"))
	if err != nil {
		return 0, "", err
	}
	found := tpsLine.FindSubmatch(text)
	if proc.err != nil || found == nil {
		return 0, "", fmt.Errorf("pgbench: %w: %s", proc.err, text)
	}
	tps, err = strconv.ParseFloat(string(found[1]), 64)
	return tps, watch.each(tps), err
}
