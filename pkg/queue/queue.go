package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Task types.
const (
	TypeBuy     = "buy"
	TypeAct     = "act"
	TypePoll    = "poll"
	TypeAsk     = "ask"
	TypeCatalog = "catalog"
	TypeBalance = "balance"
	TypeWebhook = "webhook"
	TypeMoney   = "money"
	// TypeReconcile is a turn at the comparison of a day.
	TypeReconcile = "reconcile"
	// TypeCallback is what a source posted, to be read.
	TypeCallback = "callback"
)

// Webhook is the queue of outgoing webhooks.
const Webhook = "webhook"

// Buy is the queue of purchases at an upstream, the most urgent of its five.
func Buy(upstream string) string { return "u:" + upstream + ":buy" }

// Ask is the queue of what a merchant waits for.
func Ask(upstream string) string { return "u:" + upstream + ":ask" }

// Poll is the queue of poll turns.
func Poll(upstream string) string { return "u:" + upstream + ":poll" }

// Low is the queue of what can wait: balance, catalogue and reconciliation.
func Low(upstream string) string { return "u:" + upstream + ":low" }

// Callback is the queue of what an upstream posted to us. It costs no request, and a
// storm of it keeps nothing else waiting.
func Callback(upstream string) string { return "u:" + upstream + ":callback" }

// Names are all queues of an upstream.
func Names(upstream string) []string {
	return []string{Buy(upstream), Ask(upstream), Poll(upstream), Low(upstream), Callback(upstream)}
}

const (
	// retries is generous: business attempts are counted in Postgres, and a task
	// that meets its limit is archived by a mere wait.
	retries = 1000
	// buyTimeout bounds a purchase task: the wait for the budget and the call.
	buyTimeout = 15 * time.Minute
	// turnTimeout bounds a poll or catalogue turn.
	turnTimeout = 2 * time.Minute
	sendTimeout = 2 * time.Minute
)

// Task is a payload: ids only.
type Task struct {
	OrderID int64  `json:"order,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	EventID int64  `json:"event,omitempty"`
	Reply   string `json:"reply,omitempty"`
	Kind    string `json:"kind,omitempty"`
	// OfferID is the offer that a question is about; of one about its price Attempt is which.
	OfferID int64 `json:"offer,omitempty"`
	// CallbackID is what was posted.
	CallbackID int64 `json:"callback,omitempty"`
	// DepositID is the deposit that a question is about; Attempt is its own then.
	DepositID int64 `json:"deposit,omitempty"`
	// InquiryID is the inquiry that a question is about.
	InquiryID int64 `json:"inquiry,omitempty"`
	// CheckID is the account that is to be looked up, and Targets the kind of accounts whose
	// list is wanted.
	CheckID int64  `json:"check,omitempty"`
	Targets string `json:"targets,omitempty"`
}

// Parse reads a payload.
func Parse(t *asynq.Task) (Task, error) {
	var out Task
	if err := json.Unmarshal(t.Payload(), &out); err != nil {
		return Task{}, fmt.Errorf("queue: payload of %s: %w", t.Type(), err)
	}
	return out, nil
}

// Enqueuer puts tasks into queues.
type Enqueuer struct {
	client  *asynq.Client
	rdb     redis.UniversalClient
	metrics *askMetrics
}

// New enqueues through rdb, which stays the caller's to close.
func New(rdb redis.UniversalClient) *Enqueuer {
	return &Enqueuer{client: asynq.NewClientFromRedisClient(rdb), rdb: rdb}
}

// Generation numbers the five-minute periods since a row last changed.
func Generation(since, now time.Time) int64 {
	return max(int64(now.Sub(since)/(5*time.Minute)), 0)
}

// Buy asks a worker of upstream to send an order that has had attempts so far.
func (e *Enqueuer) Buy(ctx context.Context, upstream string, orderID int64, attempts int, gen int64) error {
	id := "buy:" + strconv.FormatInt(orderID, 10) + ":" + strconv.Itoa(attempts) + ":" + upstream + ":" + strconv.FormatInt(gen, 10)
	return e.put(ctx, TypeBuy, Buy(upstream), id, Task{OrderID: orderID, Attempt: attempts}, buyTimeout)
}

// Act asks for a merchant's wish about an order to be carried out.
func (e *Enqueuer) Act(ctx context.Context, upstream string, orderID, version int64) error {
	id := "act:" + strconv.FormatInt(orderID, 10) + ":" + strconv.FormatInt(version, 10)
	return e.put(ctx, TypeAct, Ask(upstream), id, Task{OrderID: orderID}, turnTimeout)
}

// PollTurn asks for a turn of questions about what is due. A turn of the same
// lane that waits or runs is enough: turns go on while there is work, and do not
// pile up. gen gets past one that is stuck.
func (e *Enqueuer) PollTurn(ctx context.Context, upstream string, lane int, gen int64) error {
	id := "poll:" + upstream + ":" + strconv.Itoa(lane) + ":" + strconv.FormatInt(gen, 10)
	return e.put(ctx, TypePoll, Poll(upstream), id, Task{}, turnTimeout)
}

// CatalogTurn asks for a turn at the catalogue; one that waits or runs is enough.
func (e *Enqueuer) CatalogTurn(ctx context.Context, upstream string, gen int64) error {
	return e.put(ctx, TypeCatalog, Low(upstream), "catalog:"+upstream+":"+strconv.FormatInt(gen, 10), Task{}, turnTimeout)
}

// ReconcileTurn asks for a turn at comparing books with the upstream; one that waits or
// runs is enough.
func (e *Enqueuer) ReconcileTurn(ctx context.Context, upstream string, gen int64) error {
	return e.put(ctx, TypeReconcile, Low(upstream), "reconcile:"+upstream+":"+strconv.FormatInt(gen, 10), Task{}, turnTimeout)
}

// BalanceTurn asks for our balance at the upstream.
func (e *Enqueuer) BalanceTurn(ctx context.Context, upstream string, slot int64) error {
	return e.put(ctx, TypeBalance, Low(upstream), "balance:"+upstream+":"+strconv.FormatInt(slot, 10), Task{}, turnTimeout)
}

// MoneyTurn asks for a turn at deposits and withdrawals; one that waits or runs is
// enough.
func (e *Enqueuer) MoneyTurn(ctx context.Context, upstream string, gen int64) error {
	return e.put(ctx, TypeMoney, Poll(upstream), "money:"+upstream+":"+strconv.FormatInt(gen, 10), Task{}, turnTimeout)
}

// Webhook asks for an event to be delivered, having been tried attempts times.
func (e *Enqueuer) Webhook(ctx context.Context, eventID int64, attempts int, gen int64) error {
	id := "webhook:" + strconv.FormatInt(eventID, 10) + ":" + strconv.Itoa(attempts) + ":" + strconv.FormatInt(gen, 10)
	return e.put(ctx, TypeWebhook, Webhook, id, Task{EventID: eventID}, sendTimeout)
}

// Callback asks a worker of upstream to read what it posted, having tried attempts
// times.
func (e *Enqueuer) Callback(ctx context.Context, upstream string, id int64, attempts int, gen int64) error {
	task := "callback:" + strconv.FormatInt(id, 10) + ":" + strconv.Itoa(attempts) + ":" + strconv.FormatInt(gen, 10)
	return e.put(ctx, TypeCallback, Callback(upstream), task, Task{CallbackID: id}, turnTimeout)
}

func (e *Enqueuer) put(ctx context.Context, kind, queue, id string, payload Task, timeout time.Duration) error {
	body, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("queue: payload: %w", err)
	}
	_, err = e.client.EnqueueContext(ctx, asynq.NewTask(kind, body),
		asynq.Queue(queue), asynq.TaskID(id), asynq.MaxRetry(retries), asynq.Timeout(timeout))
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
		return fmt.Errorf("queue: %s: %w", kind, err)
	}
	return nil
}
