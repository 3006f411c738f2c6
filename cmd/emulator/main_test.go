package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/drivers"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

func call(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

func TestServesUntilStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		args := []string{"--control", "127.0.0.1:0", "--instant"}
		for _, e := range emulators() {
			args = append(args, "--"+e.name, "127.0.0.1:0")
		}
		done <- run(ctx, args, w, io.Discard)
		_ = w.Close()
	}()
	urls := map[string]string{}
	lines := bufio.NewScanner(r)
	for lines.Scan() && lines.Text() != "ready" {
		name, url, _ := strings.Cut(lines.Text(), " ")
		urls[name] = url
	}
	require.Len(t, urls, 1+len(emulators()))
	for _, e := range emulators() {
		status, body := call(t, "GET", urls["control"]+"/"+e.name+"/control/books", "")
		require.Equal(t, 200, status, "%s: %s", e.name, body)
	}

	status, body := call(t, "GET", urls["rumahotp"]+"/api/v1/h2h/transaksi/create?target=081&id=FF50", "", "x-apikey", "k")
	require.Equal(t, 200, status, body)
	status, body = call(t, "POST", urls["rqid"]+"/V1/api/topup", `{"mmid":"m","product_code":"IS5","customer_id":"0812","ref_1":"A"}`, "rqid", "k")
	require.Equal(t, 200, status, body)
	require.Contains(t, body, "SN:")
	status, body = call(t, "POST", urls["smm"]+"/api/v2", "key=k&action=add&service=1&link=https://x.test/1&quantity=50", "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, 200, status, body)
	require.JSONEq(t, `{"order":23501}`, body)
	status, body = call(t, "POST", urls["invoice"]+"/api/v1/withdraw?apikey=k", `{"amount":10000,"accountNumber":"0812","accountName":"A"}`)
	require.Equal(t, 200, status, body)
	status, body = call(t, "POST", urls["muara"]+"/api/v1/order", `{"category":"ppob","ref":"A","sku":"MLID10","customer_no":"0812"}`, "Authorization", "Bearer k")
	require.Equal(t, 200, status, body)
	status, body = call(t, "POST", urls["digiflazz"]+"/v1/transaction", `{"username":"u","buyer_sku_code":"tsel10","customer_no":"0812","ref_id":"A","sign":"s"}`)
	require.Equal(t, 200, status, body)
	for _, name := range []string{"rumahotp", "rqid", "smm", "invoice", "muara", "digiflazz"} {
		var books emulate.Books
		_, body = call(t, "GET", urls["control"]+"/"+name+"/control/books", "")
		require.NoError(t, json.Unmarshal([]byte(body), &books), body)
		require.Len(t, books.Purchases, 1)
		require.True(t, books.Purchases[0].Delivered)
	}
	status, _ = call(t, "GET", urls["control"]+"/healthz", "")
	require.Equal(t, 200, status)
	http.DefaultClient.CloseIdleConnections()
	stop()
	require.NoError(t, <-done)
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"--no-such"}, io.Discard, &out), errUsage)
	require.ErrorIs(t, run(t.Context(), []string{"extra"}, io.Discard, &out), errUsage)
	require.Error(t, run(t.Context(), []string{"--rumahotp", "256.0.0.1:1"}, io.Discard, &out))
}

func TestWhoNamesAnEmulatorGetsThatAlone(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-rqid", "127.0.0.1:0", "-control", ""}, io.Discard)
	require.NoError(t, err)
	for name, addr := range o.at {
		require.Equal(t, map[bool]string{true: "127.0.0.1:0"}[name == "rqid"], *addr, name)
	}
	require.Empty(t, o.control)
	o, err = parse([]string{"-control", "127.0.0.1:0", "-seed", "2"}, io.Discard)
	require.NoError(t, err)
	for name, addr := range o.at {
		require.NotEmpty(t, *addr, "all, where none is named: %s", name)
	}
}

func TestEveryDriverHasItsEmulator(t *testing.T) {
	t.Parallel()
	var have []string
	for _, e := range emulators() {
		have = append(have, e.name)
	}
	for _, driver := range drivers.Names() {
		if driver != "sandbox" { // which is its own provider
			require.Contains(t, have, driver, "the table in cmd/emulator/emulators.go has no line for this driver")
		}
	}
	require.Subset(t, drivers.Names(), have, "an emulator is called as its driver is")
}
