package intake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// maxPages and maxOffers bound what one reading of a scope may hold in memory.
	maxPages  = 2_000
	maxOffers = 500_000
	// writeTimeout bounds the writes after a reading, which outlive the turn's ctx.
	writeTimeout = time.Minute
)

// PageReader reads an upstream's catalogue; *upstream.Client is one. It waits for
// the budget by itself.
type PageReader interface {
	RootScopes() []upstream.Scope
	CatalogPage(ctx context.Context, scope string, page int) (*upstream.Page, error)
}

// roots remembers which upstreams' root scopes were made known by this process.
type roots struct {
	mu   sync.Mutex
	done map[string]bool
}

// RegisterRoots makes an upstream's root scopes known: without them nothing is due.
// Workers do it when they start; a turn does it, too.
func (im *Importer) RegisterRoots(ctx context.Context, client PageReader, name string) error {
	im.roots.mu.Lock()
	defer im.roots.mu.Unlock()
	if im.roots.done[name] {
		return nil
	}
	if err := registerScopes(ctx, im.pool, name, client.RootScopes(), im.opts.Now().UTC()); err != nil {
		return err
	}
	im.roots.done[name] = true
	return nil
}

// Turn reads one due scope of an upstream, all its pages, and imports it. did tells whether
// there was one. After an error the scope is due again later; nothing was changed.
func (im *Importer) Turn(ctx context.Context, client PageReader, name string) (did bool, err error) {
	if err := im.RegisterRoots(ctx, client, name); err != nil {
		return false, err
	}
	s, err := DueScope(ctx, im.pool, name, im.opts.Now().UTC())
	if err != nil || s == nil {
		return false, err
	}
	all, err := im.read(ctx, client, s)
	drained := ctx.Err() != nil
	// What was read is written even when the process drains meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	var diff Diff
	if err == nil {
		diff, err = im.Import(ctx, name, s.Key, all.Offers, all.Services)
	}
	if err == nil {
		err = registerScopes(ctx, im.pool, name, im.wanted(name, all.Scopes), im.opts.Now().UTC())
	}
	if err != nil && drained { // nobody failed: the scope stays due for the next worker
		return true, errors.Join(err, s.release(ctx, im.pool))
	}
	if err != nil {
		return true, errors.Join(fmt.Errorf("intake: scope %s of %s: %w", s.Key, name, err), ScopeFailed(ctx, im.pool, s, err, im.opts.Now().UTC()))
	}
	im.opts.Log.InfoContext(ctx, "catalogue read", "upstream", name, "scope", s.Key, "listed", diff.Listed, "added", diff.Added, "changed", diff.Changed,
		"repriced", diff.Repriced, "pending", diff.Pending, "moved", diff.Moved, "closed", diff.Closed, "reopened", diff.Reopened, "skipped", diff.Skipped, "held", diff.Held)
	return true, ScopeDone(ctx, im.pool, s, diff.Held, im.opts.Now().UTC())
}

// read collects all pages of a scope.
func (im *Importer) read(ctx context.Context, client PageReader, s *Scope) (*upstream.Page, error) {
	all := &upstream.Page{}
	for n, read := 1, 0; n > 0; read++ {
		if read >= maxPages || len(all.Offers) > maxOffers {
			return nil, fmt.Errorf("more than %d pages or %d offers", maxPages, maxOffers)
		}
		if read > 0 {
			if err := s.renew(ctx, im.pool, len(all.Offers)+len(all.Services), im.opts.Now().UTC()); err != nil {
				return nil, err
			}
		}
		page, err := client.CatalogPage(ctx, s.Key, n)
		if err != nil {
			return nil, err
		}
		all.Offers = append(all.Offers, page.Offers...)
		all.Services = append(all.Services, page.Services...)
		all.Scopes = append(all.Scopes, page.Scopes...)
		if page.Next != 0 && page.Next <= n {
			return nil, fmt.Errorf("page %d is followed by page %d", n, page.Next)
		}
		n = page.Next
	}
	return all, nil
}

// wanted leaves out the scopes of what the upstream is not to provide.
func (im *Importer) wanted(name string, scopes []upstream.Scope) []upstream.Scope {
	provides := im.opts.Provides[name]
	if len(provides) == 0 {
		return scopes
	}
	var kept []upstream.Scope
	for _, s := range scopes {
		if s.Service == "" || contains(provides, "otp") {
			kept = append(kept, s)
		}
	}
	return kept
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}
