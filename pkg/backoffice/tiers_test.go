package backoffice_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/backoffice"
)

func TestAPercentageIsExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]backoffice.Percent{"0": 0, "2.5": 250, "2.05": 205, "100": 10_000, "0.01": 1, "007": 700} {
		p, err := backoffice.ParsePercent(text)
		require.NoError(t, err, text)
		require.Equal(t, want, p, text)
	}
	for _, text := range []string{"", ".5", "5.", "1.005", "-1", "1e2", "1,5", "100000", " 1", "½"} {
		_, err := backoffice.ParsePercent(text)
		require.Error(t, err, text)
	}
}

func FuzzParsePercent(f *testing.F) {
	f.Add("2.50")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := backoffice.ParsePercent(text)
		if err != nil {
			return
		}
		again, err := backoffice.ParsePercent(p.String())
		require.NoError(t, err)
		require.Equal(t, p, again)
		b, err := json.Marshal(p.Number())
		require.NoError(t, err)
		again, err = backoffice.ParsePercent(string(b))
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}
