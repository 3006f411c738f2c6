package rest

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/fault"
)

const (
	defaultLimit = 50
	maxLimit     = 500
)

// PageParams are the parameters of every paged list. (Huma sees embedded structs only where they are exported.)
type PageParams struct {
	Limit  string `query:"limit" doc:"Rows in one answer, at least 1; above 500 is 500." example:"50" default:"50"`
	Cursor string `query:"cursor" doc:"Where to go on: the last answer's next_cursor."`
}

// Parse gives the number of rows and the key that the page ends before (zero: from the newest).
func (p *PageParams) Parse(kind CursorKind) (limit int, before int64, err error) {
	limit = defaultLimit
	if p.Limit != "" {
		n, err := strconv.Atoi(p.Limit)
		if err != nil && isDigits(p.Limit) {
			n, err = maxLimit, nil // a number too large to count is above 500 too
		}
		if err != nil || n < 1 {
			return 0, 0, fault.Field("limit", "must be a whole number of 1 or more")
		}
		limit = min(n, maxLimit)
	}
	if p.Cursor != "" {
		var ok bool
		if before, ok = ParseCursor(kind, p.Cursor); !ok {
			return 0, 0, fault.Field("cursor", "is not one of ours")
		}
	}
	return limit, before, nil
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// CursorKind tells the cursors of the lists apart.
type CursorKind byte

const (
	cursorKey  = 8
	cursorSize = 1 + cursorKey + crc32.Size
)

// Cursor writes a key so that nobody is tempted to read it, and with a sum, so
// that a spoilt one is refused and not obeyed.
func Cursor(kind CursorKind, key int64) string {
	b := make([]byte, 0, cursorSize)
	b = append(b, byte(kind))
	b = binary.BigEndian.AppendUint64(b, uint64(key))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads what [Cursor] wrote.
func ParseCursor(kind CursorKind, text string) (key int64, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != cursorSize || b[0] != byte(kind) {
		return 0, false
	}
	if crc32.ChecksumIEEE(b[:1+cursorKey]) != binary.BigEndian.Uint32(b[1+cursorKey:]) {
		return 0, false
	}
	key = int64(binary.BigEndian.Uint64(b[1:]))
	// base64 passes over line breaks: what is not as it was given out is spoilt.
	return key, key > 0 && Cursor(kind, key) == text
}

// RangeParams select by time.
type RangeParams struct {
	From string `query:"from" doc:"From this time on (RFC 3339), or from the start of this day (YYYY-MM-DD)." example:"2026-11-01"`
	To   string `query:"to" doc:"Before this time (RFC 3339), or up to the end of this day (YYYY-MM-DD)." example:"2026-11-30"`
}

// Parse reads both ends; a bare date is a day in the brand's time zone, and as to includes that day.
func (p *RangeParams) Parse(loc *time.Location) (from, to *time.Time, err error) {
	if from, err = parseTime("from", p.From, loc, 0); err != nil {
		return nil, nil, err
	}
	if to, err = parseTime("to", p.To, loc, 1); err != nil {
		return nil, nil, err
	}
	return from, to, nil
}

func parseTime(field, text string, loc *time.Location, addDays int) (*time.Time, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no bound is no error
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, loc); err == nil {
		day = day.AddDate(0, 0, addDays)
		return &day, nil
	}
	// A plus that was not escaped arrives as a space.
	t, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "+", 1))
	if err != nil {
		return nil, fault.Field(field, "must be a time (RFC 3339) or a day (YYYY-MM-DD)")
	}
	return &t, nil
}
