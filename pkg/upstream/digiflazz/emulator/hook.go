package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Hook is where webhooks go, what signs them, and how they go wrong.
type Hook struct {
	URL    string `json:"url"`
	Secret string `json:"secret"`
	// Copies is how often more each is posted.
	Copies int `json:"copies,omitempty"`
	// Reorder posts the newest first.
	Reorder bool `json:"reorder,omitempty"`
	// Forge posts, before each, what says the opposite under a signature of somebody else.
	Forge bool `json:"forge,omitempty"`
	// Lose posts none.
	Lose bool `json:"lose,omitempty"`
}

// Post is a webhook as it is sent.
type Post struct {
	URL    string
	Header http.Header
	Body   []byte
}

// hooks keeps the hook and posts.
type hooks struct {
	client *http.Client

	mu   sync.Mutex // one delivery at a time
	hook Hook
	from int // the first entry that may have something to tell
}

func newHooks(h Hook) *hooks {
	const patience = 10 * time.Second
	return &hooks{hook: h, client: &http.Client{Timeout: patience}}
}

// SetHook changes where webhooks go and how.
func (e *Emulator) SetHook(h Hook) {
	e.hooks.mu.Lock()
	defer e.hooks.mu.Unlock()
	e.hooks.hook = h
}

// watched is how long after a purchase its webhooks are still told.
const watched = 24 * time.Hour

// Posts gives the webhooks of what has happened and was not told yet, as the hook
// would have them posted, and counts them as told.
func (e *Emulator) Posts() []Post {
	e.hooks.mu.Lock()
	defer e.hooks.mu.Unlock()
	h := e.hooks.hook
	var told []Post
	e.Do(func(b *emulate.Book, now time.Time) {
		entries := b.Entries()
		for i, entry := range entries[e.hooks.from:] {
			f := entry.Facts.(*facts)
			for ; f.told < len(entry.Timeline); f.told++ {
				if f.told == 0 && len(entry.Timeline) > 1 && entry.Timeline[1].At.Equal(entry.Timeline[0].At) {
					continue // it never stood so
				}
				event := wire.EventUpdate
				if f.told == 0 || f.told == 1 && entry.Timeline[1].At.Equal(entry.Timeline[0].At) {
					event = wire.EventCreate
				}
				told = append(told, h.post(f, event, e.door.tell(b, entry, f.told+1)))
			}
			if i == 0 && now.Sub(entry.At) > watched {
				e.hooks.from++
			}
		}
	})
	return h.spoil(told)
}

// spoil makes of webhooks what the hook's faults make of them.
func (h Hook) spoil(told []Post) []Post {
	if h.Lose {
		return nil
	}
	if h.Reorder {
		slices.Reverse(told)
	}
	var out []Post
	for _, p := range told {
		if p.URL == "" {
			continue
		}
		if h.Forge {
			out = append(out, h.forged(p))
		}
		for range 1 + h.Copies {
			out = append(out, p)
		}
	}
	return out
}

// post makes a webhook.
func (h Hook) post(f *facts, event string, t wire.Transaction) Post {
	agent, url := wire.AgentPrepaid, h.URL
	if f.bill != nil {
		agent = wire.AgentPostpaid
	}
	if f.callback != "" {
		url = f.callback
	}
	return h.signed(url, agent, event, raw(wire.Hook{Data: t}))
}

func (h Hook) signed(url, agent, event string, body []byte) Post {
	p := Post{URL: url, Header: http.Header{}, Body: body}
	p.Header.Set("Content-Type", "application/json")
	p.Header.Set("User-Agent", agent)
	if event != "" {
		p.Header.Set(wire.HeaderEvent, event)
	}
	if h.Secret != "" {
		p.Header.Set(wire.HeaderSignature, wire.HookSignature(h.Secret, body))
	}
	return p
}

// forged says the opposite of a webhook, signed by somebody else.
func (h Hook) forged(p Post) Post {
	var hook wire.Hook
	if err := json.Unmarshal(p.Body, &hook); err != nil {
		panic("emulator: " + err.Error()) // made by post
	}
	if hook.Data.RC == wire.RCSuccess {
		hook.Data.RC, hook.Data.Status, hook.Data.SN = wire.RCFailed, wire.StatusFailed, ""
	} else {
		hook.Data.RC, hook.Data.Status, hook.Data.SN = wire.RCSuccess, wire.StatusSuccess, "FORGED"
	}
	h.Secret += "not"
	return h.signed(p.URL, p.Header.Get("User-Agent"), p.Header.Get(wire.HeaderEvent), raw(hook))
}

// Deliver posts what has happened since the last time, once, and says how many.
func (e *Emulator) Deliver(ctx context.Context) (int, error) {
	posts := e.Posts()
	var errs []error
	for _, p := range posts {
		errs = append(errs, e.hooks.send(ctx, p))
	}
	return len(posts), errors.Join(errs...)
}

func (x *hooks) send(ctx context.Context, p Post) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(p.Body))
	if err != nil {
		return err
	}
	req.Header = p.Header.Clone()
	resp, err := x.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // whatever it says, it is posted once
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("webhook answered with %d", resp.StatusCode)
	}
	return nil
}

// Run delivers until ctx ends. What cannot be posted is lost.
func (e *Emulator) Run(ctx context.Context) {
	const every = 200 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, _ = e.Deliver(ctx) // delivery is best effort
		}
	}
}

// Ping posts what is posted when a webhook is set up: the secret is in it.
func (e *Emulator) Ping(ctx context.Context) error { return e.hooks.send(ctx, e.PingPost()) }

// PingPost is that webhook.
func (e *Emulator) PingPost() Post {
	e.hooks.mu.Lock()
	h := e.hooks.hook
	e.hooks.mu.Unlock()
	var p wire.Ping
	p.Sed, p.HookID = "Hook is ready", "eyJpdiI6Ik"
	p.Hook.URL, p.Hook.Secret, p.Hook.Type, p.Hook.Status = lenient.Text(h.URL), lenient.Text(h.Secret), "prepaid", "1"
	return h.signed(h.URL, wire.AgentPrepaid, "", raw(p))
}
