package role

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
)

func TestWhatNamesAnUpstreamIsForbidden(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{Upstreams: []config.Upstream{
		{Name: "src-1", Driver: "rumahotp", BaseURL: "https://www.rumahotp.com/api"},
		{Name: "src-2", Driver: "rqid", BaseURL: "https://api.mitra-pulsa.co.id"},
		{Name: "src-3", Driver: "rqid", BaseURL: "http://127.0.0.1:9102"},
	}}
	require.Subset(t, forbidden(cfg), []string{"mitra-pulsa", "rqid", "rumahotp", "src-1", "src-2", "src-3"})
	require.NotContains(t, forbidden(cfg), "sandbox")
}
