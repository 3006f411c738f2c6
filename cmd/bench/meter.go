package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// meter tells who used the cores while something was measured, and so what bounds it.
type meter struct {
	postmaster, redis int
}

// newMeter asks the servers for their process ids.
func newMeter(ctx context.Context, pool *pgxpool.Pool, rdb redis.UniversalClient) (*meter, error) {
	m := &meter{}
	var file string
	if err := pool.QueryRow(ctx, `SELECT pg_read_file('postmaster.pid')`).Scan(&file); err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(file, "\n")
	var err error
	if m.postmaster, err = strconv.Atoi(first); err != nil {
		return nil, fmt.Errorf("postmaster.pid: %w", err)
	}
	info, err := rdb.Info(ctx, "server").Result()
	if err != nil {
		return nil, err
	}
	found := regexp.MustCompile(`process_id:(\d+)`).FindStringSubmatch(info)
	if found == nil {
		return nil, errors.New("redis does not tell its process")
	}
	m.redis, err = strconv.Atoi(found[1])
	return m, err
}

// use is processor time by who used it.
type use map[string]time.Duration

// watch is a measurement of who uses the cores.
type watch struct {
	m     *meter
	ps    []*process
	begun time.Time
	used  use
	took  time.Duration
}

// watch starts a measurement over these processes and the servers.
func (m *meter) watch(ps ...*process) *watch {
	return &watch{m: m, ps: ps, used: m.sample(ps), begun: time.Now()}
}

// stop ends it, before a process that is measured does.
func (w *watch) stop() {
	after := w.m.sample(w.ps)
	w.took = time.Since(w.begun)
	for name, before := range w.used {
		w.used[name] = after[name] - before
	}
}

// each tells the cores in use and the processor time that a piece of work took, of perSecond that were done.
func (w *watch) each(perSecond float64) string {
	n := perSecond * w.took.Seconds()
	cost := func(d time.Duration) string {
		return fmt.Sprintf("%.2f (%.0f µs)", float64(d)/float64(w.took), float64(d.Microseconds())/n)
	}
	var parts []string
	var all time.Duration
	for _, name := range slices.Sorted(maps.Keys(w.used)) {
		if d := w.used[name]; d > 0 {
			all += d
			parts = append(parts, name+" "+cost(d))
		}
	}
	return "cores in use, and time for each: " + cost(all) + " = " + strings.Join(parts, " + ")
}

func (m *meter) sample(ps []*process) use {
	names := map[int]string{m.redis: "redis", os.Getpid(): "bench"}
	for _, p := range ps {
		names[p.cmd.Process.Pid] = p.name
	}
	out := use{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range stats {
		pid, parent, used, ok := readStat(path)
		if !ok {
			continue
		}
		name := names[pid]
		if pid == m.postmaster || parent == m.postmaster {
			name = "postgres"
		}
		if name != "" {
			out[name] += used
		}
	}
	return out
}

// readStat reads proc(5); the third field is the first after the command's closing parenthesis.
func readStat(path string) (pid, parent int, used time.Duration, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, 0, false // it ended
	}
	head, tail, found := strings.Cut(string(text), " (")
	if !found {
		return 0, 0, 0, false
	}
	fields := strings.Fields(tail[strings.LastIndexByte(tail, ')')+1:])
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	if len(fields) < 13 {
		return 0, 0, 0, false
	}
	pid, _ = strconv.Atoi(head)
	parent, _ = strconv.Atoi(fields[1])
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return pid, parent, time.Duration(user+system) * tick, true
}

// memory gives a process's resident memory now and at its peak, in MiB.
func memory(p *process) (now, peak float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	read := func(name string) float64 {
		_, rest, _ := strings.Cut(string(text), name+":")
		kib, _ := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
		return kib / 1024
	}
	return read("VmRSS"), read("VmHWM"), nil
}
