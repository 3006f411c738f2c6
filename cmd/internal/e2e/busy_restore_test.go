package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TestADumpOfABusySystemIsOneMoment dumps the database while orders are placed, bought, settled and delivered, restores it beside
// the one that goes on, and has the books of that moment proved.
func TestADumpOfABusySystemIsOneMoment(t *testing.T) {
	sideBySide(t, 10*time.Second)
	w := newWorld(t, settings{})
	w.scheduler(0)
	w.worker(ppobName, 0)
	w.catalogueOf(ppobName)
	w.api(0)
	m := w.merchant("Toko Ramai", 1_000_000_000)
	good := w.goods("ppob", ppobName)[0]

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var placing sync.WaitGroup
	var refused atomic.Pointer[string]
	for k := range 4 {
		placing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				r, _, err := m.insist(ctx, http.MethodPost, "/api/v1/order", ppob(fmt.Sprintf("ramai-%d-%d", k, i), &good, fmt.Sprintf("0815%02d%04d01", k, i)))
				if ctx.Err() == nil && (err != nil || r.Status != http.StatusOK) {
					text := fmt.Sprint(r, err)
					refused.Store(&text)
					return
				}
			}
		})
	}
	final := func() int { return w.count(`SELECT count(*) FROM orders WHERE state = 'completed'`) }
	until(t, 60*time.Second, "it is busy", func() bool { return final() > 30 })
	before := final()
	kept := filepath.Join(t.TempDir(), "backup")
	pgTool(t, "pg_dump", "--format", "custom", "--file", kept, w.dbURL)
	during := w.count(`SELECT count(*) FROM orders`)
	until(t, 60*time.Second, "it goes on", func() bool { return final() > during })
	stop()
	placing.Wait()
	require.Nil(t, refused.Load(), "nobody notices a dump")

	name := fmt.Sprintf("restored_%d", time.Now().UnixNano())
	name = pgx.Identifier{name}.Sanitize()
	_, err := w.pool.Exec(t.Context(), `CREATE DATABASE `+name+` TEMPLATE template0`)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = w.pool.Exec(context.WithoutCancel(t.Context()), `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
	})
	at, err := url.Parse(w.dbURL)
	require.NoError(t, err)
	at.Path = "/" + name[1:len(name)-1]
	pgTool(t, "pg_restore", "--exit-on-error", "--dbname", at.String(), kept)

	conn, err := pgx.Connect(t.Context(), at.String())
	require.NoError(t, err)
	var orders, completed int
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE state = 'completed') FROM orders`).Scan(&orders, &completed))
	require.NoError(t, conn.Close(t.Context()))
	require.GreaterOrEqual(t, completed, before, "what was final before is in it")
	require.LessOrEqual(t, orders, during, "what came after is not")
	cmd := exec.CommandContext(t.Context(), w.program(), "--config", w.config(), "--json", "ledger", "verify")
	cmd.Env = append(os.Environ(), "MUARA_DATABASE_URL="+at.String())
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	var report struct {
		Clean   bool
		Entries int
	}
	require.NoError(t, json.Unmarshal(out, &report))
	require.True(t, report.Clean, "%s", out)
	require.GreaterOrEqual(t, report.Entries, 2*completed, "what is proved is the restored one")
	t.Logf("restored %d orders of which %d were final, %d entries; %d orders went on beside", orders, completed, report.Entries, final())
	w.verified()
}
