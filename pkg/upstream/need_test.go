package upstream_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
)

func TestNeedNamesEveryFaultAndNoValue(t *testing.T) {
	t.Parallel()
	cfg := upstream.Config{Name: "u", HTTP: upstream.NewHTTP(), BaseURL: "https://x.test/api/", Credentials: map[string]string{"api_key": "hunter2"}}
	require.NoError(t, cfg.Need("api_key"))
	require.Equal(t, "https://x.test/api", cfg.Base())
	require.Equal(t, "key *** is bad", cfg.Redact("key hunter2 is bad"))
	for base, want := range map[string]string{
		"":                   "base_url is missing",
		"ftp://x.test":       "not an http",
		"https://":           "not an http",
		"https://a:b@x.test": "has a user",
		"https://x.test?a=b": "query",
	} {
		cfg.BaseURL = base
		err := cfg.Need("api_key", "mmid")
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "credentials.mmid is missing")
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestReasonIn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]upstream.Reason{
		"Saldo tidak mencukupi":                         upstream.ReasonOurBalance,
		"Apikey tidak valid":                            upstream.ReasonOurAccount,
		"Stok nomor tidak tersedia":                     upstream.ReasonProduct,
		"Produk sedang gangguan":                        upstream.ReasonProduct,
		"Nomor tujuan salah untuk produk ini":           upstream.ReasonCustomer,
		"TRX IS5.0812 GAGAL, nomor pelanggan terblokir": upstream.ReasonCustomer,
		"Harga berubah":                                 upstream.ReasonPrice,
		"Terjadi kesalahan":                             "",
		"":                                              "",
	} {
		require.Equal(t, want, upstream.ReasonIn(text), text)
	}
}
