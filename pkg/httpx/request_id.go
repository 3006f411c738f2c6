package httpx

import (
	"context"
	"crypto/rand"
	"net/http"
)

// RequestIDHeader names a request in both directions.
const RequestIDHeader = "X-Request-Id"

const maxRequestID = 128

type requestIDKey struct{}

// RequestID is the caller's id of the request if it is 1–128 of [A-Za-z0-9._-],
// else a new one of ours.
func RequestID(r *http.Request) string {
	if id := r.Header.Get(RequestIDHeader); validRequestID(id) {
		return id
	}
	return rand.Text()
}

func validRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// WithRequestID carries the id to whoever logs or enqueues on behalf of the request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestIDOf is the id that ctx carries; empty when there is none.
func RequestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
