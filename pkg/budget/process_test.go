package budget

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testproc"
)

// workEnv makes the test binary a worker process: its value is the work, as JSON.
const workEnv = "MUARA_BUDGET_WORK"

func TestMain(m *testing.M) {
	if text := os.Getenv(workEnv); text != "" {
		if err := work(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// scale is the size of the run of real processes.
type scale struct {
	Limit   Limit
	Latency time.Duration // the longest; the mean is half
	Hold    time.Duration
	Buys    int // at the start, a process
	Late    int // one after the other while polls wait, a process
	Polls   int // a process
}

// The full one takes three quarters of an hour: MUARA_BUDGET_SCALE=full go test -run TestFourProcesses -timeout 2h
func scaleOf(name string) scale {
	if name == "full" {
		return scale{Limit{5, 10 * time.Second}, 3 * time.Second, 5 * time.Second, 25, 5, 250}
	}
	return scale{Limit{40, 2 * time.Second}, 600 * time.Millisecond, 1500 * time.Millisecond, 10, 5, 85}
}

type job struct {
	Redis, URL  string
	Scale       scale
	Polls, Buys int
	Late        []time.Duration // after the start
}

// event is a line a worker prints.
type event struct {
	Class    Class
	Late     bool
	Done     bool
	Came, At int64 // Unix ns
	ID       int
	process  int
	ended    int64 // Unix ns, or 0 if its process died
}

// work is a worker process: everything waits at once, each call takes its slot, asks the judge and returns the slot.
func work(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	opts, err := redis.ParseURL(j.Redis)
	if err != nil {
		return err
	}
	b := New(redis.NewClient(opts), "judged", j.Scale.Limit, j.Scale.Hold)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	var wg sync.WaitGroup
	var mu sync.Mutex
	out, ids := json.NewEncoder(os.Stdout), 0
	tell := func(e event) {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(e); err != nil {
			panic(err)
		}
	}
	start := func(class Class, after time.Duration) {
		ids++
		id := ids
		wg.Go(func() {
			pass(after)
			came := time.Now().UnixNano()
			slot, err := b.Acquire(context.Background(), class)
			if err != nil {
				panic(err)
			}
			tell(event{ID: id, Class: class, Late: after > 0, Came: came, At: time.Now().UnixNano()})
			ctx, cancel := context.WithDeadline(context.Background(), slot.Deadline())
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, j.URL, nil)
			if resp, err := client.Do(req); err == nil {
				_ = resp.Body.Close()
			}
			slot.Release(ctx)
			tell(event{ID: id, Class: class, Done: true, At: time.Now().UnixNano()})
		})
	}
	for range j.Polls {
		start(Poll, 0)
	}
	for range j.Buys {
		start(Buy, 0)
	}
	for _, after := range j.Late {
		start(Buy, after)
	}
	wg.Wait()
	return b.Stop(context.Background())
}

// crew is the worker processes of a test and what they said.
type crew struct {
	t      *testing.T
	mu     sync.Mutex
	given  []*event
	took   time.Duration          // of all calls that ended
	ended  int                    // calls
	open   map[int]map[int]*event // by process and id
	change chan struct{}
	wg     sync.WaitGroup
}

func (c *crew) start(n int, j job) *testproc.Process {
	text, err := json.Marshal(j)
	require.NoError(c.t, err)
	out, said := io.Pipe()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), workEnv+"="+string(text))
	cmd.Stdout, cmd.Stderr = said, os.Stderr
	proc := testproc.Start(c.t, cmd)
	go func() {
		<-proc.Done()
		_ = said.Close()
	}()
	c.wg.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				c.hear(n, &e)
			}
		}
	})
	return proc
}

func (c *crew) hear(n int, e *event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.process = n
	if c.open[n] == nil {
		c.open[n] = map[int]*event{}
	}
	if e.Done {
		c.open[n][e.ID].ended = e.At
		c.took += time.Duration(e.At - c.open[n][e.ID].At)
		c.ended++
		delete(c.open[n], e.ID)
	} else {
		c.given = append(c.given, e)
		c.open[n][e.ID] = e
	}
	select {
	case c.change <- struct{}{}:
	default:
	}
}

// overtaken counts the polls that were given a slot while the purchase waited for its first chance; slack is what a
// purchase's news takes to reach Redis, and a poll's slot to be noted by its process.
func (c *crew) overtaken(buy *event, slack time.Duration) (polls int) {
	for _, e := range c.given {
		if e.Class == Poll && e.At > buy.Came+int64(slack) && e.At < buy.At-int64(slack) {
			polls++
		}
	}
	return polls
}

// usage is which part of all slots' time was used, from the first call to the last poll: so long there is a backlog. A call
// uses its slot until Per after its response, as it must; a dead process's until Per after its hold. It is the part of the
// ceiling, requests/(per+latency), that was reached.
func (c *crew) usage(s scale) float64 {
	first, last := c.given[0].At, c.given[0].At
	for _, e := range c.given {
		first = min(first, e.At)
		if e.Class == Poll {
			last = max(last, e.At)
		}
	}
	var busy int64
	for _, e := range c.given {
		end := e.ended
		if end == 0 {
			end = e.At + int64(s.Hold)
		}
		busy += max(0, min(end+int64(s.Limit.Per), last)-e.At)
	}
	return float64(busy) / float64(s.Limit.Requests) / float64(last-first)
}

// work has four processes do all there is to do. After a third of it the first one is killed while it holds slots, and
// another takes on what it had not begun.
func (c *crew) work(s scale, redisURL, url string) {
	total := 4 * (s.Buys + s.Late + s.Polls)
	expected := (s.Limit.Per + s.Latency/2) * time.Duration(total) / time.Duration(s.Limit.Requests)
	opens := s.Hold + s.Limit.Per
	start := func(n int) *testproc.Process {
		one := job{Redis: redisURL, URL: url, Scale: s, Polls: s.Polls, Buys: s.Buys}
		for i := range s.Late {
			one.Late = append(one.Late, opens+expected*time.Duration(40+8*i+2*n)/100)
		}
		return c.start(n, one)
	}
	victim := start(0)
	for n := 1; n < 4; n++ {
		start(n)
	}
	for holds := false; !holds; {
		<-c.change
		c.mu.Lock()
		holds = len(c.open[0]) > 0 && len(c.given) > total/3
		c.mu.Unlock()
	}
	victim.Kill()
	rest := job{Redis: redisURL, URL: url, Scale: s, Polls: s.Polls}
	c.mu.Lock()
	for _, e := range c.given {
		if e.process == 0 && e.Class == Poll {
			rest.Polls--
		}
	}
	c.mu.Unlock()
	for i := range s.Late {
		rest.Late = append(rest.Late, expected*time.Duration(10+8*i)/100)
	}
	c.start(4, rest)
	c.wg.Wait()
}

func TestFourProcessesKeepThePromiseAndUseTheCeiling(t *testing.T) {
	t.Parallel()
	s := scaleOf(os.Getenv("MUARA_BUDGET_SCALE"))
	srv := newServer(t)
	j := &judge{}
	upstream := httptest.NewServer(j.handler(s.Latency))
	t.Cleanup(upstream.Close)
	c := &crew{t: t, open: map[int]map[int]*event{}, change: make(chan struct{}, 1)}
	c.work(s, srv.URL, upstream.URL)

	breaches, tightest := j.breaches(s.Limit)
	used := c.usage(s)
	t.Logf("%d calls, %d arrivals, %d held by the killed process, breaches %d, tightest window of %d arrivals %s, mean latency %s, "+
		"%.1f %% of the ceiling, %d scripts", len(c.given), j.count(), len(c.open[0]), breaches, s.Limit.Requests+1, tightest,
		c.took/time.Duration(c.ended), 100*used, srv.scriptCalls())
	require.Zero(t, breaches)
	require.GreaterOrEqual(t, used, 0.95)
	late := 0
	for _, e := range c.given {
		if e.Late {
			late++
			require.Zero(t, c.overtaken(e, 40*time.Millisecond), "a purchase leaves with the next free slot")
			t.Logf("late purchase waited %s", time.Duration(e.At-e.Came).Round(time.Millisecond))
		}
	}
	require.GreaterOrEqual(t, late, 3*s.Late)
}
