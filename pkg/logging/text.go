package logging

import (
	"errors"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/muarahq/muara/pkg/mask"
)

// texts are the attributes that may hold the words of somebody else: errors, panics, a library's messages, a source's code.
var texts = map[string]bool{"error": true, "record_error": true, "message": true, "code": true, "why": true}

// Text is what a log says of an error: its text without the values that it may quote. Postgres repeats a value that it cannot
// take; of what anybody else repeats, runs of digits that are long enough for a customer's number are masked.
func Text(err error) string {
	text := err.Error()
	const dataException = "22"
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && strings.HasPrefix(pg.Code, dataException) {
		text = strings.ReplaceAll(text, pg.Message, "a value was not taken")
	}
	return numbers(text)
}

// The shortest telephone numbers and customers' ids that mean anybody have seven digits.
var digits = regexp.MustCompile(`[0-9]{7,}`)

func numbers(text string) string { return digits.ReplaceAllStringFunc(text, mask.Number) }
