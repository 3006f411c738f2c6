package merchant

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// DefaultLimit is how many requests a wallet may send in any [LimitWindow] ("Ground rules" of the merchant API).
	DefaultLimit = 120
	// LimitWindow is what the limit counts over.
	LimitWindow = time.Minute

	// limitTimeout bounds the wait for Redis: an order must not wait for a limit.
	limitTimeout = 250 * time.Millisecond
	// limitRest is how long Redis is left alone after it did not answer.
	limitRest = time.Second
	// maxAlone bounds the wallets that are counted without Redis.
	maxAlone = 50_000
)

// countScript keeps the times of the requests that were let through, oldest
// first, and lets one more through while fewer than the limit lie inside the
// window: a true sliding window, on the clock of Redis alone. With cost 0 it
// only looks.
//
// KEYS[1] the wallet's list; ARGV limit, window in microseconds, cost.
// Gives {allowed, remaining, microseconds until reset}.
const countScript = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local head = redis.call('LINDEX', KEYS[1], 0)
while head and tonumber(head) <= now - window do
  redis.call('LPOP', KEYS[1])
  head = redis.call('LINDEX', KEYS[1], 0)
end
local n = redis.call('LLEN', KEYS[1])
local allowed = 1
if n + cost > limit then
  allowed = 0
elseif cost > 0 then
  redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
  n = n + 1
end
local reset = 0
if n >= limit then
  reset = redis.call('LINDEX', KEYS[1], 0) + window - now
elseif n > 0 then
  reset = redis.call('LINDEX', KEYS[1], -1) + window - now
end
if reset > window then reset = window end
return {allowed, math.max(limit - n, 0), string.format('%.0f', reset)}
`

// Verdict is what the limit says about one request.
type Verdict struct {
	Allowed bool
	// Limit zero means that there is none.
	Limit     int
	Remaining int
	// Reset is when one more is allowed, if none remain, else when the full number is back.
	Reset time.Duration
}

// Limiter counts the requests of wallets, together with every other process.
type Limiter struct {
	rdb    redis.UniversalClient
	script *redis.Script
	limit  int
	window time.Duration
	now    func() time.Time
	log    *slog.Logger
	// restUntil is when Redis is tried again, in Unix nanoseconds.
	restUntil atomic.Int64
	alone     *aloneCounter
}

// NewLimiter counts in rdb. limit zero is [DefaultLimit]; below zero there is no limit.
func NewLimiter(rdb redis.UniversalClient, limit int, now func() time.Time, log *slog.Logger) *Limiter {
	if limit == 0 {
		limit = DefaultLimit
	}
	return &Limiter{
		rdb: rdb, script: redis.NewScript(countScript), limit: limit, window: LimitWindow, now: now, log: log,
		alone: newAloneCounter(limit, LimitWindow),
	}
}

// Count counts a request of a wallet and tells whether it may go on.
func (l *Limiter) Count(ctx context.Context, walletID int64) Verdict { return l.ask(ctx, walletID, 1) }

// Look tells how much is left without counting.
func (l *Limiter) Look(ctx context.Context, walletID int64) Verdict { return l.ask(ctx, walletID, 0) }

// ask fails open: without Redis this process counts alone. With n processes a
// merchant may then send n times the limit, which capacity bears and money does not notice.
func (l *Limiter) ask(ctx context.Context, walletID int64, cost int) Verdict {
	if l.limit < 0 {
		return Verdict{Allowed: true}
	}
	now := l.now()
	if now.UnixNano() < l.restUntil.Load() {
		return l.alone.count(walletID, cost, now)
	}
	v, err := l.askRedis(ctx, walletID, cost)
	if err == nil {
		return v
	}
	if ctx.Err() == nil {
		l.restUntil.Store(now.Add(limitRest).UnixNano())
		l.log.WarnContext(ctx, "the rate limit is counted in this process alone", "error", err)
	}
	return l.alone.count(walletID, cost, now)
}

func (l *Limiter) askRedis(ctx context.Context, walletID int64, cost int) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, limitTimeout)
	defer cancel()
	reply, err := l.script.Run(ctx, l.rdb, []string{limitKey(walletID)}, l.limit, l.window.Microseconds(), cost).Int64Slice()
	if err != nil {
		return Verdict{}, err
	}
	return Verdict{
		Allowed: reply[0] == 1, Limit: l.limit, Remaining: int(reply[1]), Reset: time.Duration(reply[2]) * time.Microsecond,
	}, nil
}

func limitKey(walletID int64) string { return "muara:limit:" + strconv.FormatInt(walletID, 10) }

// aloneCounter is the same sliding window in memory.
type aloneCounter struct {
	limit  int
	window time.Duration
	mu     sync.Mutex
	times  map[int64][]time.Time
}

func newAloneCounter(limit int, window time.Duration) *aloneCounter {
	return &aloneCounter{limit: limit, window: window, times: map[int64][]time.Time{}}
}

func (c *aloneCounter) count(walletID int64, cost int, now time.Time) Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	times := c.times[walletID]
	for len(times) > 0 && !times[0].After(now.Add(-c.window)) {
		times = times[1:]
	}
	v := Verdict{Allowed: len(times)+cost <= c.limit, Limit: c.limit}
	if v.Allowed && cost > 0 {
		times = append(times, now)
	}
	c.keep(walletID, times)
	v.Remaining = max(c.limit-len(times), 0)
	switch {
	case len(times) == 0:
	case v.Remaining == 0:
		v.Reset = times[0].Add(c.window).Sub(now)
	default:
		v.Reset = times[len(times)-1].Add(c.window).Sub(now)
	}
	return v
}

// keep stores a wallet's times. At the bound everything is dropped: too much is
// let through for a moment, which is what failing open means.
func (c *aloneCounter) keep(walletID int64, times []time.Time) {
	if len(times) == 0 {
		delete(c.times, walletID)
		return
	}
	if _, there := c.times[walletID]; !there && len(c.times) >= maxAlone {
		clear(c.times)
	}
	c.times[walletID] = times
}
