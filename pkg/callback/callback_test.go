package callback_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/callback"
	"github.com/muarahq/muara/pkg/testdb"
)

// entrance is a door for two sources, and what it told.
type entrance struct {
	t    *testing.T
	pool *pgxpool.Pool
	door *callback.Door
	reg  *prometheus.Registry
	logs bytes.Buffer
	now  time.Time
}

const tokenA, tokenB = "token-of-a", "token-of-b"

func newEntrance(t *testing.T) *entrance {
	t.Helper()
	e := &entrance{t: t, pool: testdb.New(t).Pool, reg: prometheus.NewRegistry(), now: time.Now().UTC().Truncate(time.Second)}
	e.door = callback.NewDoor(e.pool, map[string]string{tokenA: "src-a", tokenB: "src-b"}, func() time.Time { return e.now }, slog.New(slog.NewTextHandler(&e.logs, nil)), e.reg)
	return e
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func (e *entrance) take(token, body string, head ...string) int64 {
	e.t.Helper()
	id, _ := e.door.Take(e.t.Context(), token, header(head...), strings.NewReader(body))
	return id
}

func (e *entrance) get(id int64) *callback.Callback {
	e.t.Helper()
	c, err := callback.Get(e.t.Context(), e.pool, id)
	require.NoError(e.t, err)
	return c
}

func (e *entrance) rows() (n int) {
	e.t.Helper()
	require.NoError(e.t, e.pool.QueryRow(e.t.Context(), `SELECT count(*) FROM callbacks`).Scan(&n))
	return n
}

// outcomes are the door's counters.
func (e *entrance) outcomes(want string) {
	e.t.Helper()
	require.NoError(e.t, testutil.GatherAndCompare(e.reg, strings.NewReader(`
# HELP muara_callbacks_total Callbacks by what became of them at the door; those under an unknown token are nobody's.
# TYPE muara_callbacks_total counter
`+want)))
}

func TestWhatIsPostedIsStoredAsItCame(t *testing.T) {
	t.Parallel()
	e := newEntrance(t)
	const body = `{"data":{"ref_id":"some1d", "x":1}}`
	id, upstream := e.door.Take(t.Context(), tokenA, header(
		"X-Vendor-Event", "update", "X-Hub-Signature", "sha1=abc", "User-Agent", "Hookshot", "Content-Type", "application/json",
		"Authorization", "Bearer s3cret", "Cookie", "a=b", "X-Forwarded-For", "10.0.0.1", "X-Bad-Event", "a\x00b", "X-Long-Event", strings.Repeat("x", 600),
	), strings.NewReader(body))
	require.Equal(t, "src-a", upstream)
	c := e.get(id)
	require.Equal(t, []byte(body), c.Body, "byte for byte, for the signature") //nolint:testifylint // not what the JSON says
	require.Equal(t, map[string]string{"X-Vendor-Event": "update", "X-Hub-Signature": "sha1=abc", "User-Agent": "Hookshot", "Content-Type": "application/json"}, c.Headers)
	require.Equal(t, "sha1=abc", c.Header().Get("x-hub-signature"))
	standard := e.get(e.take(tokenA, "{}", "webhook-id", "msg_1", "webhook-timestamp", "17", "webhook-signature", "v1,abc", "webhook-odd", "x"))
	require.Equal(t, map[string]string{"Webhook-Id": "msg_1", "Webhook-Timestamp": "17", "Webhook-Signature": "v1,abc"}, standard.Headers)
	require.Equal(t, callback.New, c.State)
	require.False(t, c.Redacted)
	require.Equal(t, "src-b", e.get(e.take(tokenB, body)).Upstream)
	e.outcomes(`muara_callbacks_total{outcome="stored",upstream="src-a"} 2
muara_callbacks_total{outcome="stored",upstream="src-b"} 1
`)
	require.Empty(t, e.logs.String())
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestWhatCannotBeTakenLeavesNothing(t *testing.T) {
	t.Parallel()
	e := newEntrance(t)
	require.Zero(t, e.take("", "{}"))
	require.Zero(t, e.take("src-a", "{}"), "a name is no token")
	require.Zero(t, e.take(tokenA+"x", "{}"))
	require.Zero(t, e.take(tokenA, strings.Repeat("x", callback.MaxBody+1)))
	require.NotZero(t, e.take(tokenA, strings.Repeat("x", callback.MaxBody)))
	id, _ := e.door.Take(t.Context(), tokenA, header(), broken{})
	require.Zero(t, id)
	require.Equal(t, 1, e.rows())
	e.outcomes(`muara_callbacks_total{outcome="stored",upstream="src-a"} 1
muara_callbacks_total{outcome="too_large",upstream="src-a"} 1
muara_callbacks_total{outcome="unknown",upstream="none"} 3
muara_callbacks_total{outcome="unreadable",upstream="src-a"} 1
`)
	gone, err := pgxpool.New(context.Background(), "postgres://nobody@127.0.0.1:1/none")
	require.NoError(t, err)
	defer gone.Close()
	away := callback.NewDoor(gone, map[string]string{tokenA: "src-a"}, time.Now, slog.New(slog.DiscardHandler), nil)
	id, _ = away.Take(t.Context(), tokenA, header(), strings.NewReader("{}"))
	require.Zero(t, id, "without a database it is lost, and nobody learns of it")
}

func TestASecretIsNeverStored(t *testing.T) {
	t.Parallel()
	e := newEntrance(t)
	const secret = "s3cr3t-of-the-hook"
	for name, c := range map[string]struct{ body, kind string }{
		"a ping":         {`{"sed":"x","hook_id":"1","hook":{"url":"u","secret":"` + secret + `","type":"prepaid","status":"1"}}`, "application/json"},
		"other case":     {`{"hook":{"Secret":"` + secret + `"}}`, ""},
		"escaped":        {`{"hook":{"s\u0065cret":"` + secret + `"}}`, ""},
		"in a list":      {`[{"a":[{"client_secret":"` + secret + `"}]}]`, ""},
		"a key":          {`{"API-Key":"` + secret + `"}`, ""},
		"a form":         {"a=1&secret=" + secret, "application/x-www-form-urlencoded"},
		"cut off":        {`{"hook":{"secret":"` + secret, ""},
		"two values":     {`{"hook":{"secret":"` + secret + `"}} {}`, ""},
		"a broken form":  {"secret=" + secret + "&%zz", "application/x-www-form-urlencoded"},
		"no JSON at all": {"Secret: " + secret, "text/plain"},
	} {
		id := e.take(tokenA, c.body, "Content-Type", c.kind)
		require.NotZero(t, id, name)
		row := e.get(id)
		require.True(t, row.Redacted, name)
		require.NotContains(t, string(row.Body), secret, name)
	}
	require.NotContains(t, e.logs.String(), secret)
	var all string
	require.NoError(t, e.pool.QueryRow(t.Context(), `SELECT string_agg(c::text || convert_from(body, 'UTF8'), ' ') FROM callbacks c`).Scan(&all))
	require.NotContains(t, all, secret)
	for _, body := range []string{`{"data":{"sn":"secretary"}}`, `{"secret":null}`, `{"secret":{"a":1}}`, "a=1&b=2", "plain"} {
		row := e.get(e.take(tokenA, body))
		require.Equal(t, body, string(row.Body))
		require.False(t, row.Redacted)
	}
}

func TestTheSameWaitsOnceAndIsStoredNoMoreOnceItWasApplied(t *testing.T) {
	t.Parallel()
	e := newEntrance(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	var ids []int64
	for range 40 {
		all.Go(func() {
			if id, _ := e.door.Take(context.Background(), tokenA, header("X-Hub-Signature", "sha1=a", "User-Agent", "x"), strings.NewReader(`{"a":1}`)); id != 0 {
				mu.Lock()
				ids = append(ids, id)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	require.Len(t, ids, 1)
	require.NotZero(t, e.take(tokenB, `{"a":1}`, "X-Hub-Signature", "sha1=a"), "another source's is another one")
	require.NotZero(t, e.take(tokenA, `{"a":1}`, "X-Hub-Signature", "sha1=b"), "so is another signature")
	require.NoError(t, callback.Finish(t.Context(), e.pool, ids[0], callback.Applied, 7, e.now))
	require.Zero(t, e.take(tokenA, `{"a":1}`, "X-Hub-Signature", "sha1=a", "User-Agent", "y"))
	before, err := e.get(ids[0]).AppliedBefore(t.Context(), e.pool)
	require.NoError(t, err)
	require.True(t, before)
	require.NoError(t, callback.Finish(t.Context(), e.pool, ids[0], callback.Odd, 0, e.now))
	require.Equal(t, callback.Applied, e.get(ids[0]).State, "what is finished stays so")
}

func TestAStormIsBounded(t *testing.T) {
	t.Parallel()
	e := newEntrance(t)
	stored := 0
	for i := range 500 {
		if e.take(tokenA, fmt.Sprint(i)) != 0 {
			stored++
		}
	}
	require.Equal(t, 100, stored)
	require.NotZero(t, e.take(tokenB, "other"), "another source is not kept waiting")
	e.now = e.now.Add(time.Second)
	require.NotZero(t, e.take(tokenA, "later"))
}

func TestTokensNameNobody(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{7}, 32)
	seen := map[string]bool{}
	for _, name := range []string{"src-a", "src-b", "src-a1"} {
		for turn := range 3 {
			token := callback.Token(key, name, turn)
			require.Regexp(t, `^[A-Za-z0-9_-]{32}$`, token)
			require.False(t, seen[token])
			seen[token] = true
			require.Equal(t, token, callback.Token(key, name, turn), "the same after a restart and in every pod")
			require.NotEqual(t, token, callback.Token(bytes.Repeat([]byte{8}, 32), name, turn))
		}
	}
	require.NotEqual(t, callback.Token(key, "a", 11), callback.Token(key, "a1", 1))
}

func TestWhatNobodyReadIsHandedOutAgainAndGivenUp(t *testing.T) {
	t.Parallel()
	e := newEntrance(t)
	for i := range 6 {
		require.NotZero(t, e.take(tokenA, fmt.Sprint(i)))
	}
	due := func() (n int) {
		t.Helper()
		var both sync.WaitGroup
		var mu sync.Mutex
		for range 2 {
			both.Go(func() {
				got, err := callback.TakeDue(context.Background(), e.pool, e.now, 20*time.Second, 100)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				n += len(got)
				mu.Unlock()
			})
		}
		both.Wait()
		return n
	}
	require.Zero(t, due(), "its own task comes first")
	e.now = e.now.Add(5 * time.Second)
	require.Equal(t, 6, due(), "two schedulers share them")
	require.Zero(t, due())
	n, oldest, err := callback.Waiting(t.Context(), e.pool)
	require.NoError(t, err)
	require.EqualValues(t, 6, n)
	require.WithinDuration(t, e.now.Add(-5*time.Second), oldest, 0)
	first, err := callback.TakeDue(t.Context(), e.pool, e.now.Add(20*time.Second), time.Hour, 1)
	require.NoError(t, err)
	require.NoError(t, callback.Later(t.Context(), e.pool, first[0].ID, e.now.Add(time.Minute)))
	require.Equal(t, 1, e.get(first[0].ID).Attempts)

	trim := func(later time.Duration, want int) {
		t.Helper()
		got, err := callback.Trim(t.Context(), e.pool, e.now.Add(later), callback.Life, 100)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.NoError(t, callback.Finish(t.Context(), e.pool, first[0].ID, callback.Applied, 1, e.now))
	forged := e.take(tokenA, strings.Repeat("f", 5000))
	require.NoError(t, callback.Finish(t.Context(), e.pool, forged, callback.Forged, 0, e.now))
	require.Len(t, e.get(forged).Body, 1024, "a first part is enough")
	trim(23*time.Hour, 0)
	trim(25*time.Hour, 6) // five that nobody read, and the forged one
	_, err = callback.Get(t.Context(), e.pool, forged)
	require.ErrorIs(t, err, callback.ErrNotFound)
	require.Equal(t, 6, e.rows())
	trim(31*24*time.Hour, 6)
	require.Zero(t, e.rows())
}

func FuzzDoorKeepsNoSecret(f *testing.F) {
	f.Add([]byte(`{"hook":{"secret":"hush"}}`), "application/json")
	f.Add([]byte(`secret=hush`), "application/x-www-form-urlencoded")
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		out, redacted := callback.Redact(kind, body)
		if !redacted {
			require.Equal(t, body, out)
		}
		var v struct{ Hook struct{ Secret any } }
		if json.Unmarshal(out, &v) == nil {
			if s, ok := v.Hook.Secret.(string); ok {
				require.Equal(t, "***", s)
			}
		}
	})
}
