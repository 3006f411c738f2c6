package order

import (
	"strings"

	"github.com/muarahq/muara/pkg/id"
)

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
func PublicID(c Category, n int64) string { return prefix(c) + id.Text(n) }

// PublicID is the order_id that merchants see.
func (o *Order) PublicID() string { return PublicID(o.Category, o.ID) }

// ParsePublicID reads an order_id back; ok is false for anything else.
func ParsePublicID(s string) (c Category, n int64, ok bool) {
	head, tail, found := strings.Cut(s, "-")
	if !found {
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
	if n, ok = id.Parse(tail); !ok {
		return "", 0, false
	}
	return c, n, true
}
