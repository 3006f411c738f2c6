package emulate

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what all emulators have in common. The zero value is an emulator
// without limit that lets everything succeed at once.
type Config struct {
	// Clock is the provider's own; nil is the machine's.
	Clock func() time.Time
	Seed  uint64
	// Balance is the opening balance in rupiah; zero is 1,000,000,000.
	Balance int64
	Limit   Limit
	// Script decides outcomes; nil is [Digits] at once.
	Script Script
	// Payer decides when invoices are paid by themselves; nil is never.
	Payer Payer
	// KeepRequests bounds the log of arrivals; zero is 100,000.
	KeepRequests int
}

const (
	defaultBalance = 1_000_000_000
	defaultKept    = 100_000
	maxRequestBody = 1 << 20
)

// Request is a request as an endpoint sees it.
type Request struct {
	Method string
	// Host is what the client called us.
	Host   string
	Path   string
	Query  url.Values
	Header http.Header
	Body   []byte
	// Now is the provider's clock at the moment of effect.
	Now time.Time
}

// Subject is what a request is about, for the log of arrivals.
type Subject struct {
	Product string `json:"product,omitempty"`
	Target  string `json:"target,omitempty"`
	Ref     string `json:"ref,omitempty"`
}

// Answer is an endpoint's answer: a status and a JSON body, or Raw of a media type.
// Lost replaces it by a gateway's error page.
type Answer struct {
	Status int
	Body   any
	Raw    []byte
	Type   string
	Lost   bool
	// Header is what stands above the body besides its type.
	Header http.Header
}

// encode gives the body and its media type.
func (a Answer) encode() (body []byte, mediaType string, err error) {
	if a.Raw != nil {
		return a.Raw, a.Type, nil
	}
	body, err = json.Marshal(a.Body)
	return body, "application/json; charset=utf-8", err
}

// Provider is what an emulator adds to the core.
type Provider interface {
	// Purchase is whether a request to this path buys something.
	Purchase(path string) bool
	// Describe tells what a request is about, as far as it says.
	Describe(r *Request) Subject
	// Answer carries a request out. The book is locked; the body must not be
	// changed afterwards.
	Answer(b *Book, r *Request) Answer
}

// Arrival is a line of the log of arrivals.
type Arrival struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Subject
	// Fate is what became of it: answered, blocked, or the fault that hit it.
	Fate string `json:"fate"`
}

// Core is the part of an emulator that every provider shares. It is safe for
// use by many goroutines.
type Core struct {
	clock    func() time.Time
	provider Provider
	uplinks  atomic.Int32 // number of uplink rules, so that none costs no lock

	mu       sync.Mutex
	book     *Book
	judge    judge
	faults   faults
	chance   *rand.Rand // for faults, so that they do not shift outcomes
	log      []*Arrival
	kept     int
	arrivals map[string]int
	conns    map[string]struct{} // connections that served a request
}

// NewCore makes the shared part of an emulator of a provider.
func NewCore(cfg Config, p Provider) *Core {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Balance == 0 {
		cfg.Balance = defaultBalance
	}
	if cfg.Script == nil {
		cfg.Script = Digits(0, 0)
	}
	if cfg.Payer == nil {
		cfg.Payer = PaidAfter(0)
	}
	if cfg.KeepRequests == 0 {
		cfg.KeepRequests = defaultKept
	}
	return &Core{
		clock:    cfg.Clock,
		provider: p,
		book: &Book{
			Rand:    rand.New(rand.NewPCG(cfg.Seed, 1)),
			balance: cfg.Balance,
			opening: cfg.Balance,
			byID:    map[string]*Entry{},
			byRef:   map[string]*Entry{},
			open:    map[*Entry]struct{}{},
			script:  cfg.Script,
			payer:   cfg.Payer,

			invoiceByID: map[string]*Invoice{},
		},
		judge:    judge{limit: cfg.Limit},
		chance:   rand.New(rand.NewPCG(cfg.Seed, 2)),
		kept:     cfg.KeepRequests,
		arrivals: map[string]int{},
		conns:    map[string]struct{}{},
	}
}

// call is one request on its way through the core.
type call struct {
	path     string
	purchase bool
	reused   bool
	slow     time.Duration
	fault    *Rule
	blocked  bool
}

// ServeHTTP takes a request through the limit and the faults to the endpoint.
// The arrival is stamped before anything else, except that an uplink fault
// stands for the way to us and so comes before the stamp.
func (c *Core) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.uplinks.Load() > 0 {
		c.wait(r, c.uplink(r))
	}
	at := c.clock()
	k, line := c.arrive(r, at)
	if k.fault != nil && k.fault.Kind == Drop && !k.fault.AfterEffect {
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req := &Request{Method: r.Method, Host: r.Host, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header, Body: body}
	c.describe(line, c.provider.Describe(req))
	if k.blocked {
		writePage(w, http.StatusTooManyRequests, blockPage)
		return
	}
	if k.fault == nil {
		c.wait(r, k.slow)
		write(w, c.effect(req))
		return
	}
	var answer Answer
	if k.fault.AfterEffect || k.fault.Kind == CloseReused {
		answer = c.effect(req)
		c.wait(r, k.slow)
	} else {
		c.wait(r, k.slow)
		answer = Answer{Status: http.StatusOK, Body: map[string]any{"success": true, "status": "success", "code": 200, "data": map[string]any{}}}
	}
	c.strike(w, r, k.fault, answer)
}

// arrive judges the request, chooses its fault and writes its line in the log.
func (c *Core) arrive(r *http.Request, at time.Time) (call, *Arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := call{path: r.URL.Path, purchase: c.provider.Purchase(r.URL.Path)}
	_, k.reused = c.conns[r.RemoteAddr]
	if r.Close {
		delete(c.conns, r.RemoteAddr)
	} else {
		c.conns[r.RemoteAddr] = struct{}{}
	}
	k.blocked = c.judge.arrive(at, k.path)
	fate := "answered"
	if k.blocked {
		fate = "blocked"
	} else {
		k.slow = c.faults.delay(Latency, &k, at, c.chance)
		if k.fault = c.faults.pick(&k, at, c.chance); k.fault != nil {
			fate = string(k.fault.Kind)
		}
	}
	c.arrivals[k.path]++
	if len(c.log) >= 2*c.kept {
		c.log = slices.Clone(c.log[len(c.log)-c.kept:])
	}
	line := &Arrival{At: at, Method: r.Method, Path: k.path, Fate: fate}
	c.log = append(c.log, line)
	return k, line
}

func (c *Core) describe(line *Arrival, s Subject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	line.Subject = s
}

func (c *Core) uplink(r *http.Request) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := call{path: r.URL.Path, purchase: c.provider.Purchase(r.URL.Path)}
	return c.faults.delay(Uplink, &k, c.clock(), c.chance)
}

// effect carries the request out.
func (c *Core) effect(req *Request) Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	req.Now = c.clock()
	c.book.advanceAll(req.Now)
	return c.provider.Answer(c.book, req)
}

// wait lets real time pass; a client that leaves ends it, while its request is
// still carried out, as at a real provider.
func (c *Core) wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// Do looks at the book, advanced to the present. The book must not be kept.
func (c *Core) Do(look func(b *Book, now time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	c.book.advanceAll(now)
	look(c.book, now)
}

// Books copies the book, advanced to the present, with the log of arrivals.
func (c *Core) Books() Books {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.book.advanceAll(c.clock())
	out := Books{
		Balance:    c.book.balance,
		Opening:    c.book.opening,
		Purchases:  make([]Purchase, len(c.book.entries)),
		Movements:  slices.Clone(c.book.moved),
		Arrivals:   map[string]int{},
		Violations: slices.Clone(c.judge.violations),
		Turned:     c.judge.turned,
	}
	for i, e := range c.book.entries {
		p := e.Purchase
		p.Codes, p.Timeline = slices.Clone(p.Codes), slices.Clone(p.Timeline)
		out.Purchases[i] = p
	}
	for _, i := range c.book.invoices {
		out.Invoices = append(out.Invoices, *i)
	}
	for _, line := range c.log[max(0, len(c.log)-c.kept):] {
		out.Requests = append(out.Requests, *line)
	}
	for path, n := range c.arrivals {
		out.Arrivals[path] = n
	}
	return out
}

// Violations are the breaches of the limit so far.
func (c *Core) Violations() []Violation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Violation{}, c.judge.violations...)
}

// SetScript changes what becomes of later purchases.
func (c *Core) SetScript(s Script) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.book.script = s
}

// SetBalance sets what is left, in rupiah, as if there had always been so much more
// or less: the opening balance and those of all movements move with it.
func (c *Core) SetBalance(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	by := n - c.book.balance
	c.book.opening += by
	c.book.balance = n
	for i := range c.book.moved {
		c.book.moved[i].Balance += by
	}
}

// Move changes the balance now by something that is no purchase: a top-up of ours,
// a fee.
func (c *Core) Move(amount int64, notes string) {
	c.Do(func(b *Book, now time.Time) { b.Move(now, amount, notes) })
}

// Settle makes everything that is planned happen now: the pending come to
// their end, codes arrive, numbers expire, invoices are paid or run out.
func (c *Core) Settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.book.settle(c.clock())
}

// AddFault scripts a fault and gives its id.
func (c *Core) AddFault(r Rule) (int, error) {
	if err := r.check(); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Kind == Uplink {
		c.uplinks.Add(1)
	}
	return c.faults.add(r, c.clock()), nil
}

// ClearFaults takes back one rule, or all with id 0, and says how many.
func (c *Core) ClearFaults(id int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.faults.rules)
	c.faults.rules = slices.DeleteFunc(c.faults.rules, func(r *Rule) bool { return id == 0 || r.ID == id })
	uplinks := int32(0)
	for _, r := range c.faults.rules {
		if r.Kind == Uplink {
			uplinks++
		}
	}
	c.uplinks.Store(uplinks)
	return before - len(c.faults.rules)
}

// Faults are the rules with their hits.
func (c *Core) Faults() []Rule {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Rule, 0, len(c.faults.rules))
	for _, r := range c.faults.rules {
		out = append(out, *r)
	}
	return out
}

// write sends an endpoint's answer.
func write(w http.ResponseWriter, a Answer) {
	if a.Lost {
		writePage(w, http.StatusBadGateway, gatewayPage)
		return
	}
	body, mediaType, err := a.encode()
	if err != nil {
		http.Error(w, "emulator: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(body) // the client may have gone; the effect stands
}
