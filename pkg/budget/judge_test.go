package budget

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// judge is the upstream's side: it stamps arrivals by its own clock, somewhere between a call's first byte and its response,
// and looks at every sliding window.
type judge struct {
	mu       sync.Mutex
	arrivals []time.Time
}

// call is the latency of one request: part of it before the arrival, the rest after.
func (j *judge) call(longest time.Duration) {
	latency := time.Duration(rand.Int64N(int64(longest) + 1))
	before := time.Duration(rand.Int64N(int64(latency) + 1))
	pass(before)
	j.arrive()
	pass(latency - before)
}

func (j *judge) arrive() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.arrivals = append(j.arrivals, time.Now())
}

// breaches counts the arrivals that were one too many in a window of per, its ends included, and the tightest window that
// requests+1 arrivals were seen in.
func (j *judge) breaches(limit Limit) (count int, tightest time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	slices.SortFunc(j.arrivals, time.Time.Compare)
	tightest = time.Hour
	for i := limit.Requests; i < len(j.arrivals); i++ {
		window := j.arrivals[i].Sub(j.arrivals[i-limit.Requests])
		tightest = min(tightest, window)
		if window <= limit.Per {
			count++
		}
	}
	return count, tightest
}

func (j *judge) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.arrivals)
}

func (j *judge) handler(longest time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		j.call(longest) // goes on if the caller dies: what was sent arrives
		w.WriteHeader(http.StatusNoContent)
	})
}
