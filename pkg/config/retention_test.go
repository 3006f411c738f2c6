package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
)

func TestRetentionIsInDays(t *testing.T) {
	t.Parallel()
	parse := func(text string) (*config.Config, error) { return config.Parse([]byte(text), source(nil, nil)) }
	c, err := parse("")
	require.NoError(t, err)
	require.Equal(t, config.Retention{Payloads: 90, Deliveries: 30, Codes: 30, Customers: 400}, c.Retention)
	c, err = parse(`retention: {payloads: 14d, customers: -1d}`)
	require.NoError(t, err)
	require.Equal(t, 14*24*time.Hour, c.Retention.Payloads.Duration())
	require.Negative(t, c.Retention.Customers.Duration())
	require.Equal(t, "14d", c.Retention.Payloads.String())
	_, err = parse(`retention: {payloads: 13d, deliveries: 6d, codes: 99999d, customers: 29d}`)
	for _, want := range []string{
		"retention.payloads: must be from 14d to 36500d, or below 0d for ever, not 13d", "retention.deliveries: must be from 7d",
		"retention.codes: must be from 1d", "retention.customers: must be from 30d",
	} {
		require.ErrorContains(t, err, want)
	}
	for _, wrong := range []string{"90", "2160h", "d", "1.5d", "forever"} {
		_, err = parse(`retention: {payloads: "` + wrong + `"}`)
		require.ErrorContains(t, err, "retention.payloads: must be a number of days such as 90d", wrong)
	}
}
