package wire

import (
	"encoding/json"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Facts are a bill's description: texts by their names. Only what is asked for by name
// is ever read out of it.
type Facts struct {
	Of      map[string]string
	Details []map[string]string
}

// Describe reads "desc" as far as it is text and numbers, one level deep, and the rows
// of its "detail". What has another form is left out: a description decides nothing.
func Describe(desc json.RawMessage) Facts {
	f := Facts{Of: map[string]string{}}
	var top map[string]json.RawMessage
	if lenient.Decode(desc, &top) != nil {
		return f
	}
	f.Of = texts(top)
	var rows []map[string]json.RawMessage
	if lenient.Decode(top["detail"], &rows) != nil {
		var one map[string]json.RawMessage
		if lenient.Decode(top["detail"], &one) != nil || one == nil {
			return f
		}
		rows = append(rows[:0], one)
	}
	for _, row := range rows {
		f.Details = append(f.Details, texts(row))
	}
	return f
}

func texts(from map[string]json.RawMessage) map[string]string {
	out := map[string]string{}
	for name, raw := range from {
		var t lenient.Text
		if t.UnmarshalJSON(raw) == nil && strings.TrimSpace(string(t)) != "" {
			out[name] = strings.TrimSpace(string(t))
		}
	}
	return out
}
