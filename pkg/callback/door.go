package callback

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// MaxBody bounds a callback, in bytes.
	MaxBody = 64 << 10
	// firstLook is when the scheduler takes a callback whose task was lost.
	firstLook = 5 * time.Second
	// storeTimeout bounds the wait for the database.
	storeTimeout = 3 * time.Second
	// atOnce is how many are stored at the same time, so that a storm leaves the
	// database to the merchants.
	atOnce = 8
	// inSecond is how many of one source are taken in a second.
	inSecond = 100
)

// Door takes callbacks. It is safe for use by many goroutines.
type Door struct {
	pool    *pgxpool.Pool
	now     func() time.Time
	log     *slog.Logger
	sources map[[sha256.Size]byte]*source
	slots   chan struct{}
	taken   *prometheus.CounterVec
}

// source is whom a token stands for, and how much of it was taken in this second.
type source struct {
	name   string
	mu     sync.Mutex
	second int64
	n      int
}

func (s *source) admit(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if second := now.Unix(); second != s.second {
		s.second, s.n = second, 0
	}
	s.n++
	return s.n <= inSecond
}

// NewDoor takes callbacks of these sources, by their tokens. reg may be nil.
func NewDoor(pool *pgxpool.Pool, tokens map[string]string, now func() time.Time, log *slog.Logger, reg prometheus.Registerer) *Door {
	d := &Door{
		pool: pool, now: now, log: log, sources: map[[sha256.Size]byte]*source{}, slots: make(chan struct{}, atOnce),
		taken: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_callbacks_total", Help: "Callbacks by what became of them at the door; those under an unknown token are nobody's.",
		}, []string{"upstream", "outcome"}),
	}
	for token, name := range tokens {
		// By a digest of it: how long the comparison takes says nothing of the token.
		d.sources[sha256.Sum256([]byte(token))] = &source{name: name}
	}
	if reg != nil {
		reg.MustRegister(d.taken)
	}
	return d
}

// nobody is the upstream of a token that is not known, among the metrics.
const nobody = "none"

// Take stores what was posted under a token, and gives its id and whose it is, so that
// a worker may be told; zero when there is nothing to tell. It never fails: whoever
// posted learns nothing.
func (d *Door) Take(ctx context.Context, token string, header http.Header, body io.Reader) (id int64, upstream string) {
	s := d.sources[sha256.Sum256([]byte(token))]
	if s == nil {
		d.taken.WithLabelValues(nobody, "unknown").Inc()
		return 0, ""
	}
	id, outcome := d.take(ctx, s, header, body)
	d.taken.WithLabelValues(s.name, outcome).Inc()
	return id, s.name
}

func (d *Door) take(ctx context.Context, s *source, header http.Header, body io.Reader) (int64, string) {
	now := d.now().UTC()
	if !s.admit(now) {
		return 0, "too_many"
	}
	raw, err := io.ReadAll(io.LimitReader(body, MaxBody+1))
	switch {
	case err != nil:
		return 0, "unreadable"
	case len(raw) > MaxBody:
		return 0, "too_large"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return 0, "too_many"
	}
	id, err := d.store(ctx, s.name, kept(header), raw, now)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, "repeated"
	case err != nil:
		d.log.WarnContext(ctx, "callback not stored", "upstream", s.name, "error", err)
		return 0, "lost"
	}
	return id, "stored"
}

// What was applied before, or waits already, is not stored again.
const storeSQL = `INSERT INTO callbacks (upstream, headers, body, redacted, digest, state, attempts, next_run_at, received_at)
	SELECT $1, $2::jsonb, $3, $4, $5::bytea, 'new', 0, $6, $7 WHERE NOT EXISTS (SELECT FROM callbacks WHERE upstream = $1 AND digest = $5 AND state = 'applied')
	ON CONFLICT (upstream, digest) WHERE state = 'new' DO NOTHING RETURNING id`

func (d *Door) store(ctx context.Context, upstream string, headers map[string]string, raw []byte, now time.Time) (id int64, err error) {
	sum := digest(headers, raw)
	body, redacted := redact(headers["Content-Type"], raw)
	if body == nil {
		body = []byte{}
	}
	err = d.pool.QueryRow(ctx, storeSQL, upstream, headers, body, redacted, sum, now.Add(firstLook), now).Scan(&id)
	return id, err
}
