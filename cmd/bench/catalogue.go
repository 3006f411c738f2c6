package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// listPath is the longest answer there is.
const listPath = "/api/v1/ppob/products"

// measureCatalogue asks for the whole list, again and again, with and without knowing it already.
func measureCatalogue(ctx context.Context, l *lab, r *report) error {
	api, err := l.api(ctx)
	if err != nil {
		return err
	}
	if err := l.lists(ctx, api, r); err != nil {
		return errors.Join(err, api.stop())
	}
	return api.stop()
}

func (l *lab) lists(ctx context.Context, api *process, r *report) error {
	idle, _, err := memory(api)
	if err != nil {
		return err
	}
	n, err := l.countListed(ctx)
	if err != nil {
		return err
	}
	l.say("(f) %d products", n)
	// gzip is what most clients ask for without being told to.
	plain, err := l.list(ctx, "identity", "", http.StatusOK)
	if err != nil {
		return err
	}
	zstd, err := l.list(ctx, "zstd", "", http.StatusOK)
	if err != nil {
		return err
	}
	watch := l.meter.watch(api)
	gzip, err := l.list(ctx, "gzip", "", http.StatusOK)
	if err != nil {
		return err
	}
	watch.stop()
	tag, err := l.etag(ctx)
	if err != nil {
		return err
	}
	known, err := l.list(ctx, "gzip", tag, http.StatusNotModified)
	if err != nil {
		return err
	}
	now, peak, err := memory(api)
	if err != nil {
		return err
	}
	f := &r.figures
	f.Catalogue200PS, f.Catalogue304PS, f.APIResidentMiBs = gzip.perSecond(), known.perSecond(), now
	r.tell(fmt.Sprintf("(f) GET /ppob/products, %d products, gzip", n), perSecond(gzip.perSecond()))
	r.tell("(f) the same with If-None-Match", perSecond(known.perSecond()))
	r.tell("(f) resident memory of the API", fmt.Sprintf("%.0f MiB", now))
	size := func(v *volley) string {
		return fmt.Sprintf("%.0f/s of %d KiB", v.perSecond(), v.bytes/max(v.answered, 1)>>10)
	}
	r.note("(f) gzip %s, zstd %s, identity %s; %s", size(gzip), size(zstd), size(plain), watch.each(gzip.perSecond()))
	r.note("(f) resident memory before the first list %.0f MiB, at its peak %.0f MiB", idle, peak)
	return l.whileImporting(ctx, api, r)
}

// list asks for the list for a while.
func (l *lab) list(ctx context.Context, coding, tag string, want int) (*volley, error) {
	more := "Accept-Encoding: " + coding + "\r\n"
	if tag != "" {
		more += "If-None-Match: " + tag + "\r\n"
	}
	request := get(nil, listPath, l.merchants[0].key, more)
	b := barrage{addr: l.addrs.API, conns: l.o.conns, want: want, request: func(buf []byte, _ int64) []byte { return append(buf, request...) }}
	b.total = 1 // the first of its kind makes it
	if _, err := b.run(ctx); err != nil {
		return nil, err
	}
	b.total, b.span = 0, max(l.o.span/2, time.Second)
	return b.run(ctx)
}

func (l *lab) etag(ctx context.Context) (string, error) {
	resp, err := l.ask(ctx, "gzip")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	tag := resp.Header.Get("ETag")
	if tag == "" {
		return "", errors.New("the list has no ETag")
	}
	return tag, nil
}

func (l *lab) countListed(ctx context.Context) (int, error) {
	resp, err := l.ask(ctx, "identity")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var list struct {
		Data struct {
			Count int `json:"count"`
		} `json:"data"`
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	err = json.Unmarshal(body, &list)
	return list.Data.Count, err
}

func (l *lab) ask(ctx context.Context, coding string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.addrs.API+listPath, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+l.merchants[0].key)
	req.Header.Set("Accept-Encoding", coding)
	return (&http.Client{Timeout: 30 * time.Second}).Do(req)
}
