package sandbox

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/docs"
	"github.com/muarahq/muara/pkg/upstream"
)

// TestTheDocumentsTableIsWhatTheDigitsDo holds docs/test-mode.md, which merchants read, to the courses.
func TestTheDocumentsTableIsWhatTheDigitsDo(t *testing.T) {
	t.Parallel()
	ends := map[upstream.State]string{
		upstream.Succeeded: "`completed`", upstream.Failed: "`failed`", upstream.Partial: "`partial`", upstream.Expired: "`expired`", upstream.Canceled: "`canceled`",
	}
	_, table, _ := strings.Cut(docs.TestMode, "## By the digits")
	table, _, _ = strings.Cut(table, "## By the SKU")
	n := 0
	for line := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || strings.HasPrefix(line, "|---") || strings.Contains(line, "| digits |") {
			continue
		}
		n++
		digits, said := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[3])
		c := courseOf(digits) // "others" is no plan, and so what others do
		var told []string
		for _, s := range c.steps {
			told = append(told, ends[s.state])
		}
		require.Equal(t, strings.Join(told, ", then "), said, digits)
		require.Equal(t, strings.Contains(cells[2], "not known at first"), c.lost, digits)
		require.Equal(t, strings.Contains(cells[2], "60 seconds"), c.steps[0].after == later, digits)
	}
	require.Equal(t, 13, n)
}
