package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheFileHoldsExactlyTheFigures(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "bench.json")
	r := &report{figures: figures{AcceptSpreadRatio: 1.23456}}
	require.NoError(t, r.write(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var got map[string]float64
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, map[string]float64{
		"accept_spread_ratio": 1.235, "accept_hot_ratio": 0, "pipeline_per_s": 0, "pipeline_asynq_ratio": 0, "door_p50_ms": 0, "door_p99_ms": 0,
		"tick_ratio": 0, "catalogue_200_per_s": 0, "catalogue_304_per_s": 0, "api_rss_mb": 0, "book_page_p99_ms": 0, "book_export_mb": 0,
	}, got)
}

func TestTheTableSaysWhatWasMissed(t *testing.T) {
	t.Parallel()
	var r report
	r.add("(x) slow", "0.3", "≥ 0.5", false)
	r.add("(y) fast", "0.7", "≥ 0.5", true)
	r.tell("(z) plain", "12/s")
	r.note("why: %d", 7)
	var out strings.Builder
	r.print(&out)
	require.Regexp(t, `(?m)^\(x\) slow +0\.3 +≥ 0\.5 +MISSED$`, out.String())
	require.Regexp(t, `(?m)^\(y\) fast +0\.7 +≥ 0\.5 +ok$`, out.String())
	require.Regexp(t, `(?m)^\(z\) plain +12/s`, out.String())
	require.Contains(t, out.String(), "why: 7")
}

func TestWrongFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-only", "x"}, {"all"}, {"-nonsense"}} {
		_, err := parse(args, io.Discard)
		require.ErrorIs(t, err, errUsage, args)
	}
	o, err := parse([]string{"-quick"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, 100_000, o.final)
	require.Equal(t, 2*time.Second, o.span)
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	require.Zero(t, quantile(nil, .5))
	all := []time.Duration{5, 1, 4, 2, 3}
	require.Equal(t, time.Duration(3), quantile(all, .5))
	require.Equal(t, time.Duration(5), quantile(all, .99))
}

// TestOrdersAreWholeRequests reads what the load writes as a server does.
func TestOrdersAreWholeRequests(t *testing.T) {
	t.Parallel()
	l := &lab{goods: goods{sku: "ISAT5"}}
	build := l.orders("tag", []account{{key: "mra_live_a"}, {key: "mra_live_b"}})
	seen := map[string]bool{}
	for n := range int64(3) {
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(build(nil, n))))
		require.NoError(t, err)
		require.Equal(t, "/api/v1/order", req.URL.Path)
		require.Equal(t, "Bearer mra_live_"+string("aba"[n]), req.Header.Get("Authorization"))
		var body map[string]string
		require.NoError(t, json.NewDecoder(req.Body).Decode(&body))
		require.Equal(t, "ISAT5", body["sku"])
		require.False(t, seen[body["ref"]])
		seen[body["ref"]] = true
	}
}

func TestABarrageCountsAnswers(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/long": // leaves in chunks
			_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "y")
		case "/known":
			w.WriteHeader(http.StatusNotModified)
		case "/short":
			_, _ = io.WriteString(w, "four")
		default:
			http.Error(w, "go away", http.StatusForbidden)
		}
	}))
	t.Cleanup(server.Close)
	b := barrage{addr: server.Listener.Addr().String(), conns: 3, total: 100, want: http.StatusOK}
	to := func(path string) func([]byte, int64) []byte {
		return func(buf []byte, _ int64) []byte { return get(buf, path, "key", "") }
	}

	b.request = to("/short")
	v, err := b.run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int64{100, 400, 100}, []int64{v.answered, v.bytes, asked.Load()})
	require.Len(t, v.waits, 100)

	b.request = to("/long")
	v, err = b.run(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(100*10_001), v.bytes)

	b.request, b.want = to("/known"), http.StatusNotModified
	_, err = b.run(t.Context())
	require.NoError(t, err)

	b.request = to("/elsewhere")
	_, err = b.run(t.Context())
	require.ErrorContains(t, err, "answered 403: go away")

	b.request, b.want, b.total, b.span = to("/short"), http.StatusOK, 0, 50*time.Millisecond
	v, err = b.run(t.Context())
	require.NoError(t, err)
	require.Positive(t, v.answered)
}

func TestTheReceiverTellsSuccesses(t *testing.T) {
	t.Parallel()
	r, err := newReceiver()
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.close() })
	for _, body := range []string{`{"data":{"order":{"status":"processing"}}}`, `{"data":{"order":{"status":"completed"}}}`} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url(), strings.NewReader(body))
		require.NoError(t, err)
		resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	require.NoError(t, until(t.Context(), time.Millisecond, func() (bool, error) { return r.all.Load() == 2, nil }))
	require.Equal(t, int64(1), r.final.Load())
}

func TestARowIsWrittenAsItWasRead(t *testing.T) {
	t.Parallel()
	r := row{table: "orders", columns: []string{"id", "name"}, values: map[string]string{"id": "'1'", "name": "'it''s'"}}
	list, err := r.list(map[string]string{"id": ":id"})
	require.NoError(t, err)
	require.Equal(t, ":id, 'it''s'", list)
	require.Equal(t, "INSERT INTO orders (id, name)", r.insert())
	_, err = r.list(map[string]string{"gone": "1"})
	require.ErrorContains(t, err, "no column gone")
}

func TestProcessorTimeIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stat")
	require.NoError(t, os.WriteFile(path, []byte("42 (a (b) c) S 7 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0"), 0o600))
	pid, parent, used, ok := readStat(path)
	require.True(t, ok)
	require.Equal(t, []int{42, 7}, []int{pid, parent})
	require.Equal(t, 2*time.Second, used)
}
