package order

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/rule"
	"github.com/muarahq/muara/pkg/testdb"
)

// BenchmarkPlace is a placement among 64 at once of one merchant, without rules and with
// each of them.
func BenchmarkPlace(b *testing.B) {
	for name, set := range map[string]func(f *fixture, wallet int64) error{
		"plain": func(*fixture, int64) error { return nil },
		"duplicate-guard": func(f *fixture, wallet int64) error {
			return rule.SetDuplicateGuard(b.Context(), f.db.Pool, wallet, 10, f.now)
		},
	} {
		b.Run(name, func(b *testing.B) {
			f := &fixture{db: testdb.New(b), now: time.Now()}
			f.accounts = ledger.NewAccounts(f.db.Pool)
			var wallet int64
			require.NoError(b, pg.InTx(b.Context(), f.db.Pool, func(tx pgx.Tx) (err error) {
				wallet, err = f.wallet(b.Context(), tx, "M1", 1<<50)
				return err
			}))
			require.NoError(b, set(f, wallet))
			p := NewPlacer(f.db.Pool, f.accounts, nil, time.Now, slog.New(slog.DiscardHandler), nil)
			b.Cleanup(p.Close)
			var n atomic.Int64
			place := func() error {
				i := n.Add(1)
				r := pulsa(wallet, fmt.Sprint("r", i), 1_000)
				no := fmt.Sprint("08", i)
				r.CustomerNo = &no
				_, err := p.Place(b.Context(), r)
				return err
			}
			// The planner gets to know the tables, as autovacuum would let it within a minute:
			// over tables that it takes for empty any index will do.
			for range 500 {
				require.NoError(b, place())
			}
			_, err := f.db.Pool.Exec(b.Context(), `ANALYZE`)
			require.NoError(b, err)
			b.SetParallelism(64)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := place(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
