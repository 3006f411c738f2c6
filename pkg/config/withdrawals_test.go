package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
)

func TestWithdrawalsFindTheirUpstreamsByThemselves(t *testing.T) {
	t.Parallel()
	parse := func(text string) (*config.Config, error) { return config.Parse([]byte(text), source(nil, nil)) }
	c, err := parse(threeUpstreams + `  - {name: pays, driver: invoice, base_url: "https://pays.test"}`)
	require.NoError(t, err)
	require.Equal(t, config.Withdrawals{Min: 10_000, Max: 10_000_000, Gateway: "pays", Checker: "one", Approvals: 1}, c.Withdrawals)
	c, err = parse("")
	require.NoError(t, err)
	require.Equal(t, config.Off, c.Withdrawals.Gateway, "the test mode's own source pays no live money out")
	require.Equal(t, config.Off, c.Withdrawals.Checker)
	c, err = parse(threeUpstreams + `withdrawals: {gateway: "off", checker: "off", approvals: 2, fee_fixed: 1500}`)
	require.NoError(t, err)
	require.Equal(t, 2, c.Withdrawals.Approvals)
	_, err = parse(threeUpstreams + `withdrawals: {min: 0, max: -1, fee_bp: -1, fee_fixed: -1, approvals: 10, gateway: two, checker: none}`)
	for _, want := range []string{
		"withdrawals.max: must be", "withdrawals.fee_bp: must be", "withdrawals.fee_fixed: must be", "withdrawals.approvals: must be from 1 to 9",
		`withdrawals.gateway: upstream "two" cannot, or does not provide withdraw`, `withdrawals.checker: "none" is no upstream`,
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = parse(`withdrawals: {gateway: sandbox}`)
	require.ErrorContains(t, err, `withdrawals.gateway: "sandbox" is a source of the test mode`)
}
