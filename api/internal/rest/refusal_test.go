package rest

import (
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
)

func TestAProblemNamesTheFieldAsItsCallerKnowsIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ location, message, field, says string }{
		{"query.limit", "expected integer", "limit", "expected integer"},
		{"body.items[0]", "expected length >= 1", "items[0]", "expected length >= 1"},
		{"body", "expected object", "body", "expected object"},
		{"body", sayRequired + "amount", "amount", "is required"},
		{"body.tiers[2]", sayRequired + "name", "tiers[2].name", "is required"},
	} {
		require.Equal(t, Problem{Field: c.field, Message: c.says}, problemOf(&huma.ErrorDetail{Location: c.location, Message: c.message}))
	}
}
