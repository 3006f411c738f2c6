package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/testredis"
)

// counted reads muara_asks_total by "upstream kind outcome", and the waits that muara_ask_seconds has seen in all.
func counted(t *testing.T, reg *prometheus.Registry) (asks map[string]int, waits int) {
	t.Helper()
	all, err := reg.Gather()
	require.NoError(t, err)
	asks = map[string]int{}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			label := map[string]string{}
			for _, l := range m.GetLabel() {
				label[l.GetName()] = l.GetValue()
			}
			switch family.GetName() {
			case "muara_asks_total":
				asks[label["upstream"]+" "+label["kind"]+" "+label["outcome"]] += int(m.GetCounter().GetValue())
			case "muara_ask_seconds":
				require.Len(t, label, 2)
				waits += int(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return asks, waits
}

func TestEveryQuestionIsCountedWhereItsAskerWaits(t *testing.T) {
	t.Parallel()
	redis := testredis.StartServer(t)
	reg := prometheus.NewRegistry()
	e := queue.New(redis.Client(t)).Measured(reg)

	// A worker of "hulu" that answers as the question's number wants it. Nobody serves "hilir".
	verdicts := []string{
		inquiry.VerdictFound, inquiry.VerdictNoBill, inquiry.VerdictDisturbed, inquiry.VerdictRefused, inquiry.VerdictStale,
		check.VerdictDone, check.VerdictRefused, check.VerdictStale, deposit.Done, deposit.Refused, deposit.Stale, "of a later version",
	}
	ctx, cancel := context.WithCancel(t.Context())
	worker := asynq.NewServerFromRedisClient(redis.Client(t), asynq.Config{
		Queues: map[string]int{queue.Ask("hulu"): 1}, TaskCheckInterval: 10 * time.Millisecond, LogLevel: asynq.FatalLevel,
	})
	require.NoError(t, worker.Start(asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		q, err := queue.Parse(task)
		if err != nil {
			return err
		}
		switch {
		case q.InquiryID != 0:
			return e.ReplyVerdict(ctx, q.Reply, verdicts[q.InquiryID-1])
		case q.CheckID != 0:
			cancel() // whoever asked hangs up
			return nil
		}
		return e.Reply(ctx, q.Reply, queue.Answer{Refused: q.OfferID == 2})
	})))
	defer worker.Shutdown()

	want := map[string]int{}
	for i, verdict := range verdicts {
		got, err := e.AskInquiry(t.Context(), "hulu", int64(i+1))
		require.NoError(t, err)
		require.Equal(t, verdict, got)
		if i == len(verdicts)-1 {
			verdict = "other" // the label's values stay a closed set, whatever workers answer
		}
		want["hulu inquiry "+verdict]++
	}
	for offer, outcome := range map[int64]string{1: "done", 2: "refused"} {
		_, err := e.Ask(t.Context(), "hulu", "operators", offer)
		require.NoError(t, err)
		want["hulu operators "+outcome]++
	}
	short, end := context.WithTimeout(t.Context(), 2*time.Second)
	defer end()
	_, err := e.AskDeposit(short, "hilir", deposit.AskInvoice, 1, 1)
	require.ErrorIs(t, err, queue.ErrNoAnswer)
	want["hilir invoice no_answer"]++
	leaving, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	_, err = e.AskCheck(leaving, "hulu", 1)
	require.ErrorIs(t, err, queue.ErrNoAnswer)
	want["hulu check left"]++

	asks, waits := counted(t, reg)
	require.Equal(t, want, asks)
	require.Equal(t, len(verdicts)+4, waits)
}

func TestAQuestionThatRedisDoesNotTakeIsAnError(t *testing.T) {
	t.Parallel()
	redis := testredis.StartServer(t)
	reg := prometheus.NewRegistry()
	e := queue.New(redis.Client(t)).Measured(reg)
	redis.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := e.AskTargets(ctx, "hulu", check.Bank)
	require.Error(t, err)
	asks, waits := counted(t, reg)
	require.Equal(t, map[string]int{"hulu targets error": 1}, asks)
	require.Equal(t, 1, waits)
}
