package upstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCallsThatMeetOneBlockPauseOnce(t *testing.T) {
	t.Parallel()
	var p pauses
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	for range 5 { // all were on their way
		require.Equal(t, pauseFirst, p.blocked(at(0), at(1)))
	}
	p.passed(at(0)) // so was one that got through
	require.Equal(t, 2*pauseFirst, p.blocked(at(12), at(13)), "the block outlasted the pause")
	require.Equal(t, 2*pauseFirst, p.blocked(at(12), at(14)))
	require.Equal(t, 4*pauseFirst, p.blocked(at(40), at(41)))
	p.passed(at(90))
	require.Equal(t, pauseFirst, p.blocked(at(100), at(101)), "it was over in between")
	now := 101
	for range 20 {
		now += 1000
		require.LessOrEqual(t, p.blocked(at(now), at(now)), pauseMost)
	}
	require.Equal(t, pauseMost, p.blocked(at(now+1000), at(now+1000)))
}
