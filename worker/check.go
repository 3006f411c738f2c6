package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
)

// askCheck looks an account up, and says how it went; the row has the facts.
func (w *Worker) askCheck(ctx context.Context, t queue.Task) error {
	verdict, err := w.lookUp(ctx, t.CheckID)
	return w.answered(ctx, t, verdict, err)
}

// askTargets reads whose accounts the upstream looks up, and keeps the list.
func (w *Worker) askTargets(ctx context.Context, t queue.Task) error {
	err := w.readTargets(ctx, t.Targets)
	return w.answered(ctx, t, check.VerdictDone, err)
}

// answered tells whoever asked.
func (w *Worker) answered(ctx context.Context, t queue.Task, verdict string, err error) error {
	if err != nil {
		w.Log.WarnContext(ctx, "ask", "kind", t.Kind, "upstream", w.Client.Name, "error", err)
		verdict = check.VerdictRefused
	}
	return w.Enqueuer.ReplyVerdict(context.WithoutCancel(ctx), t.Reply, verdict)
}

func (w *Worker) lookUp(ctx context.Context, questionID int64) (verdict string, err error) {
	q, err := w.Checks.ByID(ctx, questionID)
	if errors.Is(err, check.ErrNotFound) {
		return check.VerdictStale, nil
	}
	if err != nil {
		return "", err
	}
	left := q.WaitUntil.Sub(w.Now())
	if q.State != "asking" || q.Upstream != w.Client.Name || q.Mode != w.Mode || left <= 0 {
		return check.VerdictStale, nil
	}
	if w.paused(ctx) {
		return check.VerdictRefused, w.Checks.Fail(ctx, q.ID, "", "paused by an operator")
	}
	waiting, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	a, err := w.Client.CheckAccount(waiting, q.Kind, q.Code, q.Number)
	if err != nil {
		e := upstream.AsError(err)
		return check.VerdictRefused, w.Checks.Fail(context.WithoutCancel(ctx), q.ID, e.Code, said(e))
	}
	err = w.Checks.Found(context.WithoutCancel(ctx), q, check.Answer{Valid: a.Valid, Number: a.Number, Name: a.Name})
	if errors.Is(err, check.ErrStale) {
		return check.VerdictStale, nil
	}
	return check.VerdictDone, err
}

func (w *Worker) readTargets(ctx context.Context, kind string) error {
	if kind != check.Bank && kind != check.Game {
		return fmt.Errorf("no such kind of account: %q", kind)
	}
	if w.paused(ctx) {
		return errors.New("paused by an operator")
	}
	list, err := w.Client.CheckTargets(ctx, kind)
	if e := upstream.AsError(err); e != nil && e.Class != upstream.Rejected {
		return err
	}
	// One that refuses looks none of this kind up: its list is empty.
	targets := make([]check.Target, len(list))
	for i, t := range list {
		targets[i] = check.Target{Theirs: t.Code, Name: t.Name, Type: t.Type}
	}
	return w.Checks.SaveList(context.WithoutCancel(ctx), w.Client.Name, kind, targets)
}
