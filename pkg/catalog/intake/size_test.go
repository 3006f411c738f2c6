package intake_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/upstream"
)

// lengthEnv makes the test's list as long as the longest of the trade, 50,000.
const lengthEnv = "MUARA_LIST_LENGTH"

// length is how many offers the test's list has.
func length(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(lengthEnv), "5000"))
	require.NoError(t, err)
	require.Zero(t, n%1000, "%s is in thousands", lengthEnv)
	return n
}

// paged is a list in pages of a thousand.
func paged(list []upstream.Offer) *source {
	const size = 1000
	s := &source{roots: []upstream.Scope{{Key: "p", Every: 15 * time.Minute}}, pages: map[string][]upstream.Page{}}
	for from := 0; from < len(list); from += size {
		page := upstream.Page{Offers: slices.Clone(list[from:min(from+size, len(list))])}
		if from+size < len(list) {
			page.Next = from/size + 2
		}
		s.pages["p"] = append(s.pages["p"], page)
	}
	return s
}

func longList(n int) []upstream.Offer {
	list := make([]upstream.Offer, 0, n)
	for i := range n {
		list = append(list, game("C"+strconv.Itoa(i), fmt.Sprintf("Mobile Legends %d Diamond", i+1), int64(10_000+i)))
	}
	return list
}

// prints are where every row lies and which transaction wrote it: a row that was
// written again, even with the same content, has another.
func (d *desk) prints(table string) map[int64]string {
	d.t.Helper()
	rows, err := d.pool.Query(d.t.Context(), `SELECT id, ctid::text || '/' || xmin::text FROM `+table)
	require.NoError(d.t, err)
	defer rows.Close()
	out := map[int64]string{}
	for rows.Next() {
		var id int64
		var mark string
		require.NoError(d.t, rows.Scan(&id, &mark))
		out[id] = mark
	}
	require.NoError(d.t, rows.Err())
	return out
}

// written counts the rows of b that are not as they were in a.
func written(a, b map[int64]string) (n int) {
	for id, mark := range b {
		if a[id] != mark {
			n++
		}
	}
	return n
}

// A long list shows its progress, is written once, not again while it stays as it
// is, and of a change only what changed.
func TestALongListIsWrittenOnceAndThenOnlyWhatChanges(t *testing.T) {
	t.Parallel()
	large := length(t)
	d := newDesk(t)
	list := longList(large)
	s := paged(list)
	require.NoError(t, d.im.RegisterRoots(t.Context(), s, "alpha"))
	run, err := intake.RequestImport(t.Context(), d.pool, "alpha", "test", d.clock.now())
	require.NoError(t, err)
	var seen []int64
	s.hook = func() {
		p, err := intake.RunProgress(t.Context(), d.pool, run, d.clock.now())
		require.NoError(t, err)
		require.False(t, p.Finished)
		seen = append(seen, p.Reading)
	}
	d.turns(s, "alpha")
	require.Len(t, seen, large/1000)
	require.IsNonDecreasing(t, seen)
	require.EqualValues(t, large-1000, seen[len(seen)-1], "the reading is seen to move")
	p, err := intake.RunProgress(t.Context(), d.pool, run, d.clock.now())
	require.NoError(t, err)
	require.True(t, p.Finished)
	require.Equal(t, large, p.Offers)
	require.Zero(t, p.Reading)
	s.hook = nil

	offers, products, version := d.prints("offers"), d.prints("products"), d.one(`SELECT version FROM catalog_version`)
	d.clock.pass(15 * time.Minute)
	d.turns(s, "alpha")
	require.Equal(t, offers, d.prints("offers"), "nothing is written")
	require.Equal(t, products, d.prints("products"), "nothing is written")
	require.Equal(t, version, d.one(`SELECT version FROM catalog_version`), "nobody has to load anything")
	require.EqualValues(t, large, d.one(`SELECT count(*) FROM price_history`))

	changed := slices.Clone(list)
	for i := 0; i < large; i += 100 {
		changed[i].Cost += 50
	}
	d.clock.pass(15 * time.Minute)
	d.turns(paged(changed), "alpha")
	now := d.prints("offers")
	require.ElementsMatch(t, slices.Collect(maps.Keys(offers)), slices.Collect(maps.Keys(now)))
	require.Equal(t, large/100, written(offers, now), "of a change of one in a hundred, one in a hundred")
	require.Equal(t, large/100, written(products, d.prints("products")))
	require.EqualValues(t, large+large/100, d.one(`SELECT count(*) FROM price_history`))
}

// BenchmarkImport50000 imports a long list that has not changed, and tells the most
// memory that lived at once.
func BenchmarkImport50000(b *testing.B) {
	d := newDesk(b)
	s := paged(longList(50_000))
	d.turns(s, "alpha")
	peak := watchHeap(b)
	for b.Loop() {
		d.clock.pass(15 * time.Minute)
		d.turns(s, "alpha")
	}
	b.ReportMetric(float64(peak())/(1<<20), "peak-MiB")
}

// watchHeap samples the heap until it is asked for the most it was.
func watchHeap(b *testing.B) func() uint64 {
	b.Helper()
	var most uint64
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	})
	return func() uint64 {
		close(stop)
		done.Wait()
		return most
	}
}
