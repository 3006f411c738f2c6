package smm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/smm"
)

func TestHowFinelyABalanceIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options map[string]string
		want    int64
	}{
		"rupiah":  {nil, 1},
		"dollars": {map[string]string{"currency": "USD", "rate": "16350.25"}, 164},
		"beyond":  {map[string]string{"currency": "XXX", "rate": "1e40"}, 1<<31 - 1},
	} {
		d, err := smm.New(upstream.Config{
			Name: "u", BaseURL: "http://127.0.0.1:1", Credentials: map[string]string{"api_key": secret}, HTTP: upstream.NewHTTP(), Options: c.options,
		})
		require.NoError(t, err, name)
		require.Equal(t, c.want, d.Grain(), name)
	}
}
