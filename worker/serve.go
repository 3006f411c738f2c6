package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
)

// Capacity is how many tasks run at once in one process.
type Capacity struct {
	// Urgent is for purchases, and a quarter of it beside that for what a merchant
	// waits for; Patient is for polls; one does balance and catalogue. None can take
	// another's: a purchase that waits for the budget keeps no cancel waiting.
	Urgent, Patient int
	// Shutdown bounds the drain; it must be longer than a call may take.
	Shutdown time.Duration
}

const (
	// laterDelay is how long a task that has to wait is put back.
	laterDelay = time.Second
	// An idle server looks for tasks this often: urgent work is at the upstream's
	// door within some tens of milliseconds. Each look wakes the process, which is
	// most of what an idle one costs.
	urgentCheck  = 40 * time.Millisecond
	patientCheck = 250 * time.Millisecond
	forwardEvery = time.Second
)

// Serve works on the queues of one upstream until ctx ends, then drains: waits
// for the budget are given up at once, calls on their way are finished.
func (w *Worker) Serve(ctx context.Context, rdb redis.UniversalClient, c Capacity) error {
	name := w.Client.Name
	one := func(queueName string, concurrency int, check time.Duration, handle map[string]func(context.Context, queue.Task) error) server {
		mux := asynq.NewServeMux()
		for kind, fn := range handle {
			mux.HandleFunc(kind, w.task(ctx, fn))
		}
		return server{asynq.NewServerFromRedisClient(rdb, config(w.Log, queueName, max(concurrency, 1), check, c.Shutdown)), mux}
	}
	type tasks = map[string]func(context.Context, queue.Task) error
	servers := []server{
		one(queue.Buy(name), c.Urgent, urgentCheck, tasks{queue.TypeBuy: w.Buy}),
		one(queue.Ask(name), c.Urgent/4, urgentCheck, tasks{queue.TypeAct: w.Act, queue.TypeAsk: w.Ask}),
		one(queue.Poll(name), c.Patient, patientCheck, tasks{queue.TypePoll: w.PollTurn, queue.TypeMoney: w.MoneyTurn}),
		one(queue.Low(name), 1, patientCheck, tasks{queue.TypeCatalog: w.CatalogTurn, queue.TypeBalance: w.BalanceTurn, queue.TypeReconcile: w.ReconcileTurn}),
	}
	if _, posts := w.Client.Driver().(upstream.Callback); posts {
		servers = append(servers, one(queue.Callback(name), c.Patient, patientCheck, tasks{queue.TypeCallback: w.Callback}))
	}
	return serve(ctx, servers...)
}

// ServeWebhooks delivers webhooks until ctx ends.
func ServeWebhooks(ctx context.Context, rdb redis.UniversalClient, log *slog.Logger, deliver func(ctx context.Context, eventID int64) error, c Capacity) error {
	mux := asynq.NewServeMux()
	mux.HandleFunc(queue.TypeWebhook, func(ctx context.Context, t *asynq.Task) error {
		p, err := queue.Parse(t)
		if err != nil {
			return fmt.Errorf("%w: %w", err, asynq.SkipRetry)
		}
		return deliver(ctx, p.EventID)
	})
	return serve(ctx, server{asynq.NewServerFromRedisClient(rdb, config(log, queue.Webhook, c.Patient, urgentCheck, c.Shutdown)), mux})
}

type server struct {
	srv *asynq.Server
	mux *asynq.ServeMux
}

func serve(ctx context.Context, servers ...server) error {
	for i, s := range servers {
		if err := s.srv.Start(s.mux); err != nil {
			for _, started := range servers[:i] {
				started.srv.Shutdown()
			}
			return fmt.Errorf("worker: start: %w", err)
		}
	}
	<-ctx.Done()
	done := make(chan struct{})
	for _, s := range servers {
		go func() {
			s.srv.Shutdown()
			done <- struct{}{}
		}()
	}
	for range servers {
		<-done
	}
	return nil
}

// config gives a server over one queue.
func config(log *slog.Logger, name string, concurrency int, check, shutdown time.Duration) asynq.Config {
	return asynq.Config{
		Concurrency: concurrency, Queues: map[string]int{name: 1},
		TaskCheckInterval: check, DelayedTaskCheckInterval: forwardEvery,
		ShutdownTimeout: shutdown,
		// Waiting is no failure; neither is anything else counted here: attempts are
		// counted in Postgres, and the scheduler finds what is overdue.
		IsFailure:      func(err error) bool { return !errors.Is(err, errLater) },
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return laterDelay },
		Logger:         asynqLog{log},
		LogLevel:       asynq.WarnLevel,
	}
}

// task adapts a handler: its ctx also ends when the process drains, so that
// nobody waits for the budget then. Calls to upstreams outlive it by themselves.
func (w *Worker) task(drain context.Context, fn func(context.Context, queue.Task) error) func(context.Context, *asynq.Task) error {
	return func(ctx context.Context, t *asynq.Task) error {
		p, err := queue.Parse(t)
		if err != nil {
			return fmt.Errorf("%w: %w", err, asynq.SkipRetry)
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stop := context.AfterFunc(drain, cancel)
		defer stop()
		err = fn(ctx, p)
		if err != nil && !errors.Is(err, errLater) {
			w.Log.WarnContext(ctx, "task", "type", t.Type(), "upstream", w.Client.Name, "order", p.OrderID, "error", err)
		}
		return err
	}
}

// CatalogTurn reads what is due of the catalogue, scope by scope, for as long as
// a turn lasts.
func (w *Worker) CatalogTurn(ctx context.Context, _ queue.Task) error {
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	for ctx.Err() == nil {
		did, err := w.Desk.CatalogTurn(ctx, w.Client)
		if err != nil {
			// The scope has its own next time; trying the task again would not wait for it.
			level := slog.LevelWarn
			if ctx.Err() != nil { // the turn ended while it waited for the budget
				level = slog.LevelDebug
			}
			w.Log.Log(ctx, level, "catalogue turn", "upstream", w.Client.Name, "error", err)
			return nil
		}
		if !did {
			return nil
		}
	}
	return nil
}

// BalanceTurn reads our balance.
func (w *Worker) BalanceTurn(ctx context.Context, _ queue.Task) error {
	if _, ok := w.Client.Driver().(upstream.Balance); !ok {
		return nil
	}
	slot, err := w.Client.Reserve(ctx, budget.Balance)
	if err == nil {
		err = w.read(ctx, slot)
	}
	err = errors.Join(err, w.told(ctx))
	if err != nil {
		w.Log.WarnContext(ctx, "balance turn", "upstream", w.Client.Name, "error", err)
	}
	return nil
}

// Ask answers a question that a merchant waits for.
func (w *Worker) Ask(ctx context.Context, t queue.Task) error {
	switch {
	case t.DepositID != 0:
		return w.askDeposit(ctx, t)
	case t.InquiryID != 0:
		return w.askInquiry(ctx, t)
	case t.CheckID != 0:
		return w.askCheck(ctx, t)
	case t.Targets != "":
		return w.askTargets(ctx, t)
	case t.Kind == queue.KindPrice:
		return w.askPrice(ctx, t)
	}
	a := queue.Answer{}
	if err := w.Desk.Operators(ctx, w.Client, t.OfferID); err != nil {
		w.Log.WarnContext(ctx, "ask", "kind", t.Kind, "upstream", w.Client.Name, "error", err)
		a.Refused = true
	}
	return w.Enqueuer.Reply(context.WithoutCancel(ctx), t.Reply, a)
}

// asynqLog passes asynq's own lines on.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug("asynq", "message", fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Info("asynq", "message", fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn("asynq", "message", fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Error("asynq", "message", fmt.Sprint(args...)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error("asynq", "message", fmt.Sprint(args...)) }
