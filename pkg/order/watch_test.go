package order

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/float"
)

// watch is how a claim at a watched account is made.
var watch = float.Watch{Ripe: 50 * time.Second, Keeps: 15 * time.Minute}

func (s *scene) claimed(ref string) *Order {
	s.t.Helper()
	return s.do(s.place(rented(s.wallet, ref)), Step{To: Sending, Watch: &watch})
}

// move reads how a purchase stands on its account.
func (s *scene) move(o *Order) *float.Move {
	s.t.Helper()
	b, err := float.Open(s.t.Context(), s.db.Pool, "up-b", 0, Move(o.ID, o.Attempt), time.Time{}, s.now)
	require.NoError(s.t, err)
	return b.Move(Move(o.ID, o.Attempt))
}

func TestNothingIsSentBesideAPurchaseWhoseOutcomeIsOpen(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	lost := s.claimed("lost")
	beside := s.claimed("beside")
	other := s.place(rented(s.wallet, "other"))
	s.do(lost, Step{To: Unknown})
	_, err := s.try(other, Step{From: Queued, To: Sending, Watch: &watch})
	require.ErrorIs(t, err, ErrHeld)
	require.NoError(t, s.w.errOf(Step{OrderID: other.ID, From: Queued, To: Queued, Route: &Route{Upstream: "up-a", OfferID: 1, Code: "X", Cost: 1}}))
	s.do(other, Step{From: Queued, To: Sending}) // another source is another account
	s.do(beside, Step{To: Processing, UpstreamRef: "T2"})

	waiting := s.place(rented(s.wallet, "waiting"))
	for name, step := range map[string]Step{
		"it was not bought":          {From: Unknown, To: Queued, Outcome: OutcomeNotBought},
		"it is an orphan":            {From: Unknown, Stand: float.Orphan},
		"nobody can tell any more":   {From: Unknown, Stand: float.Spoilt, Flag: "look"},
		"an operator says it failed": {From: Unknown, To: Failed, Outcome: "failed", Cause: causeOperator},
		"its answer came after all":  {Sends: 1, To: Processing, UpstreamRef: "T1"},
	} {
		_, err = s.try(waiting, Step{From: Queued, To: Sending, Watch: &watch})
		require.ErrorIs(t, err, ErrHeld, name)
		s.do(lost, step)
		s.do(waiting, Step{From: Queued, To: Sending, Watch: &watch})
		lost, waiting = waiting, s.place(rented(s.wallet, name))
		s.do(lost, Step{To: Unknown})
	}
	s.verify(t)
}

// errOf takes a step and gives its error.
func (w *Writer) errOf(s Step) error {
	_, err := w.Do(context.Background(), s)
	return err
}

func TestAPurchaseThatNobodyCanBeSendingKeepsOthersBackToo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.claimed("frozen")
	o := s.place(rented(s.wallet, "r2"))
	s.now = s.now.Add(watch.Ripe)
	_, err := s.try(o, Step{From: Queued, To: Sending, Watch: &watch})
	require.ErrorIs(t, err, ErrHeld, "nobody has called it unknown yet, and nobody is waiting for its answer")
}

func TestAHoldEndsByItself(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.do(s.claimed("r1"), Step{To: Completed})
	until := s.now.Add(time.Minute)
	require.NoError(t, float.Hold(t.Context(), s.db.Pool, "up-b", until))
	o := s.place(rented(s.wallet, "r2"))
	_, err := s.try(o, Step{From: Queued, To: Sending, Watch: &watch})
	require.ErrorIs(t, err, ErrHeld)
	held, err := float.HeldBack(t.Context(), s.db.Pool, "up-b", s.now)
	require.NoError(t, err)
	require.True(t, held)
	s.now = until
	s.do(o, Step{From: Queued, To: Sending, Watch: &watch})
}

// Of many claims and doubts at once, in two processes, no claim is committed after a
// doubt is there.
func TestClaimsAndDoubtsOfTwoProcessesDoNotCross(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	writers := []*Writer{s.w, s.writer(t, nil)}
	for round := range 12 {
		var sending, queued []*Order
		for i := range 8 {
			sending = append(sending, s.claimed(fmt.Sprint("s", round, "-", i)))
			queued = append(queued, s.place(rented(s.wallet, fmt.Sprint("q", round, "-", i))))
		}
		var claimed, held atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if i%4 == 0 {
					if _, err := writers[i/4%2].Do(context.Background(), Step{OrderID: sending[i].ID, Attempt: 1, From: Sending, To: Unknown, Cause: "test"}); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				_, err := writers[i%2].Do(context.Background(), Step{OrderID: queued[i].ID, From: Queued, To: Sending, Watch: &watch, Cause: "test"})
				switch {
				case err == nil:
					claimed.Add(1)
				case errors.Is(err, ErrHeld):
					held.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 8, claimed.Load()+held.Load())
		var crossed int
		require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM float_moves c, float_moves d
			WHERE d.stand = 'unknown' AND c.claim_tick > d.tick AND c.upstream = d.upstream`).Scan(&crossed))
		require.Zero(t, crossed, "a tick drawn under the lock after the doubt's is a purchase beside it")
		for _, o := range append(sending, queued...) {
			if now, err := ByID(t.Context(), s.db.Bun, o.ID); err == nil && !now.State.Final() {
				if now.State == Queued {
					s.do(o, Step{To: Failed})
					continue
				}
				s.do(o, Step{To: Failed, Outcome: "rejected"})
			}
		}
	}
	s.verify(t)
}

func TestHowAPurchaseStandsOnItsAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps []Step
		want  float.Stand
	}{
		"on its way":                        {nil, float.Sending},
		"accepted":                          {[]Step{{To: Processing, UpstreamRef: "T"}}, float.Bought},
		"answer lost":                       {[]Step{{To: Unknown}}, float.Unknown},
		"refused":                           {[]Step{{To: Failed, Outcome: "rejected"}}, float.Void},
		"not sent":                          {[]Step{{To: Queued, Outcome: "not_sent"}}, float.Void},
		"delivered":                         {[]Step{{To: Completed}}, float.Kept},
		"failed":                            {[]Step{{To: Processing}, {To: Failed, Outcome: "failed"}}, float.Back},
		"failed, and the money is not back": {[]Step{{To: Processing}, {To: Failed, Outcome: "failed", Owed: true}}, float.Owed},
		"failed, tried elsewhere":           {[]Step{{To: Processing}, {To: Queued, Outcome: "failed"}}, float.Back},
		"expired":                           {[]Step{{To: Processing}, {To: Expired, Outcome: "expired"}}, float.Back},
		"canceled":                          {[]Step{{To: Processing}, {To: Canceled, Outcome: "canceled"}}, float.Back},
		"canceled in part":                  {[]Step{{To: Processing}, {To: Canceled, Outcome: "canceled", Remains: ptr[int64](1)}}, float.Odd},
		"partial":                           {[]Step{{To: Processing}, {To: Partial, Outcome: "partial", Remains: ptr[int64](1)}}, float.Odd},
		"found under way":                   {[]Step{{To: Unknown}, {To: Processing, UpstreamRef: "T"}}, float.Bought},
		"proved not bought":                 {[]Step{{To: Unknown}, {To: Queued, Outcome: OutcomeNotBought}}, float.Void},
		"proved not bought and failed":      {[]Step{{To: Unknown}, {To: Failed, Outcome: OutcomeNotBought}}, float.Void},
		"an orphan given back":              {[]Step{{To: Unknown}, {Stand: float.Orphan}, {To: Failed, Outcome: OutcomeReturned}}, float.Back},
		"an operator says it failed":        {[]Step{{To: Unknown}, {To: Failed, Outcome: "failed", Cause: causeOperator}}, float.Owed},
		"an operator says it was good":      {[]Step{{To: Unknown}, {To: Completed, Outcome: "succeeded", Cause: causeOperator}}, float.Kept},
		"a late success":                    {[]Step{{To: Failed, Outcome: "failed"}, {To: Completed, Outcome: "succeeded"}}, float.Kept},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			o := s.claimed("r1")
			require.True(t, o.Serial)
			for _, step := range c.steps {
				cause := step.Cause
				step.OrderID, step.Attempt = o.ID, o.Attempt
				if step.Cause = cause; cause == "" {
					step.Cause = "test"
				}
				var err error
				o, err = s.w.Do(t.Context(), step)
				require.NoError(t, err)
			}
			m := s.move(o)
			require.Equal(t, c.want, m.Stand)
			require.EqualValues(t, 1_500, m.Cost)
			require.Equal(t, s.now.Add(watch.Keeps), m.EndsAt)
			bought := m.Stand == float.Bought || m.Stand == float.Kept || m.Stand == float.Odd
			require.True(t, !bought || m.Bought > m.Claim, "%+v", m)
			back := m.Stand == float.Back || m.Stand == float.Odd || name == "a late success"
			require.Equal(t, back, m.Back > m.Claim && !m.BackAt.IsZero(), "%+v", m)
			s.verify(t)
		})
	}
}

func TestWhatWasConcludedIsKeptWithTheOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.claimed("r1")
	s.do(o, Step{To: Unknown})
	s.do(o, Step{From: Unknown, To: Queued, Outcome: OutcomeNotBought, Proof: &Proof{Verdict: "home", Detail: map[string]int64{"before": 10, "after": 10}}})
	e, err := ReadEvidence(t.Context(), s.db.Bun, o.ID)
	require.NoError(t, err)
	require.Len(t, e.Concluded, 1)
	require.Equal(t, "home", e.Concluded[0].Verdict)
	require.JSONEq(t, `{"before": 10, "after": 10}`, string(e.Concluded[0].Detail))
	_, err = float.Open(t.Context(), s.db.Pool, "up-b", 0, Move(o.ID, 9), time.Time{}, s.now)
	require.ErrorIs(t, err, float.ErrNoMove)
}

func TestAQuestionThatFindsTheMoneyThereIsNoted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.claimed("r1")
	s.do(o, Step{To: Processing, UpstreamRef: "T", Cost: ptr[int64](1_650)})
	tick, err := float.Tick(t.Context(), s.db.Pool)
	require.NoError(t, err)
	s.do(o, Step{Held: tick})
	m := s.move(o)
	require.Equal(t, tick, m.Held)
	require.EqualValues(t, 1_650, m.Cost, "what it really took")
	later, err := float.Tick(t.Context(), s.db.Pool)
	require.NoError(t, err)
	require.NoError(t, float.Held(t.Context(), s.db.Pool, []float.Key{Move(o.ID, 1), Move(1, 1)}, later))
	require.NoError(t, float.Held(t.Context(), s.db.Pool, []float.Key{Move(o.ID, 1)}, tick))
	require.Equal(t, later, s.move(o).Held, "an older question takes nothing back")
}
