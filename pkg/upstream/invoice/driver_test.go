package invoice_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/invoice"
	"github.com/muarahq/muara/pkg/upstream/invoice/emulator"
	"github.com/muarahq/muara/pkg/upstream/invoice/wire"
	"github.com/muarahq/muara/pkg/upstream/upstreamtest"
)

// secret has characters that stand otherwise in a URL than they are.
const secret = "inv_s3cr3t+Key/Of=Tests&more"

func harness(options map[string]string) upstreamtest.Harness {
	return upstreamtest.Harness{
		Start: func(cfg emulate.Config, credentials map[string]string) upstreamtest.Backend {
			return emulator.New(emulator.Config{Config: cfg, APIKey: credentials["api_key"], MaxPending: 5})
		},
		New: func(cfg upstream.Config) (upstream.Driver, error) {
			cfg.Options = options
			return invoice.New(cfg)
		},
		Credentials: map[string]string{"api_key": secret},
		Secret:      secret,
		Offers:      upstreamtest.Offers{Balance: true, Invoices: true, InvoiceImage: true, Payouts: true},
		Refusal: func(message string) []byte {
			b, err := json.Marshal(wire.Refused{Error: message})
			if err != nil {
				panic(err)
			}
			return b
		},
		Unproven:  true,
		Invoicing: upstreamtest.Invoicing{Most: 5},
		Payouts: upstreamtest.Payouts{
			Request: func(n int) *upstream.PayoutRequest {
				return &upstream.PayoutRequest{Amount: 50_000, Method: "dana", AccountNumber: fmt.Sprintf("08123456%04d", n), AccountName: fmt.Sprint("John Doe ", n)}
			},
			Decide: func(b upstreamtest.Backend, ref string, approve bool) bool {
				return b.(*emulator.Emulator).Decide(ref, approve, "")
			},
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, harness(nil))
}

// TestConformanceWithTheIDInTheBody is the other documented way to cancel.
func TestConformanceWithTheIDInTheBody(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, harness(map[string]string{"cancel_id": "body"}))
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	cfg := upstream.Config{Name: "u", BaseURL: "https://x.test", HTTP: upstream.NewHTTP(), Credentials: map[string]string{"api_key": secret}}
	_, err := invoice.New(upstream.Config{Name: "u"})
	require.ErrorContains(t, err, "base_url is missing; credentials.api_key is missing")
	cfg.Options = map[string]string{
		"balance_path": "/v2/saldo", "invoice_create_path": "/a", "invoice_status_path": "/b", "invoice_cancel_path": "/c", "withdraw_path": "/d",
		"withdraw_status_path": "/e", "withdraw_history_path": "/f", "cancel_id": "body", "image_hosts": "cdn.x.test, 10.0.0.1:8080 ,[::1]:80",
	}
	_, err = invoice.New(cfg)
	require.NoError(t, err)
	for name, value := range map[string]string{
		"balance_path": "v2/saldo", "withdraw_path": "//evil.test/x", "invoice_create_path": "/a?b=c", "invoice_status_path": "/a#b", "withdraw_status_path": "/a?",
		"cancel_id": "header", "image_hosts": "cdn.x.test/path", "timeout": "5s",
	} {
		cfg.Options = map[string]string{name: value}
		_, err = invoice.New(cfg)
		require.ErrorContains(t, err, "options."+name, value)
	}
	cfg.Options = map[string]string{"image_hosts": "a@b"}
	_, err = invoice.New(cfg)
	require.ErrorContains(t, err, "no host")
}

func TestItSellsNothing(t *testing.T) {
	t.Parallel()
	d, err := invoice.New(upstream.Config{Name: "u", BaseURL: "https://x.test", HTTP: upstream.NewHTTP(), Credentials: map[string]string{"api_key": secret}})
	require.NoError(t, err)
	for _, call := range []func() (*upstream.Result, error){
		func() (*upstream.Result, error) { return d.Submit(t.Context(), &upstream.Purchase{}) },
		func() (*upstream.Result, error) { return d.Status(t.Context(), &upstream.Purchase{}) },
	} {
		_, err := call()
		e := upstream.AsError(err)
		require.Equal(t, upstream.Rejected, e.Class)
		require.Equal(t, upstream.ReasonProduct, e.Reason)
	}
}
