package role

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/retention"
)

func TestTheConfigurationSaysWhatIsKeptForHowLong(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	c, err := config.Parse([]byte(`retention: {payloads: 20d, deliveries: 8d, codes: 2d, customers: -1d}`), config.Source{Env: func(string) (string, bool) { return "", false }})
	require.NoError(t, err)
	require.Equal(t, retention.Policy{Payloads: 20 * day, Deliveries: 8 * day, Codes: 2 * day, Customers: -day}, Deps{Config: c}.retention())
}
