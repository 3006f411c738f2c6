package budget

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestRedisAwayGivesNothingAndRecoversByItself(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	log := &journal{}
	b := s.podOn(s.hasty(), Limit{2, 50 * time.Millisecond}, 100*time.Millisecond, WithLogger(slog.New(slog.NewTextHandler(log, nil))))
	acquire(t, b, Buy).Unused(background)
	s.Stop()
	_, err := b.Acquire(within(t, 300*time.Millisecond), Buy)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, free, err := b.TryAcquire(within(t, soon), Buy)
	require.ErrorIs(t, err, ErrUnavailable)
	require.False(t, free)
	_, err = b.State(background)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorIs(t, b.Close(background, time.Second, "429"), ErrUnavailable)
	require.ErrorIs(t, b.Reopen(background), ErrUnavailable)

	got := make(chan error, 1)
	go func() {
		_, err := b.Acquire(within(t, soon), Buy)
		got <- err
	}()
	s.Start()
	back := time.Now()
	require.NoError(t, <-got)
	require.Greater(t, time.Since(back), 150*time.Millisecond-20*time.Millisecond, "nothing is known after the restart")
	require.Contains(t, log.String(), "redis does not answer")
	require.Contains(t, log.String(), "redis answers again")
	require.Contains(t, log.String(), "redis lost the slots")
}

func TestEndOfACallWhileRedisIsAwayIsToldLater(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Slot){
		"release": func(slot *Slot) { slot.Release(background) },
		"unused":  func(slot *Slot) { slot.Unused(background) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			away := &switchable{UniversalClient: s.Client(t)}
			b := s.podOn(away, Limit{1, 50 * time.Millisecond}, time.Hour, Recovery(0))
			slot := acquire(t, b, Poll)
			away.set(true)
			end(slot)
			away.set(false)
			acquire(t, b, Poll) // else it would be an hour
		})
	}
}

func TestReleaseDoesNotWaitForASilentRedis(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.pod(Limit{1, 50 * time.Millisecond}, time.Hour, Recovery(0))
	slot := acquire(t, b, Poll)
	s.Freeze()
	begun := time.Now()
	slot.Release(background)
	require.Less(t, time.Since(begun), endTimeout+time.Second)
	s.Thaw()
	acquire(t, b, Poll)
}

// A turn that Redis carries out and whose answer is lost has given slots to calls that do not know.
func TestLostAnswerCostsNoSlot(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	away := &switchable{UniversalClient: s.Client(t)}
	b := s.podOn(away, Limit{1, time.Hour}, time.Hour, Recovery(0))
	b2 := s.opened(Limit{1, time.Hour}, time.Hour)
	away.lose(true)
	ctx, leave := context.WithCancel(within(t, soon))
	left := make(chan error, 1)
	go func() {
		_, err := b.Acquire(ctx, Poll)
		left <- err
	}()
	used := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool {
			state, err := b2.State(background)
			return err == nil && state.InUse == n
		}, soon, 2*time.Millisecond)
	}
	used(1)
	_, free, err := b.TryAcquire(background, Poll)
	require.ErrorIs(t, err, ErrUnavailable)
	require.False(t, free)
	leave()
	require.ErrorIs(t, <-left, ErrUnavailable)
	away.lose(false)
	used(0) // it left without knowing of its slot

	away.lose(true)
	got := acquiring(t, b, Poll)
	used(1)
	away.lose(false)
	require.NotNil(t, <-got) // it gets the slot that it already had
	used(1)
}

func TestCallThatLeavesWhileItsSlotIsOnItsWayGivesItBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, time.Hour}, time.Minute)
	ask, err := b.enqueue(Poll, false)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(ask.result) == 1 }, soon, time.Millisecond)
	err = b.leave(ask, context.Canceled)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ErrUnavailable)
	acquire(t, b, Poll).Unused(background)

	// And one that leaves between the question and the answer.
	crash(b)
	ask, err = b.enqueue(Poll, false)
	require.NoError(t, err)
	question := b.prepare()
	require.ErrorIs(t, b.leave(ask, context.Canceled), context.Canceled)
	next := b.answered(question, answer{epoch: b.epoch, tokens: []string{ask.token}, again: -1}, time.Now())
	require.Zero(t, next, "the slot goes back at once")
	require.Contains(t, b.returns, ask.token)
}

// A turn that was put together before Unused and is carried out after it says that the call is in flight.
func TestTurnThatCrossesAnUnusedSlotDoesNotKeepIt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, time.Hour}, time.Minute)
	slot := acquire(t, b, Poll)
	crash(b)
	question := b.prepare()
	slot.Unused(background)
	reply, err := b.scripts.turn.Run(background, b.rdb, b.keys, b.head(question.args...)...).Slice()
	require.NoError(t, err)
	a, err := parseAnswer(reply)
	require.NoError(t, err)
	require.Equal(t, 1, a.inUse)
	require.Zero(t, b.answered(question, a, time.Now()))
	_, err = b.turn(background)
	require.NoError(t, err)
	state, err := b.State(background)
	require.NoError(t, err)
	require.Equal(t, 1, state.Free)
}

func TestEndedContextTakesNoSlot(t *testing.T) {
	t.Parallel()
	b := newServer(t).opened(Limit{1, time.Hour}, time.Minute)
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err := b.Acquire(ctx, Poll)
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = b.TryAcquire(ctx, Poll)
	require.ErrorIs(t, err, context.Canceled)
	acquire(t, b, Poll)
}

func TestStopTellsWhatIsStillToBeToldOrThatItCannot(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	away := &switchable{UniversalClient: s.Client(t)}
	b := s.podOn(away, Limit{1, 50 * time.Millisecond}, time.Hour, Recovery(0))
	slot := acquire(t, b, Poll)
	away.set(true)
	slot.Unused(background)
	require.Error(t, b.Stop(background))
	other := s.podOn(away, Limit{1, 50 * time.Millisecond}, time.Hour, Recovery(0))
	away.set(false)
	slot = acquire(t, s.opened(Limit{1, 50 * time.Millisecond}, time.Hour), Poll)
	require.NotNil(t, slot)
	require.NoError(t, other.Stop(background), "it never ran")
}

func TestAnswerOfAnotherShapeIsAnError(t *testing.T) {
	t.Parallel()
	for _, reply := range [][]any{{}, {int64(1), "epoch", "five", int64(0), int64(0), int64(0)}} {
		_, err := parseAnswer(reply)
		require.Error(t, err)
	}
}

// switchable is a client whose calls can fail before they reach Redis, or lose their answer after.
type switchable struct {
	redis.UniversalClient
	mu         sync.Mutex
	away, mute bool
}

var errAway = errors.New("connection reset by the test")

func (c *switchable) set(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
}

func (c *switchable) lose(mute bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mute = mute
}

func (c *switchable) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	c.mu.Lock()
	away, mute := c.away, c.mute
	c.mu.Unlock()
	failed := redis.NewCmd(ctx)
	failed.SetErr(errAway)
	if away {
		return failed
	}
	cmd := c.UniversalClient.EvalSha(ctx, sha, keys, args...)
	if mute && !redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		return failed
	}
	return cmd
}

// journal is a log that may be read while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Clone(j.buf.String())
}
