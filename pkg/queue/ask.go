package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrNoAnswer is returned when no worker answered in time. What was asked may
// still be carried out; whoever asks must bear that.
var ErrNoAnswer = errors.New("queue: no answer in time")

// replyLife is how long an answer waits for whoever asked.
const replyLife = time.Minute

// Answer is a worker's reply to a question that a merchant waits for.
type Answer struct {
	Data json.RawMessage `json:"data,omitempty"`
	// Refused says that the upstream had no answer; nothing of its words is kept.
	Refused bool `json:"refused,omitempty"`
}

// Ask puts a question about an offer to the workers of an upstream and waits for
// the answer until ctx ends: at most once, and fails with [ErrNoAnswer].
func (e *Enqueuer) Ask(ctx context.Context, upstream, kind string, offerID int64) (*Answer, error) {
	return e.ask(ctx, upstream, Task{Kind: kind, OfferID: offerID})
}

// AskDeposit asks the workers of a gateway something about a deposit, and gives
// their verdict; like Ask. What they did is in the deposit's row.
func (e *Enqueuer) AskDeposit(ctx context.Context, gateway, kind string, depositID int64, attempt int) (verdict string, err error) {
	return e.verdict(ctx, gateway, Task{Kind: kind, DepositID: depositID, Attempt: attempt})
}

// AskInquiry asks the workers of an upstream for a bill, and gives their verdict; like
// Ask. What they found is in the inquiry's row.
func (e *Enqueuer) AskInquiry(ctx context.Context, upstream string, inquiryID int64) (verdict string, err error) {
	return e.verdict(ctx, upstream, Task{Kind: "inquiry", InquiryID: inquiryID})
}

// AskCheck asks the workers of an upstream to look an account up, and gives their
// verdict; like Ask. What they found is in the question's row.
func (e *Enqueuer) AskCheck(ctx context.Context, upstream string, checkID int64) (verdict string, err error) {
	return e.verdict(ctx, upstream, Task{Kind: "check", CheckID: checkID})
}

// AskTargets asks the workers of an upstream whose accounts of a kind it looks up, and
// gives their verdict; like Ask. They keep the list.
func (e *Enqueuer) AskTargets(ctx context.Context, upstream, kind string) (verdict string, err error) {
	return e.verdict(ctx, upstream, Task{Kind: "targets", Targets: kind})
}

// KindPrice is the kind of question that asks for the price of one offer.
const KindPrice = "price"

// AskPrice asks the workers of an upstream the nth question about the price of an offer,
// and gives their verdict; like Ask. What they learnt is in the catalogue.
func (e *Enqueuer) AskPrice(ctx context.Context, upstream string, offerID int64, n int) (verdict string, err error) {
	return e.verdict(ctx, upstream, Task{Kind: KindPrice, OfferID: offerID, Attempt: n})
}

func (e *Enqueuer) verdict(ctx context.Context, upstream string, t Task) (verdict string, err error) {
	a, err := e.ask(ctx, upstream, t)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(a.Data, &verdict); err != nil {
		return "", fmt.Errorf("queue: verdict: %w", err)
	}
	return verdict, nil
}

// ReplyVerdict answers the questions that want a verdict.
func (e *Enqueuer) ReplyVerdict(ctx context.Context, reply, verdict string) error {
	body, err := json.Marshal(verdict)
	if err != nil {
		return fmt.Errorf("queue: verdict: %w", err)
	}
	return e.Reply(ctx, reply, Answer{Data: body})
}

func (e *Enqueuer) ask(ctx context.Context, upstream string, t Task) (*Answer, error) {
	began := time.Now()
	a, err := e.await(ctx, upstream, t)
	e.metrics.asked(ctx, upstream, t.Kind, time.Since(began), a, err)
	return a, err
}

// await puts a question and waits for its answer.
func (e *Enqueuer) await(ctx context.Context, upstream string, t Task) (*Answer, error) {
	t.Reply = "muara:reply:" + rand.Text()
	timeout := turnTimeout
	if at, ok := ctx.Deadline(); ok {
		timeout = time.Until(at)
	}
	if err := e.put(ctx, TypeAsk, Ask(upstream), t.Reply, t, max(timeout, time.Second)); err != nil {
		return nil, err
	}
	got, err := e.rdb.BLPop(ctx, max(timeout, time.Second), t.Reply).Result()
	if errors.Is(err, redis.Nil) || ctx.Err() != nil {
		return nil, ErrNoAnswer
	}
	if err != nil {
		return nil, fmt.Errorf("queue: reply: %w", err)
	}
	var a Answer
	if err := json.Unmarshal([]byte(got[1]), &a); err != nil {
		return nil, fmt.Errorf("queue: reply: %w", err)
	}
	return &a, nil
}

// Reply answers a question; one whose asker has left is forgotten after a minute.
func (e *Enqueuer) Reply(ctx context.Context, reply string, a Answer) error {
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("queue: reply: %w", err)
	}
	_, err = e.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.RPush(ctx, reply, body)
		p.Expire(ctx, reply, replyLife)
		return nil
	})
	if err != nil {
		return fmt.Errorf("queue: reply: %w", err)
	}
	return nil
}
