package order

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTheShareOfALargeOrderIsExact(t *testing.T) {
	t.Parallel()
	remains := int64(99_000_000_000)
	o := &Order{Price: 100_000_000, Quantity: 100_000_000_000, Facts: Facts{Remains: &remains}}
	require.EqualValues(t, 99_000_000, o.undelivered(false))
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.Int64Range(1, math.MaxInt64).Draw(t, "total")
		b := rapid.Int64Range(0, c).Draw(t, "remains")
		a := rapid.Int64Range(0, math.MaxInt64).Draw(t, "price")
		want := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		want.Div(want, big.NewInt(c))
		require.Equal(t, want.Int64(), mulDiv(a, b, c))
	})
}
