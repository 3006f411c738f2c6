package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// imported is how many offers a long import brings.
	imported = 50_000
	// importReaders is how many merchants read meanwhile, one request after another: reads as they come on a
	// normal day, and not a load that wants both cores for itself.
	importReaders = 2
	secondSource  = "source-2"
)

// whileImporting compares what merchants wait for one product's price while nothing happens and while a source's list
// of 50,000 is imported for the first time: the database, the importer and the API share the machine.
func (l *lab) whileImporting(ctx context.Context, api *process, r *report) error {
	err := catalog.EnsureUpstreams(ctx, l.db.Pool, []catalog.Source{{Name: secondSource, Driver: "rqid", Mode: catalog.Live}}, time.Now().UTC())
	if err != nil {
		return err
	}
	read := barrage{addr: l.addrs.API, conns: importReaders, want: 200, request: func(buf []byte, _ int64) []byte {
		return get(buf, "/api/v1/price?sku="+url.QueryEscape(l.goods.sku), l.merchants[0].key, "")
	}}
	// Who asks first waits for the source, which has no worker here; for half a minute nobody else does.
	first := read
	first.conns, first.total = 1, 1
	if _, err := first.run(ctx); err != nil {
		return err
	}
	read.span = max(l.o.span/2, time.Second)
	quiet, err := read.run(ctx)
	if err != nil {
		return err
	}
	l.say("(f) importing %d offers", imported)
	type outcome struct {
		took time.Duration
		diff intake.Diff
		err  error
	}
	over := make(chan outcome, 1)
	during, stop := context.WithCancel(ctx)
	go func() {
		defer stop()
		begun := time.Now()
		diff, err := intake.New(l.db.Pool, intake.Options{}).Import(ctx, secondSource, "p", longList(), nil)
		over <- outcome{time.Since(begun), diff, err}
	}()
	var busy []time.Duration
	read.span = time.Second
	for during.Err() == nil {
		v, err := read.run(ctx)
		if err != nil {
			return errors.Join(err, (<-over).err)
		}
		busy = append(busy, v.waits...)
	}
	done := <-over
	if done.err != nil {
		return done.err
	}
	// The API loads what was imported after it; that counts as well.
	read.span = 3 * time.Second
	after, err := read.run(ctx)
	if err != nil {
		return err
	}
	busy = append(busy, after.waits...)
	_, peak, err := memory(api)
	if err != nil {
		return err
	}
	r.tell(fmt.Sprintf("(f) p99 of GET /price, idle / while %d offers are imported", imported), ms(quantile(quiet.waits, 0.99))+" / "+ms(quantile(busy, 0.99)))
	r.note("(f) the import of %d offers took %s (%d added); median of GET /price %s idle, %s meanwhile, the longest %s; the API's memory at its peak %.0f MiB",
		imported, done.took.Round(10*time.Millisecond), done.diff.Added, ms(quantile(quiet.waits, 0.5)), ms(quantile(busy, 0.5)), ms(quantile(busy, 1)), peak)
	return nil
}

// longList is what a second source sells.
func longList() []upstream.Offer {
	list := make([]upstream.Offer, 0, imported)
	for i := range imported {
		list = append(list, upstream.Offer{
			Category: "ppob", Code: fmt.Sprintf("L%05d", i), Name: fmt.Sprintf("Free Fire %d Diamond", i+1), Brand: "FREE FIRE", Group: "Games", Type: "prepaid",
			Cost: int64(10_000 + i), Available: true, Unlimited: true,
		})
	}
	return list
}
