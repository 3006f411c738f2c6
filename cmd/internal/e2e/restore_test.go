package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pgTool runs one of Postgres's own programs.
func pgTool(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("MUARA_PG_BINDIR"), name), args...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
}

// TestARestoredDatabaseFindsWhatWasBoughtSince follows the operations guide: everything
// is stopped, the database goes back to a moment at which orders waited that have been
// bought since, Redis is empty, and workers begin before the API does.
func TestARestoredDatabaseFindsWhatWasBoughtSince(t *testing.T) {
	sideBySide(t, 20*time.Second)
	w := newWorld(t, settings{})
	worker := "worker-" + ppobName + "-0"
	w.scheduler(0)
	w.worker(ppobName, 0)
	w.catalogueOf(ppobName)
	w.api(0)
	m := w.merchant("Toko Pulih", 1_000_000_000)
	good := w.goods("ppob", ppobName)[0]
	w.proc(worker).drain(t)

	const waiting, since = 40, 10
	order := func(i int) body { return ppob(fmt.Sprint("pulih-", i), &good, fmt.Sprintf("0814%06d01", i)) }
	for i := range waiting {
		m.place(t, order(i))
	}
	kept := filepath.Join(t.TempDir(), "backup")
	pgTool(t, "pg_dump", "--format", "custom", "--file", kept, w.dbURL)

	w.worker(ppobName, 0)
	for i := range since {
		m.place(t, order(waiting+i))
	}
	until(t, 60*time.Second, "everything is bought", func() bool {
		return w.count(`SELECT count(*) FROM orders WHERE state = 'completed'`) == waiting+since
	})
	require.Len(t, w.ppob.books().Purchases, waiting+since)
	balance := m.profile(t).Balance
	w.apis[0].Store(nil)
	for _, name := range []string{"api-0", "scheduler-0", worker} {
		w.proc(name).drain(t)
	}

	_, err := w.pool.Exec(t.Context(), `DROP SCHEMA public CASCADE; CREATE SCHEMA public`)
	require.NoError(t, err)
	pgTool(t, "pg_restore", "--exit-on-error", "--dbname", w.dbURL, kept)
	_, err = w.pool.Exec(t.Context(), `ANALYZE`)
	require.NoError(t, err)
	w.pool.Reset() // its connections remember the tables that were dropped
	w.redis.Flush()
	w.cli(nil, "migrate", "status")
	w.verified()
	require.Equal(t, waiting, w.count(`SELECT count(*) FROM orders WHERE state = 'queued'`), "the moment of the backup")

	w.scheduler(0)
	w.worker(ppobName, 0)
	untilOr(t, 90*time.Second, w.standing, func() bool { return w.count(`SELECT count(*) FROM orders WHERE state = 'completed'`) == waiting })
	books := w.ppob.books()
	require.Len(t, books.Purchases, waiting+since, "nothing was bought a second time: the provider knows our references")
	require.Empty(t, books.TwiceByTarget())
	w.verified()

	// What was ordered after the moment is known to the provider only. The merchant sees
	// that it is not there, and has its price.
	w.api(0)
	require.Len(t, m.orders(t), waiting)
	require.Equal(t, balance+since*good.Prices[0], m.profile(t).Balance)
	r, _, err := m.insist(t.Context(), http.MethodGet, "/api/v1/order/pulih-"+fmt.Sprint(waiting), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, r.Status)
	w.verified()
}
