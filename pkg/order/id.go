package order

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"
)

// crockford is the alphabet of public ids: no I, L, O or U to misread.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// idEpoch is where the milliseconds of an id start; 41 bits of them last 69 years.
var idEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant that Go cannot write as one

// newID gives an id that grows with time and that nobody can guess or collide
// with by plan: 41 bits of milliseconds, 22 of randomness. Two that collide all
// the same meet the primary key, and the later one is drawn again.
func newID(now time.Time) int64 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	ms := max(now.Sub(idEpoch).Milliseconds(), 0)
	return ms<<22 | int64(binary.BigEndian.Uint32(b[:])&(1<<22-1))
}

func prefix(c Category) string {
	switch c {
	case PPOB:
		return "PPOB-"
	case SMM:
		return "SMM-"
	case OTP:
		return "OTP-"
	case Product:
	}
	return "PRD-"
}

// PublicID is the order_id that merchants see.
func PublicID(c Category, id int64) string { return prefix(c) + encode(id) }

// encode writes an id in 13 characters.
func encode(id int64) string {
	var buf [13]byte
	for i := len(buf) - 1; i >= 0; i-- {
		buf[i] = crockford[id&31]
		id >>= 5
	}
	return string(buf[:])
}

// PublicID is the order_id that merchants see.
func (o *Order) PublicID() string { return PublicID(o.Category, o.ID) }

// ParsePublicID reads an order_id back; ok is false for anything else.
func ParsePublicID(s string) (c Category, id int64, ok bool) {
	head, tail, found := strings.Cut(s, "-")
	if !found || len(tail) != 13 {
		return "", 0, false
	}
	switch head {
	case "PPOB":
		c = PPOB
	case "SMM":
		c = SMM
	case "OTP":
		c = OTP
	case "PRD":
		c = Product
	default:
		return "", 0, false
	}
	for i := range len(tail) {
		d := strings.IndexByte(crockford, tail[i])
		if d < 0 || (i == 0 && d > 7) {
			return "", 0, false
		}
		id = id<<5 | int64(d)
	}
	return c, id, true
}
