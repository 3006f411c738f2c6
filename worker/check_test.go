package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

func (s *stage) checks() *check.Keeper { return &check.Keeper{Pool: s.db.Pool, Now: s.clock} }

func TestAccountsAreLookedUpThroughTheirSource(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	ctx := t.Context()
	say := func(w *Worker, task queue.Task) string {
		task.Reply = "muara:reply:test"
		require.NoError(t, w.Ask(ctx, task))
		text, err := s.rdb.LPop(ctx, task.Reply).Result()
		require.NoError(t, err)
		return text
	}
	require.JSONEq(t, `{"data":"done"}`, say(s.b, queue.Task{Targets: check.Bank}))
	require.JSONEq(t, `{"data":"refused"}`, say(s.b, queue.Task{Targets: "odd"}))
	require.JSONEq(t, `{"data":"refused"}`, say(s.a, queue.Task{Targets: check.Bank}), "it looks nothing up")
	lists, err := s.checks().Lists(ctx, check.Bank, []string{"up-a", "up-b"})
	require.NoError(t, err)
	ways := lists.Ways([]string{"up-a", "up-b"}, "dana")
	require.Equal(t, []check.Way{{Upstream: "up-b", Code: "dana"}}, ways)

	ask := func(number string) (*check.Question, string) {
		q, err := s.checks().Begin(ctx, check.Question{Upstream: "up-b", Mode: "live", Kind: check.Bank, Code: "dana", Number: number, WaitUntil: s.now.Add(time.Second)})
		require.NoError(t, err)
		return q, say(s.b, queue.Task{CheckID: q.ID})
	}
	q, verdict := ask("081234567890")
	require.JSONEq(t, `{"data":"done"}`, verdict)
	a, err := s.checks().Answer(ctx, q.ID)
	require.NoError(t, err)
	require.True(t, a.Valid)
	require.NotEmpty(t, a.Name)
	require.JSONEq(t, `{"data":"stale"}`, say(s.b, queue.Task{CheckID: q.ID}), "it has been answered")
	require.JSONEq(t, `{"data":"stale"}`, say(s.b, queue.Task{CheckID: 5}))
	s.fault(s.otp.Core, emulate.Rule{Kind: emulate.Drop})
	q, verdict = ask("0855")
	require.JSONEq(t, `{"data":"refused"}`, verdict)
	a, err = s.checks().Answer(ctx, q.ID)
	require.NoError(t, err)
	require.Nil(t, a)
	late, err := s.checks().Begin(ctx, check.Question{Upstream: "up-b", Mode: "live", Kind: check.Bank, Code: "dana", Number: "1", WaitUntil: s.now})
	require.NoError(t, err)
	require.JSONEq(t, `{"data":"stale"}`, say(s.b, queue.Task{CheckID: late.ID}), "nobody waits any more")
}
