package upstreamtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// images holds a driver to fetching the pictures of QR codes from its provider and
// from nobody else.
func images(t *testing.T, h Harness) {
	run := func(name string, test func(t *testing.T, r *rig, inv *upstream.Invoice)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := h.setUp(t)
			inv := r.invoice(t, false)
			require.NotEmpty(t, inv.ImageURL)
			test(t, r, inv)
		})
	}
	run("the picture of an invoice asks for its total", func(t *testing.T, r *rig, inv *upstream.Invoice) {
		picture, err := r.image(t, inv)
		require.NoError(t, err)
		text, err := qris.FromPicture(picture)
		require.NoError(t, err)
		code, err := qris.Read(text)
		require.NoError(t, err)
		require.Equal(t, inv.Total, code.Amount)
	})
	run("a picture that lies elsewhere", func(t *testing.T, r *rig, inv *upstream.Invoice) {
		var asked atomic.Int64
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		t.Cleanup(other.Close)
		for _, address := range []string{
			other.URL + "/qr.png", strings.Replace(other.URL, "http://", "http://"+strings.TrimPrefix(r.server.URL, "http://")+"@", 1), "//" + other.Listener.Addr().String(),
			"file:///etc/passwd", "gopher://" + other.Listener.Addr().String(), "", "qr.png", "http://", "data:image/png;base64,AAAA", ":", "http://[::1",
		} {
			before := r.requests.Load()
			_, err := r.image(t, &upstream.Invoice{UpstreamRef: inv.UpstreamRef, ImageURL: address})
			requireClass(t, upstream.Rejected, err)
			require.Zero(t, asked.Load(), address)
			require.Equal(t, before, r.requests.Load(), address)
		}
	})
	run("a picture that is not known", func(t *testing.T, r *rig, inv *upstream.Invoice) {
		_, err := r.image(t, &upstream.Invoice{ImageURL: inv.ImageURL + "x"})
		require.Error(t, err)
	})
	for _, rule := range faults(2 << 20) {
		if rule.Kind == emulate.Mistyped || rule.Kind == emulate.Garbled || rule.Kind == emulate.Truncated {
			continue // a spoilt picture is for whoever reads it to find
		}
		run(fmt.Sprintf("a picture through %s %d", rule.Kind, rule.Status), func(t *testing.T, r *rig, inv *upstream.Invoice) {
			rule := rule
			rule.AfterEffect = true
			r.fault(t, rule)
			ctx, cancel := faultTime(t, rule.Kind)
			defer cancel()
			before := r.requests.Load()
			picture, err := r.driver.(upstream.InvoiceImage).InvoiceImage(ctx, inv)
			require.Nil(t, picture)
			requireClass(t, upstream.Unknown, err)
			noSecret(t, h.Secret, nil, err)
			require.Equal(t, before+1, r.requests.Load(), "no redirect is followed")
		})
	}
}

func (r *rig) image(t *testing.T, inv *upstream.Invoice) ([]byte, error) {
	t.Helper()
	return once(t, r, func(ctx context.Context) ([]byte, error) {
		return r.driver.(upstream.InvoiceImage).InvoiceImage(ctx, inv)
	})
}
