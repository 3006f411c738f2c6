package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// probeCmd asks what a role serves. The image has no shell and no curl; this is what its health checks and `helm test` call.
type probeCmd struct {
	URLs    []string      `arg:"" name:"url" help:"What must answer with 200, such as http://127.0.0.1:9090/readyz."`
	Timeout time.Duration `default:"5s" help:"For all of them together."`
}

// probed is one answer; Status is 0 where there was none.
type probed struct {
	URL    string `json:"url"`
	Status int    `json:"status"`
}

// Run refuses when one URL does not answer with 200 in time.
func (c *probeCmd) Run(e *env) error {
	ctx, cancel := context.WithTimeout(e.ctx, c.Timeout)
	defer cancel()
	answers, errs := make([]probed, len(c.URLs)), make([]error, len(c.URLs))
	var wg sync.WaitGroup
	for i, url := range c.URLs {
		wg.Go(func() { answers[i], errs[i] = probe(ctx, url) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return e.Print(map[string]any{"ok": true, "answers": answers}, func(w io.Writer) {
		for _, a := range answers {
			_, _ = fmt.Fprintf(w, "%s\t%d\n", a.URL, a.Status)
		}
	})
}

func probe(ctx context.Context, url string) (probed, error) {
	out := probed{URL: url}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return out, err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	const most = 1 << 10 // of an answer that goes into one line
	said, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return out, err
	}
	if out.Status = resp.StatusCode; out.Status != http.StatusOK {
		return out, fmt.Errorf("%s: %d %q", url, out.Status, said)
	}
	return out, nil
}
