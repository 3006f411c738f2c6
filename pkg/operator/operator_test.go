package operator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/operator"
)

func TestARowIsCalledByItsPublicIDOrItsNumber(t *testing.T) {
	t.Parallel()
	public := func(s string) (int64, bool) { return 7, s == "DP-7" }
	for text, want := range map[string]int64{"DP-7": 7, "12": 12} {
		n, ok := operator.ParseID(text, public)
		require.True(t, ok, text)
		require.Equal(t, want, n)
	}
	for _, text := range []string{"", "0", "-3", "DP-8", "12a", "99999999999999999999"} {
		_, ok := operator.ParseID(text, public)
		require.False(t, ok, text)
	}
}
