package order

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// errClosed is what a group answers after Close.
var errClosed = errors.New("order: shutting down")

// group turns concurrent calls into common commits: while one commit is on its
// way, what arrives is collected and goes with the next. Alone, a call waits for
// nobody. In is what a caller hands in, Out what it gets back.
type group[In, Out any] struct {
	commit func([]*call[In, Out])
	limit  int
	in     chan *call[In, Out]
	stop   chan struct{}
	wg     sync.WaitGroup

	mu     sync.RWMutex // guards closed against a call that is being handed in
	closed bool
}

// call is one caller's part of a common commit. The commit sets out or err of
// every call that it was given.
type call[In, Out any] struct {
	ctx  context.Context //nolint:containedctx // the caller's, for values and cancellation before the commit starts
	in   In
	out  Out
	err  error
	done chan struct{}
}

// newGroup starts a committer of sets of at most limit calls. There is one: a
// second would overlap round trips with the fsync, and was measured to lose more by
// making sets small and letting them wait for each other's row locks.
func newGroup[In, Out any](limit int, commit func([]*call[In, Out])) *group[In, Out] {
	g := &group[In, Out]{commit: commit, limit: limit, in: make(chan *call[In, Out], limit), stop: make(chan struct{})}
	g.wg.Add(1)
	go g.run()
	return g
}

// do hands in and waits for the commit. A caller whose ctx ends first gets its
// error; the commit may still happen, as with any commit whose answer is lost.
func (g *group[In, Out]) do(ctx context.Context, in In) (Out, error) {
	c := &call[In, Out]{ctx: ctx, in: in, done: make(chan struct{})}
	var none Out
	if err := g.hand(c); err != nil {
		return none, err
	}
	select {
	case <-c.done:
		return c.out, c.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// hand puts a call where the committer will find it. After close nothing is put there
// any more, so that what is there then is all there will be.
func (g *group[In, Out]) hand(c *call[In, Out]) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return errClosed
	}
	select {
	case g.in <- c:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

func (g *group[In, Out]) run() {
	defer g.wg.Done()
	set := make([]*call[In, Out], 0, g.limit)
	for {
		set = set[:0]
		select {
		case c := <-g.in:
			set = append(set, c)
		case <-g.stop:
			g.refuse()
			return
		}
		set = g.collect(set)
		if len(set) == 0 {
			continue
		}
		g.guarded(set)
		for _, c := range set {
			close(c.done)
		}
	}
}

// guarded commits a set; a panic fails its calls and nobody else.
func (g *group[In, Out]) guarded(set []*call[In, Out]) {
	defer func() {
		if p := recover(); p != nil {
			for _, c := range set {
				c.err = fmt.Errorf("order: commit: panic: %v", p)
			}
		}
	}()
	g.commit(set)
}

// collect takes what has arrived, without waiting for more, and drops calls whose
// callers have gone already.
func (g *group[In, Out]) collect(set []*call[In, Out]) []*call[In, Out] {
	for len(set) < g.limit {
		select {
		case c := <-g.in:
			set = append(set, c)
			continue
		default:
		}
		break
	}
	kept := set[:0]
	for _, c := range set {
		if err := c.ctx.Err(); err != nil {
			c.err = err
			close(c.done)
			continue
		}
		kept = append(kept, c)
	}
	return kept
}

// refuse answers what is still waiting when the group closes.
func (g *group[In, Out]) refuse() {
	for {
		select {
		case c := <-g.in:
			c.err = errClosed
			close(c.done)
		default:
			return
		}
	}
}

// close finishes the commits on their way and refuses everything else.
func (g *group[In, Out]) close() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.stop)
	}
	g.mu.Unlock()
	g.wg.Wait()
	g.refuse()
}

// isolable tells an error that one member of a set may have caused, so that the
// others are worth committing without it, from the database being away, where
// what became of the commit may not even be known.
func isolable(err error) bool {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		class := pe.Code[:min(2, len(pe.Code))]
		return class != "08" && class != "57" && class != "53"
	}
	_, render := errors.AsType[*json.MarshalerError](err)
	return render || errors.Is(err, errSealed)
}
