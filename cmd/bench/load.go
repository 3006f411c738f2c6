package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// barrage sends requests over kept connections, each as soon as the one before it on its connection was answered. It
// writes bytes that are all but ready and reads no more of an answer than its length, so that the load takes as little
// as possible of the cores that it shares with what is measured.
type barrage struct {
	addr  string
	conns int
	// want is the status of every answer.
	want int
	// request appends the nth request of all.
	request func(buf []byte, n int64) []byte
	// It lasts for a time, or for a number of requests.
	span  time.Duration
	total int64
}

// volley is what came of a barrage.
type volley struct {
	answered int64
	bytes    int64 // of bodies
	took     time.Duration
	waits    []time.Duration
}

func (v *volley) perSecond() float64 { return float64(v.answered) / v.took.Seconds() }

func (b barrage) run(ctx context.Context) (*volley, error) {
	if b.span > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, b.span, errOver)
		defer cancel()
	}
	var next atomic.Int64
	parts := make([]volley, b.conns)
	errs := make([]error, b.conns)
	var wg sync.WaitGroup
	begun := time.Now()
	for i := range b.conns {
		wg.Go(func() { errs[i] = b.one(ctx, &next, &parts[i]) })
	}
	wg.Wait()
	all := &volley{took: time.Since(begun)}
	for _, p := range parts {
		all.answered += p.answered
		all.bytes += p.bytes
		all.waits = append(all.waits, p.waits...)
	}
	if err := errors.Join(errs...); err != nil {
		return all, err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errOver) {
		return all, cause
	}
	return all, nil
}

// errOver ends a barrage whose time has passed.
var errOver = errors.New("the time is over")

// one sends over one connection.
func (b barrage) one(ctx context.Context, next *atomic.Int64, v *volley) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", b.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	var out []byte
	for ctx.Err() == nil {
		n := next.Add(1) - 1
		if b.total > 0 && n >= b.total {
			return nil
		}
		out = b.request(out[:0], n)
		sent := time.Now()
		if _, err := conn.Write(out); err != nil {
			return err
		}
		status, size, err := answer(in, b.want)
		if err != nil {
			return err
		}
		if status != b.want {
			return fmt.Errorf("answered %d, not %d", status, b.want)
		}
		v.waits = append(v.waits, time.Since(sent))
		v.answered++
		v.bytes += size
	}
	return nil
}

// answer reads one answer and gives its status and its body's length. The body of one that is not wanted is the error.
func answer(in *bufio.Reader, want int) (status int, size int64, err error) {
	head, err := in.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(head) < len("HTTP/1.1 200") {
		return 0, 0, fmt.Errorf("answered %q", head)
	}
	if status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return 0, 0, fmt.Errorf("answered %q", head)
	}
	length, chunked, err := headers(in)
	if err != nil {
		return status, 0, err
	}
	if status != want {
		body, _ := io.ReadAll(io.LimitReader(in, min(max(length, 0), 4<<10))) // what there is of it
		return status, 0, fmt.Errorf("answered %d: %s", status, body)
	}
	if chunked {
		size, err = chunks(in)
		return status, size, err
	}
	_, err = in.Discard(int(length))
	return status, length, err
}

// headers reads to the end of the head.
func headers(in *bufio.Reader) (length int64, chunked bool, err error) {
	for {
		h, err := in.ReadSlice('\n')
		if err != nil {
			return 0, false, err
		}
		switch {
		case len(h) <= 2:
			return length, chunked, nil
		case bytes.HasPrefix(h, []byte("Content-Length: ")):
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(h[len("Content-Length: "):])), 10, 64); err != nil {
				return 0, false, err
			}
		case bytes.HasPrefix(h, []byte("Transfer-Encoding: chunked")):
			chunked = true
		}
	}
}

// chunks reads a chunked body.
func chunks(in *bufio.Reader) (size int64, err error) {
	for {
		h, err := in.ReadSlice('\n')
		if err != nil {
			return size, err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(h)), 16, 64)
		if err != nil {
			return size, err
		}
		if _, err := in.Discard(int(n) + 2); err != nil {
			return size, err
		}
		if n == 0 {
			return size, nil
		}
		size += n
	}
}
