package merchant

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// channel is what the triggers on merchants and api_keys notify.
	channel = "muara_merchant"
	// reconnectAfter is how long to wait before listening again after a failure.
	reconnectAfter = 500 * time.Millisecond
	// usageEvery is how often last_used_at is written.
	usageEvery = 30 * time.Second
	// aliveEvery is how often the listening connection is tried: a connection whose
	// other end has vanished would be silent for ever.
	aliveEvery   = 10 * time.Second
	aliveTimeout = 3 * time.Second
)

// Run listens for changes of merchants and keys until ctx ends, and writes when
// keys were last used. Whenever the connection is lost, and again once it is
// back, everything remembered is dropped: what was said in between is not known.
func (a *Authenticator) Run(ctx context.Context, log *slog.Logger) {
	var wg sync.WaitGroup
	wg.Go(func() { a.writeUsage(ctx, log) })
	defer wg.Wait()
	for ctx.Err() == nil {
		err := a.listen(ctx)
		a.cache.reset(keepDeaf)
		if ctx.Err() != nil {
			return
		}
		log.WarnContext(ctx, "merchant changes are not heard; asking the database each second", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(reconnectAfter):
		}
	}
}

// listen takes a connection of its own, since one that listens cannot be shared.
func (a *Authenticator) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, a.pool.Config().ConnConfig.Copy())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	a.cache.reset(keepFor)
	for {
		if err := a.hear(ctx, conn); err != nil {
			return err
		}
	}
}

// hear waits for one notification, and tries the connection when none came.
func (a *Authenticator) hear(ctx context.Context, conn *pgx.Conn) error {
	waiting, cancel := context.WithTimeout(ctx, aliveEvery)
	defer cancel()
	n, err := conn.WaitForNotification(waiting)
	if err == nil {
		a.cache.forget(n.Payload)
		return nil
	}
	if ctx.Err() != nil || waiting.Err() == nil {
		return err
	}
	trying, done := context.WithTimeout(ctx, aliveTimeout)
	defer done()
	return conn.Ping(trying)
}

// usage collects the keys that were looked up since last_used_at was written.
type usage struct {
	mu   sync.Mutex
	keys map[int64]struct{}
}

func newUsage() *usage { return &usage{keys: map[int64]struct{}{}} }

func (u *usage) mark(key int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.keys[key] = struct{}{}
}

func (u *usage) take() []int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	keys := make([]int64, 0, len(u.keys))
	for k := range u.keys {
		keys = append(keys, k)
	}
	clear(u.keys)
	return keys
}

func (a *Authenticator) writeUsage(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(usageEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), aliveTimeout)
			defer cancel()
			_ = a.flushUsage(last) // on the way out: when it fails, a time is a little older
			return
		case <-tick.C:
			if err := a.flushUsage(ctx); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "when keys were last used was not written", "error", err)
			}
		}
	}
}

func (a *Authenticator) flushUsage(ctx context.Context) error {
	keys := a.used.take()
	if len(keys) == 0 {
		return nil
	}
	_, err := a.pool.Exec(ctx, `UPDATE api_keys SET last_used_at = $2 WHERE id = ANY($1)`, keys, a.now())
	return err
}
