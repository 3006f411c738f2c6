package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// collector stands in for an OpenTelemetry collector and keeps what it is sent.
type collector struct {
	*httptest.Server
	mu   sync.Mutex
	sent bytes.Buffer
}

func newCollector(t testing.TB) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return // cut off: what it held comes again
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sent.Write(raw)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) all() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.sent.Bytes())
}

// secrets looks for the credentials of the configuration in everything that the
// installation wrote anywhere: logs, metrics, traces, rows, Redis, what operators are
// shown, and what merchants are sent.
func (s *spy) secrets() {
	found := map[string][]byte{}
	s.shown(found)
	s.measured(found)
	s.w.mu.Lock()
	for _, p := range s.w.running {
		require.NoError(s.t, p.Stop(syscall.SIGTERM)) // the last spans leave with it
	}
	s.w.mu.Unlock()
	s.logged(found)
	s.rows(found)
	s.redis(found)
	found["traces"] = s.w.traces.all()
	for i, h := range s.rec.everything() {
		found[fmt.Sprintf("answer %d to %s", i, h.what)] = append([]byte(h.head), h.body...)
	}
	for _, required := range []string{"traces", "log of api-0.1", "metrics of api-0", "table orders", "table order_attempts", "redis", "muara upstream show " + otpName} {
		require.NotEmpty(s.t, found[required], "%s is looked at", required)
	}
	require.Contains(s.t, string(found["traces"]), "upstream.submit", "spans of calls are looked at")

	config, err := os.ReadFile(s.w.config())
	require.NoError(s.t, err)
	for name, forms := range planted() {
		require.Contains(s.t, string(config), forms[0], "%s would be found where it is", name)
	}

	size := 0
	for where, text := range found {
		size += len(text)
		for name, forms := range planted() {
			for _, form := range forms {
				if at := bytes.Index(text, []byte(form)); at >= 0 {
					s.t.Errorf("%s shows %s: …%s…", where, name, text[max(0, at-80):min(len(text), at+80)])
				}
			}
		}
	}
	s.customers(found)
	s.t.Logf("%d places, %d bytes, %d secrets looked for", len(found), size, len(planted()))
}

// personalSQL is everything of a customer that the installation was told, and what was sold to one.
const personalSQL = `WITH messages AS (SELECT jsonb_array_elements(coalesce(facts -> 'messages', '[]')) AS m FROM orders)
	SELECT DISTINCT text FROM (
		SELECT customer_no AS text FROM orders UNION SELECT target FROM orders UNION SELECT link FROM orders UNION SELECT facts ->> 'sn' FROM orders
		UNION SELECT facts ->> 'phone' FROM orders UNION SELECT m ->> 'code' FROM messages UNION SELECT m ->> 'text' FROM messages
		UNION SELECT customer_no FROM inquiries UNION SELECT bill ->> 'customer_name' FROM inquiries
		UNION SELECT number FROM account_checks UNION SELECT name FROM account_checks
		UNION SELECT account_number FROM withdrawals UNION SELECT account_name FROM withdrawals UNION SELECT check_name FROM withdrawals
		UNION SELECT qr FROM deposits) AS of WHERE length(text) > 4`

// customers looks for what belongs to merchants' customers in what leaves the database: logs, metrics and traces.
func (s *spy) customers(found map[string][]byte) {
	rows, err := s.w.pool.Query(s.t.Context(), personalSQL)
	require.NoError(s.t, err)
	personal, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	require.Greater(s.t, len(personal), 30)
	for where, text := range found {
		if where != "traces" && !strings.HasPrefix(where, "log of ") && !strings.HasPrefix(where, "metrics of ") {
			continue
		}
		for _, p := range personal {
			if at := alone(text, p); at >= 0 {
				s.t.Errorf("%s shows a customer's %q: …%s…", where, p, text[max(0, at-150):min(len(text), at+150)])
			}
		}
	}
	s.t.Logf("%d texts of customers looked for in logs, metrics and traces", len(personal))
}

// alone finds word where it is no part of a longer number or name: a code of six digits is in many a moment's fraction.
func alone(text []byte, word string) int {
	inside := func(b byte) bool {
		return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '.'
	}
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(word))
		if i < 0 {
			return -1
		}
		begin, end := from+i, from+i+len(word)
		if (begin == 0 || !inside(text[begin-1])) && (end == len(text) || !inside(text[end])) {
			return begin
		}
		from = begin + 1
	}
}

// planted are the credentials, each in all forms in which it could lie somewhere.
func planted() map[string][]string {
	out := map[string][]string{}
	for name, secret := range map[string]string{"a source's key": apiKey, "the encryption key": sealKey} {
		out[name] = []string{
			secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)),
			strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(secret)), "="),
		}
	}
	raw, err := base64.StdEncoding.DecodeString(sealKey)
	if err != nil {
		panic(err)
	}
	out["the encryption key"] = append(out["the encryption key"], string(raw), hex.EncodeToString(raw))
	return out
}

// unreachable has calls of every kind fail on their way, some with our keys in what
// they were answered: the texts of such errors are what leaks.
func (s *spy) unreachable() {
	for _, e := range []*emulated{s.w.ppob, s.w.otp} {
		for _, r := range []emulate.Rule{
			{Kind: emulate.Hang, Count: 2}, {Kind: emulate.Drop, Count: 2}, {Kind: emulate.Redirect, Count: 2}, {Kind: emulate.Status, Status: http.StatusForbidden, Count: 2},
		} {
			e.fault(r)
		}
	}
	refs := []string{s.buy(&s.prepaid, "01"), s.buy(&s.games, "01"), s.buy(&s.numbers, "")}
	for _, ref := range refs {
		until(s.t, time.Minute, ref+" has been tried", func() bool {
			return s.w.count(`SELECT count(*) FROM order_attempts a JOIN orders o ON o.id = a.order_id WHERE o.ref = $1 AND (a.said_detail <> '' OR a.outcome <> 'sending')`, ref) > 0
		})
	}
	s.w.otp.clear()
	s.w.ppob.clear()
}

// shown is what operators read.
func (s *spy) shown(found map[string][]byte) {
	orders := []string{}
	rows, err := s.w.pool.Query(s.t.Context(), `SELECT id::text FROM orders ORDER BY id DESC LIMIT 20`)
	require.NoError(s.t, err)
	orders, err = pgx.AppendRows(orders, rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	commands := [][]string{
		{"config", "check"}, {"upstream", "list"}, {"upstream", "show", otpName}, {"upstream", "show", ppobName}, {"order", "list"}, {"webhook", "list"},
		{"catalog", "list"}, {"ledger", "verify"}, {"merchant", "list"}, {"merchant", "show", s.m.ID},
	}
	for _, id := range orders {
		commands = append(commands, []string{"order", "show", id})
	}
	for _, args := range commands {
		for _, form := range [][]string{nil, {"--json"}} {
			cmd := exec.CommandContext(s.t.Context(), filepath.Join(s.w.bin, "muara"), append(append([]string{"--config", s.w.config()}, form...), args...)...)
			out, err := cmd.CombinedOutput()
			require.NoError(s.t, err, "%v: %s", args, out)
			found["muara "+strings.Join(args, " ")] = append(found["muara "+strings.Join(args, " ")], out...)
		}
	}
}

// measured is every role's metrics page.
func (s *spy) measured(found map[string][]byte) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for name, p := range s.w.running {
		listen, _ := p.await(s.t, "metrics ready")["listen"].(string)
		resp, err := http.Get("http://" + listen + "/metrics")
		require.NoError(s.t, err)
		raw, err := io.ReadAll(resp.Body)
		require.NoError(s.t, err)
		require.NoError(s.t, resp.Body.Close())
		found["metrics of "+name] = raw
	}
}

// logged is what the processes wrote; the emulators' is theirs.
func (s *spy) logged(found map[string][]byte) {
	files, err := filepath.Glob(filepath.Join(s.w.dir, "*.log"))
	require.NoError(s.t, err)
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".log")
		if strings.HasPrefix(name, "emulator") {
			continue
		}
		raw, err := os.ReadFile(path)
		require.NoError(s.t, err)
		found["log of "+name] = raw
	}
}

// rows is every row of every table, as text; bytes are hexadecimal there.
func (s *spy) rows(found map[string][]byte) {
	rows, err := s.w.pool.Query(s.t.Context(), `SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'`)
	require.NoError(s.t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	for _, table := range tables {
		rows, err := s.w.pool.Query(s.t.Context(), `SELECT t::text FROM `+table+` t`)
		require.NoError(s.t, err)
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(s.t, err)
		found["table "+table] = []byte(strings.Join(texts, "\n"))
	}
}

// redis is every value there, whatever its type.
func (s *spy) redis(found map[string][]byte) {
	opts, err := redis.ParseURL(s.w.redis.URL)
	require.NoError(s.t, err)
	rdb := redis.NewClient(opts)
	defer rdb.Close()
	ctx, all := s.t.Context(), &bytes.Buffer{}
	keys := rdb.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		key := keys.Val()
		fmt.Fprintln(all, key, rdb.Get(ctx, key).Val(), rdb.HGetAll(ctx, key).Val(), rdb.LRange(ctx, key, 0, -1).Val(), rdb.SMembers(ctx, key).Val(), rdb.ZRange(ctx, key, 0, -1).Val())
	}
	require.NoError(s.t, keys.Err())
	found["redis"] = all.Bytes()
}
