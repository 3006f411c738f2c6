package budget

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// simulation is several processes' worth of calls against one judge, on a real Redis that suffers.
type simulation struct {
	s       *server
	limit   Limit
	hold    time.Duration
	latency time.Duration
	judge   judge
	pods    []*Budget
	wg      sync.WaitGroup
}

// calls has b make calls of random classes until it is stopped or dies.
func (m *simulation) calls(b *Budget) {
	for range 12 {
		m.wg.Go(func() {
			for {
				slot, err := b.Acquire(b.ctx, Class(rand.IntN(classes)))
				if err != nil {
					return
				}
				m.call(slot)
				if b.ctx.Err() == nil { // the dead return nothing
					slot.Release(context.Background())
				}
			}
		})
	}
}

// call keeps its deadline, as the upstream client does.
func (m *simulation) call(slot *Slot) {
	latency := time.Duration(rand.Int64N(int64(m.latency) + 1))
	before := time.Duration(rand.Int64N(int64(latency) + 1))
	pass(before)
	if time.Until(slot.Deadline()) > 0 {
		m.judge.arrive()
	}
	pass(latency - before)
}

func (m *simulation) pod() *Budget {
	b := m.s.podOn(m.s.hasty(), m.limit, m.hold)
	m.calls(b)
	return b
}

// crash kills one process and starts another.
func (m *simulation) crash() {
	i := rand.IntN(len(m.pods))
	crash(m.pods[i])
	m.pods[i] = m.pod()
}

func TestNoFaultBreaksThePromise(t *testing.T) {
	t.Parallel()
	m := &simulation{s: newServer(t), limit: Limit{5, 150 * time.Millisecond}, hold: 400 * time.Millisecond, latency: 60 * time.Millisecond}
	for range 4 {
		m.pods = append(m.pods, m.pod())
	}
	faults := []func(){
		m.crash,
		m.s.Flush,
		func() { m.crash(); m.s.Flush() },
		func() { require.NoError(t, m.s.rdb.ScriptFlush(background).Err()) },
		m.s.Restart,
		func() { m.s.Freeze(); pass(200 * time.Millisecond); m.s.Thaw() },
		func() { m.crash(); m.s.Restart() },
		func() { require.NoError(t, m.pods[0].Close(background, 100*time.Millisecond, "429")) },
	}
	for _, fault := range faults {
		seen := m.judge.count()
		require.Eventually(t, func() bool { return m.judge.count() > seen+15 }, soon, 5*time.Millisecond, "calls go on")
		fault()
	}
	seen := m.judge.count()
	require.Eventually(t, func() bool { return m.judge.count() > seen+30 }, soon, 5*time.Millisecond, "calls go on")
	for _, b := range m.pods {
		require.NoError(t, b.Stop(within(t, soon)))
	}
	m.wg.Wait()
	breaches, tightest := m.judge.breaches(m.limit)
	t.Logf("%d arrivals, tightest window %s", m.judge.count(), tightest)
	require.Zero(t, breaches)
}
