package merchant

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testredis"
)

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// seed lets n requests of a wallet have been counted, the first of them age ago by Redis's clock and the others after it by step.
func seed(t *testing.T, rdb redis.UniversalClient, wallet int64, n int, age, step time.Duration) {
	t.Helper()
	now, err := rdb.Time(t.Context()).Result()
	require.NoError(t, err)
	times := make([]any, n)
	for i := range times {
		times[i] = now.Add(-age + time.Duration(i)*step).UnixMicro()
	}
	require.NoError(t, rdb.Del(t.Context(), limitKey(wallet)).Err())
	require.NoError(t, rdb.RPush(t.Context(), limitKey(wallet), times...).Err())
}

func TestTheFullNumberIsLetThroughAndNotOneMore(t *testing.T) {
	t.Parallel()
	l := NewLimiter(testredis.New(t), 0, time.Now, silent())
	for i := range DefaultLimit {
		v := l.Count(t.Context(), 7)
		require.True(t, v.Allowed)
		require.Equal(t, DefaultLimit, v.Limit)
		require.Equal(t, DefaultLimit-1-i, v.Remaining)
		require.Positive(t, v.Reset)
		require.LessOrEqual(t, v.Reset, LimitWindow)
	}
	v := l.Count(t.Context(), 7)
	require.False(t, v.Allowed)
	require.Zero(t, v.Remaining)
	require.True(t, l.Count(t.Context(), 8).Allowed, "another wallet is not concerned")
}

func TestManyProcessesShareOneLimit(t *testing.T) {
	t.Parallel()
	var allowed atomic.Int64
	var wg sync.WaitGroup
	rdb := testredis.New(t)
	for range 4 {
		l := NewLimiter(rdb, 50, time.Now, silent())
		for range 40 {
			wg.Go(func() {
				if l.Count(t.Context(), 1).Allowed {
					allowed.Add(1)
				}
			})
		}
	}
	wg.Wait()
	require.EqualValues(t, 50, allowed.Load())
}

func TestTheWindowSlides(t *testing.T) {
	t.Parallel()
	rdb := testredis.New(t)
	l := NewLimiter(rdb, 120, time.Now, silent())
	// Half of the number 50 s ago, half just now: nothing more until the first half leaves, and then half of it at once, not all.
	seed(t, rdb, 1, 120, 50*time.Second, 400*time.Millisecond)
	v := l.Count(t.Context(), 1)
	require.False(t, v.Allowed)
	require.InDelta(t, 10, v.Reset.Seconds(), 2, "one more is allowed when the oldest is 60 s old")
	seed(t, rdb, 1, 120, 60*time.Second+400*time.Millisecond, 400*time.Millisecond)
	v = l.Count(t.Context(), 1)
	require.True(t, v.Allowed)
	require.LessOrEqual(t, v.Remaining, 110, "only what is 60 s old has left the window")
	seed(t, rdb, 1, 120, 2*time.Minute, time.Millisecond)
	v = l.Count(t.Context(), 1)
	require.True(t, v.Allowed)
	require.Equal(t, 119, v.Remaining)
}

func TestARefusedRequestDoesNotCount(t *testing.T) {
	t.Parallel()
	rdb := testredis.New(t)
	l := NewLimiter(rdb, 3, time.Now, silent())
	for range 10 {
		l.Count(t.Context(), 1)
	}
	require.EqualValues(t, 3, rdb.LLen(t.Context(), limitKey(1)).Val())
}

func TestLookingDoesNotCount(t *testing.T) {
	t.Parallel()
	l := NewLimiter(testredis.New(t), 3, time.Now, silent())
	v := l.Look(t.Context(), 1)
	require.True(t, v.Allowed)
	require.Equal(t, 3, v.Remaining)
	require.Zero(t, v.Reset, "the full number is there now")
	l.Count(t.Context(), 1)
	require.Equal(t, 2, l.Look(t.Context(), 1).Remaining)
	require.Equal(t, 2, l.Look(t.Context(), 1).Remaining)
}

func TestBelowZeroThereIsNoLimit(t *testing.T) {
	t.Parallel()
	l := NewLimiter(nil, -1, time.Now, silent())
	for range 500 {
		require.Equal(t, Verdict{Allowed: true}, l.Count(t.Context(), 1))
	}
}

func TestTheLimitIsOneCallAndItsKeyEnds(t *testing.T) {
	t.Parallel()
	rdb := testredis.New(t)
	l := NewLimiter(rdb, 3, time.Now, silent())
	l.Count(t.Context(), 1) // loads the script
	calls := &callCounter{}
	rdb.AddHook(calls)
	l.Count(t.Context(), 1)
	require.EqualValues(t, 1, calls.n.Load())
	ttl := rdb.PTTL(t.Context(), limitKey(1)).Val()
	require.Greater(t, ttl, 50*time.Second)
	require.LessOrEqual(t, ttl, LimitWindow)
}

type callCounter struct{ n atomic.Int64 }

func (c *callCounter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *callCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c *callCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.n.Add(int64(len(cmds)))
		return next(ctx, cmds)
	}
}

func TestWithoutRedisAProcessCountsAlone(t *testing.T) {
	t.Parallel()
	away := redis.NewClient(&redis.Options{Network: "unix", Addr: t.TempDir() + "/none", MaxRetries: -1})
	t.Cleanup(func() { _ = away.Close() })
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	l := NewLimiter(away, 3, func() time.Time { return now }, silent())
	for i := range 3 {
		v := l.Count(t.Context(), 1)
		require.True(t, v.Allowed, "fails open")
		require.Equal(t, 2-i, v.Remaining)
	}
	v := l.Count(t.Context(), 1)
	require.False(t, v.Allowed)
	require.Equal(t, time.Minute, v.Reset)
	require.Equal(t, time.Duration(0), l.Look(t.Context(), 2).Reset)
	now = now.Add(time.Minute)
	require.True(t, l.Count(t.Context(), 1).Allowed, "the window slides here too")
}

func TestRedisIsAskedAgainAfterARest(t *testing.T) {
	t.Parallel()
	rdb := testredis.New(t)
	now := time.Now()
	l := NewLimiter(rdb, 3, func() time.Time { return now }, silent())
	l.restUntil.Store(now.Add(limitRest).UnixNano())
	l.Count(t.Context(), 1)
	require.Zero(t, rdb.Exists(t.Context(), limitKey(1)).Val())
	now = now.Add(limitRest)
	l.Count(t.Context(), 1)
	require.EqualValues(t, 1, rdb.LLen(t.Context(), limitKey(1)).Val())
}

func TestCountingAloneIsBounded(t *testing.T) {
	t.Parallel()
	c := newAloneCounter(3, time.Minute)
	for w := range int64(maxAlone + 10) {
		c.count(w, 1, time.Unix(0, 0))
	}
	require.LessOrEqual(t, len(c.times), maxAlone)
}
