package upstream_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
)

func TestWordsOfDoubt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"Gateway Timeout": true, "Request timed out": true, "SUSPECT": true, "Transaksi pending": true, "Transaksi SEDANG diproses": true,
		"Sedang dikirim": true, "sedang": true, "Silakan coba lagi": true, "please try again": true, "sedang gangguan, transaksi sedang berjalan": true,
		"Produk sedang gangguan": false, "Sistem sedang maintenance": false, "Saldo tidak cukup": false, "": false, "Unprocessable Entity": false,
	} {
		require.Equal(t, want, upstream.Doubtful(text), text)
	}
}
