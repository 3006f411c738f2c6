package budget

import (
	"context"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testredis"
)

// server is a Redis of a test's own, that may be flushed, killed and started again.
type server struct {
	*testredis.Server
	t   *testing.T
	rdb redis.UniversalClient
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := testredis.StartServer(t)
	return &server{Server: s, t: t, rdb: s.Client(t)}
}

// hasty is a client that soon gives up on an answer.
func (s *server) hasty() redis.UniversalClient {
	s.t.Helper()
	opts, err := redis.ParseURL(s.URL)
	require.NoError(s.t, err)
	opts.MaxRetries, opts.ReadTimeout, opts.DialTimeout = -1, 100*time.Millisecond, 100*time.Millisecond
	rdb := redis.NewClient(opts)
	s.t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// pod is one process's share, stopped with the test.
func (s *server) pod(limit Limit, hold time.Duration, opts ...Option) *Budget {
	return s.podOn(s.Client(s.t), limit, hold, opts...)
}

func (s *server) podOn(rdb redis.UniversalClient, limit Limit, hold time.Duration, opts ...Option) *Budget {
	b := New(rdb, "up", limit, hold, opts...)
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = b.Stop(ctx) // the server may be gone
	})
	return b
}

// crash has b die as a killed process does: it says nothing any more, and nothing of what it holds is returned.
func crash(b *Budget) {
	b.cancel()
	<-b.stopped
}

// within is a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// soon is long enough for anything that should happen.
const soon = 20 * time.Second

// acquiring is a call that waits for its slot meanwhile; nil says that it did not get one.
func acquiring(t *testing.T, b *Budget, class Class) <-chan *Slot {
	t.Helper()
	ctx, got := within(t, soon), make(chan *Slot, 1)
	go func() {
		slot, _ := b.Acquire(ctx, class)
		got <- slot
	}()
	return got
}

func acquire(t *testing.T, b *Budget, class Class) *Slot {
	t.Helper()
	slot, err := b.Acquire(within(t, soon), class)
	require.NoError(t, err)
	return slot
}

// refused tells that b gives nothing to class for as long as d.
func refused(t *testing.T, b *Budget, class Class, d time.Duration) {
	t.Helper()
	slot, err := b.Acquire(within(t, d), class)
	require.Nil(t, slot)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// pass waits for d, as a call's latency does.
func pass(d time.Duration) { <-time.After(d) }

// opened gives a pod whose budget is past its first closure, with all slots free.
func (s *server) opened(limit Limit, hold time.Duration, opts ...Option) *Budget {
	s.t.Helper()
	b := s.pod(limit, hold, append([]Option{Recovery(0)}, opts...)...)
	_, free, err := b.TryAcquire(within(s.t, soon), Buy)
	require.NoError(s.t, err)
	require.False(s.t, free)
	uses, state := keysOf("up")[0], keysOf("up")[1]
	require.NoError(s.t, s.rdb.HSet(background, state, "opened", 0).Err())
	for _, member := range s.rdb.ZRangeByScore(background, uses, rangeAbove(0)).Val() {
		require.NoError(s.t, s.rdb.ZRem(background, uses, member).Err())
	}
	return b
}

// queued waits until n calls of class wait in b, and Redis knows.
func (s *server) queued(b *Budget, class Class, n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		state, err := b.State(context.Background())
		return err == nil && state.Waiting[class] == n
	}, soon, 2*time.Millisecond)
}

func rangeAbove(score int) *redis.ZRangeBy {
	return &redis.ZRangeBy{Min: "(" + strconv.Itoa(score), Max: "+inf"}
}

// scriptCalls is how many scripts the server has run; the in-process one does not count them.
func (s *server) scriptCalls() (calls int64) {
	s.t.Helper()
	if !s.Real() {
		return 0
	}
	info, err := s.rdb.Info(background, "commandstats").Result()
	require.NoError(s.t, err)
	for _, m := range regexp.MustCompile(`cmdstat_eval(?:sha)?:calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		n, err := strconv.ParseInt(m[1], 10, 64)
		require.NoError(s.t, err)
		calls += n
	}
	return calls
}
