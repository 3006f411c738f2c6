package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
)

func TestABudgetIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, b := range []config.Budget{{Requests: 5, Per: 10 * time.Second}, {Requests: 100_000, Per: time.Millisecond}, {Requests: 1, Per: 24 * time.Hour}} {
		read, err := config.ParseBudget(b.String())
		require.NoError(t, err)
		require.Equal(t, b, read)
	}
	for _, text := range []string{"", "5", "5/", "/10s", "five/10s", "5/10", "5/10s/2", "0/10s", "-1/10s", "100001/1s", "5/999us", "5/25h", "5.5/10s", " 5/10s"} {
		_, err := config.ParseBudget(text)
		require.Error(t, err, text)
	}
}

func TestAnUpstreamIsGivenAnotherBudget(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse([]byte(`
upstreams:
  - {name: hulu, driver: rumahotp, base_url: "https://hulu.example"}
  - {name: hilir, driver: rumahotp, base_url: "https://hilir.example"}
`), config.Source{Env: func(string) (string, bool) { return "", false }})
	require.NoError(t, err)
	cfg.SetBudget("hulu", config.Budget{Requests: 2, Per: time.Minute})
	cfg.SetBudget("nobody", config.Budget{Requests: 3, Per: time.Minute})
	require.Equal(t, config.Budget{Requests: 2, Per: time.Minute}, cfg.Upstreams[0].Budget)
	require.Equal(t, config.Budget{Requests: 5, Per: 10 * time.Second}, cfg.Upstreams[1].Budget)
}
