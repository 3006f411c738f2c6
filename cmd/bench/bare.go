package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"github.com/muarahq/muara/pkg/queue"
)

// bareConcurrency is what a worker has for purchases by default.
const bareConcurrency = 32

// bareTasks gives the tasks per second of Asynq alone through this Redis: enqueued by as many as send orders, with ids and
// payloads like ours, and done by a handler that does nothing.
func (l *lab) bareTasks(ctx context.Context) (perSecond float64, used string, err error) {
	total := int64(l.o.pipeline)
	l.say("(c) %d bare tasks", total)
	if err := l.redis.FlushDB(ctx).Err(); err != nil {
		return 0, "", err
	}
	var done atomic.Int64
	server := asynq.NewServerFromRedisClient(l.redis, asynq.Config{
		Concurrency: bareConcurrency, Queues: map[string]int{"bare": 1}, LogLevel: asynq.ErrorLevel, TaskCheckInterval: 100 * time.Millisecond,
	})
	if err := server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		done.Add(1)
		return nil
	})); err != nil {
		return 0, "", err
	}
	defer server.Shutdown()
	client := asynq.NewClientFromRedisClient(l.redis)
	watch := l.meter.watch()
	begun := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, l.o.conns)
	for range l.o.conns {
		wg.Go(func() {
			for n := next.Add(1); n <= total; n = next.Add(1) {
				id := strconv.FormatInt(n, 10)
				_, err := client.EnqueueContext(ctx, asynq.NewTask(queue.TypeBuy, []byte(`{"order":`+id+`}`)), asynq.Queue("bare"), asynq.TaskID("bare:"+id))
				if err != nil {
					errs <- fmt.Errorf("enqueue: %w", err)
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return 0, "", err
	default:
	}
	if err := until(ctx, time.Millisecond, func() (bool, error) { return done.Load() >= total, nil }); err != nil {
		return 0, "", err
	}
	perSecond = float64(total) / time.Since(begun).Seconds()
	watch.stop()
	return perSecond, watch.each(perSecond), nil
}
