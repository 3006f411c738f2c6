package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAProbeWantsTwoHundredOfEveryURL(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not ready: schema", http.StatusServiceUnavailable)
	})
	mux.Handle("/moved", http.RedirectHandler("/livez", http.StatusFound))
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s := &shell{t: t}

	code, out, errs := s.run("--json", "probe", server.URL+"/livez", server.URL+"/livez")
	require.Equal(t, exitOK, code, errs)
	var said struct {
		OK      bool     `json:"ok"`
		Answers []probed `json:"answers"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &said))
	require.True(t, said.OK)
	require.Equal(t, []probed{{server.URL + "/livez", 200}, {server.URL + "/livez", 200}}, said.Answers)

	for path, why := range map[string]string{"/readyz": "503", "/moved": "302", "/hangs": "deadline"} {
		code, out, errs := s.run("probe", "--timeout", "200ms", server.URL+"/livez", server.URL+path)
		require.Equal(t, exitRefused, code, path)
		require.Empty(t, out, path)
		require.Contains(t, errs, why)
	}
	code, _, _ = s.run("probe")
	require.Equal(t, exitUsage, code)
}
