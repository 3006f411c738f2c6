package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"sync/atomic"
)

// receiver takes the webhooks of all merchants and answers 200 with as little work as an HTTP server can do.
type receiver struct {
	ln net.Listener
	// all counts what came, final what told that an order has succeeded.
	all, final atomic.Int64
}

func newReceiver() (*receiver, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{ln: ln}
	go r.accept()
	return r, nil
}

func (r *receiver) url() string { return "http://" + r.ln.Addr().String() + "/hook" }

func (r *receiver) close() error { return r.ln.Close() }

func (r *receiver) accept() {
	for {
		conn, err := r.ln.Accept()
		if err != nil {
			return
		}
		go r.serve(conn)
	}
}

// serve answers until the sender hangs up or sends what it should not; then the delivery is tried again.
func (r *receiver) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 16<<10)
	var body []byte
	for {
		if _, err := in.ReadSlice('\n'); err != nil {
			return
		}
		length, chunked, err := headers(in)
		if err != nil || chunked || length > 1<<20 {
			return
		}
		body = append(body[:0], make([]byte, length)...)
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return
		}
		r.all.Add(1)
		if bytes.Contains(body, []byte(`"status":"completed"`)) {
			r.final.Add(1)
		}
	}
}
