package api

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// tellers is how many messages may be on their way to Redis at once.
	tellers = 8
	// untold bounds the messages that wait.
	untold = 16_384
	// tellTimeout bounds one message.
	tellTimeout = 2 * time.Second
)

// teller tells workers about orders without keeping the merchant waiting. It may
// lose messages (Redis away, too many waiting, a killed process): the row is due,
// and the scheduler finds it.
type teller struct {
	queue    Queue
	log      *slog.Logger
	mu       sync.RWMutex // guards closing messages against sending to it
	closed   bool
	messages chan func(context.Context) error
	done     sync.WaitGroup
}

func newTeller(queue Queue, log *slog.Logger) *teller {
	t := &teller{queue: queue, log: log, messages: make(chan func(context.Context) error, untold)}
	if queue == nil {
		return t
	}
	for range tellers {
		t.done.Go(t.work)
	}
	return t
}

func (t *teller) work() {
	for message := range t.messages {
		ctx, cancel := context.WithTimeout(context.Background(), tellTimeout)
		if err := message(ctx); err != nil {
			t.log.Warn("a worker was not told; the scheduler will find the order", "error", err)
		}
		cancel()
	}
}

func (t *teller) buy(upstream string, orderID int64, attempts int) {
	t.put(func(ctx context.Context) error { return t.queue.Buy(ctx, upstream, orderID, attempts, 0) })
}

func (t *teller) act(upstream string, orderID, version int64) {
	t.put(func(ctx context.Context) error { return t.queue.Act(ctx, upstream, orderID, version) })
}

func (t *teller) webhook(eventID int64) {
	t.put(func(ctx context.Context) error { return t.queue.Webhook(ctx, eventID, 0, 0) })
}

func (t *teller) callback(upstream string, id int64) {
	t.put(func(ctx context.Context) error { return t.queue.Callback(ctx, upstream, id, 0, 0) })
}

func (t *teller) put(message func(context.Context) error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed || t.queue == nil {
		return
	}
	select {
	case t.messages <- message:
	default:
	}
}

// close tells what waits, until ctx ends.
func (t *teller) close(ctx context.Context) {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		close(t.messages)
	}
	t.mu.Unlock()
	told := make(chan struct{})
	go func() {
		t.done.Wait()
		close(told)
	}()
	select {
	case <-told:
	case <-ctx.Done():
	}
}
