package order

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThePictureShowsEveryTransitionAndNoOther(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/order-states.md")
	require.NoError(t, err)
	drawn := map[State]map[State]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ +(\w+) --> (\w+) : \S`).FindAllSubmatch(page, -1) {
		from, to := State(m[1]), State(m[2])
		if drawn[from] == nil {
			drawn[from] = map[State]bool{}
		}
		drawn[from][to] = true
	}
	table := map[State]map[State]bool{}
	for from, all := range allowed {
		table[from] = map[State]bool{}
		for _, to := range all {
			table[from][to] = true
		}
	}
	require.Equal(t, table, drawn)
}
