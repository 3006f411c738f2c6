package id_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/id"
)

func TestAnIDIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, math.MaxInt64).Draw(t, "n")
		got, ok := id.Parse(id.Text(n))
		require.True(t, ok)
		require.Equal(t, n, got)
	})
	for _, bad := range []string{"", "0", "8000000000000", "ZZZZZZZZZZZZZ", "000000000000I", "000000000000a", "00000000000000"} {
		_, ok := id.Parse(bad)
		require.False(t, ok, bad)
	}
}

func TestIDsGrowWithTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	first, second := id.New(now), id.New(now.Add(2*time.Millisecond))
	require.Positive(t, first)
	require.Less(t, first, second)
	require.Less(t, id.Text(first), id.Text(second))
	require.GreaterOrEqual(t, id.New(time.Time{}), int64(0))
}
