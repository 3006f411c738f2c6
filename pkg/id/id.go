// Package id makes the numbers that rows are known by and the text that stands
// for them where merchants read: 13 characters that nobody misreads or guesses.
package id

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"
)

// crockford is the alphabet: no I, L, O or U to misread.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// size is the length of an id's text.
const size = 13

// epoch is where the milliseconds of an id start; 41 bits of them last 69 years.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant that Go cannot write as one

// New gives an id that grows with time and that nobody can guess or collide with
// by plan: 41 bits of milliseconds, 22 of randomness. Two that collide all the
// same meet the primary key, and the later one is drawn again.
func New(now time.Time) int64 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	ms := max(now.Sub(epoch).Milliseconds(), 0)
	return ms<<22 | int64(binary.BigEndian.Uint32(b[:])&(1<<22-1))
}

// Epoch is the moment from which ids are counted.
func Epoch() time.Time { return epoch }

// First gives the least id that may have been made at a time or after it: an id of
// the same row's time is not less.
func First(at time.Time) int64 {
	return max(at.Sub(epoch).Milliseconds(), 0) << 22
}

// Text writes an id.
func Text(n int64) string {
	var buf [size]byte
	for i := len(buf) - 1; i >= 0; i-- {
		buf[i] = crockford[n&31]
		n >>= 5
	}
	return string(buf[:])
}

// Parse reads a text back; ok is false for anything that Text does not write.
func Parse(s string) (n int64, ok bool) {
	if len(s) != size {
		return 0, false
	}
	for i := range len(s) {
		d := strings.IndexByte(crockford, s[i])
		if d < 0 || (i == 0 && d > 7) {
			return 0, false
		}
		n = n<<5 | int64(d)
	}
	return n, true
}
