package arrival_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/muarahq/muara/pkg/arrival"
	"github.com/muarahq/muara/pkg/testdb"
)

const (
	product = 77
	end     = 900 * time.Second
)

// at is how much a look at an order of a minute is worth that was last seen half a
// minute before.
func at(b *arrival.Book, product int64) time.Duration {
	return b.Curve("otp", product).Waiting(30*time.Second, time.Minute, end)
}

// teach lets codes come to a product between half a minute and a minute, or never.
func teach(b *arrival.Book, product int64, come bool) {
	for range 200 {
		b.Saw("otp", product, 0, 30*time.Second, false)
		b.Saw("otp", product, 30*time.Second, time.Minute, come)
	}
}

func TestWhatOneProcessSawAnotherKnows(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	now := time.Date(2026, 4, 21, 11, 0, 0, 0, time.UTC)
	one, other, elsewhere := arrival.New(db.Pool, "up"), arrival.New(db.Pool, "up"), arrival.New(db.Pool, "elsewhere")
	guessed := at(one, product)
	require.Equal(t, guessed, at(one, 78))
	teach(one, product, true)
	teach(one, 78, false)
	require.Equal(t, guessed, at(one, product), "nothing is known before it was shared")
	require.NoError(t, one.Sync(t.Context(), now))
	require.Greater(t, at(one, product), guessed*3/2)
	require.Less(t, at(one, 78), guessed/2)
	require.Greater(t, at(one, 79), at(one, 78), "one that is not known is like all of them together")
	require.Less(t, at(one, 79), at(one, product))

	require.Equal(t, guessed, at(other, product))
	require.NoError(t, other.Sync(t.Context(), now))
	require.NoError(t, elsewhere.Sync(t.Context(), now))
	require.Equal(t, at(one, product), at(other, product))
	require.Equal(t, at(one, 79), at(other, 79))
	require.Equal(t, guessed, at(elsewhere, product))

	teach(one, product, false)
	require.NoError(t, one.Sync(t.Context(), now.Add(59*time.Second)))
	require.Equal(t, at(one, product), at(other, product), "it is shared once a minute")
	require.NoError(t, one.Sync(t.Context(), now.Add(time.Minute)))
	require.Less(t, at(one, product), at(other, product))
}

func TestSharingAtOnceLosesNothing(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	now := time.Date(2026, 4, 21, 11, 0, 0, 0, time.UTC)
	var all errgroup.Group
	for range 8 {
		all.Go(func() error {
			b := arrival.New(db.Pool, "up")
			for i := range 5 {
				for p := range int64(4) {
					b.Saw("otp", p+1, 0, 10*time.Second, false)
					b.Saw("ppob", p+1, 0, 10*time.Second, false)
				}
				if err := b.Sync(context.Background(), now.Add(time.Duration(i)*time.Minute)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, all.Wait())
	var rows int
	var seconds float64
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT count(*), sum((SELECT sum(s) FROM unnest(seconds) s)) FROM arrivals`).Scan(&rows, &seconds))
	require.Equal(t, 2*(4+1), rows)
	require.InDelta(t, 2*2*8*5*4*10, seconds, 1e-6, "of each product, and of all together")
}

func TestWhatIsOldCountsLessAndLess(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	now := time.Date(2026, 4, 21, 11, 0, 0, 0, time.UTC)
	b := arrival.New(db.Pool, "up")
	total := func() (seconds float64) {
		require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT (SELECT sum(s) FROM unnest(seconds) s) FROM arrivals WHERE product_id = 77`).Scan(&seconds))
		return seconds
	}
	for i := range 40 {
		for range 10 {
			b.Saw("otp", product, 0, 900*time.Second, false)
		}
		require.NoError(t, b.Sync(t.Context(), now.Add(time.Duration(i)*time.Minute)))
		require.LessOrEqual(t, total(), 120_000.0)
	}
	require.Greater(t, total(), 50_000.0)
	never := at(b, product)
	for i := range 20 {
		teach(b, product, true)
		require.NoError(t, b.Sync(t.Context(), now.Add(time.Duration(100+i)*time.Minute)))
	}
	require.Greater(t, at(b, product), 10*never, "a product that changes is seen to have changed")
}

func TestAnOlderVersionsRowsBeginAnew(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	now := time.Date(2026, 4, 21, 11, 0, 0, 0, time.UTC)
	_, err := db.Pool.Exec(t.Context(), `INSERT INTO arrivals (upstream, category, product_id, news, seconds, updated_at) VALUES ('up', 'otp', 77, '{1,2}', '{3,4}', $1)`, now)
	require.NoError(t, err)
	b := arrival.New(db.Pool, "up")
	guessed := at(b, product)
	require.NoError(t, b.Sync(t.Context(), now))
	require.Equal(t, guessed, at(b, product))
	teach(b, product, true)
	require.NoError(t, b.Sync(t.Context(), now.Add(time.Minute)))
	require.Greater(t, at(b, product), guessed)
}

func TestWhatCannotBeSharedIsKept(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	now := time.Date(2026, 4, 21, 11, 0, 0, 0, time.UTC)
	b := arrival.New(db.Pool, "up")
	guessed := at(b, product)
	teach(b, product, true)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, b.Sync(gone, now))
	require.Equal(t, guessed, at(b, product))
	teach(b, product, true)
	require.NoError(t, b.Sync(t.Context(), now.Add(time.Minute)))
	require.Greater(t, at(b, product), guessed)
	var seconds float64
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT (SELECT sum(s) FROM unnest(seconds) s) FROM arrivals WHERE product_id = 77`).Scan(&seconds))
	require.Greater(t, seconds, 400*30.0, "both lessons")
}

func TestLooksThatTeachNothing(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	b := arrival.New(db.Pool, "up")
	b.Saw("otp", product, time.Minute, time.Minute, true)
	b.Saw("otp", product, time.Minute, time.Second, true)
	b.Saw("otp", product, -time.Second, time.Minute, true)
	require.NoError(t, b.Sync(t.Context(), time.Now()))
	var rows int
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM arrivals`).Scan(&rows))
	require.Zero(t, rows)
}
