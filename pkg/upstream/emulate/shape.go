package emulate

import (
	"encoding/json"
	"fmt"
	"sort"
)

// Shape compares an answer with a documented example: the same members, with
// values of the same JSON types, at every depth; of a list the first row stands
// for all. It gives what differs, empty when nothing does. Members named in
// loose are not looked into.
func Shape(example, answer []byte, loose ...string) ([]string, error) {
	var want, got any
	if err := json.Unmarshal(example, &want); err != nil {
		return nil, fmt.Errorf("example: %w", err)
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	skip := map[string]bool{}
	for _, name := range loose {
		skip[name] = true
	}
	var diff []string
	compare("$", want, got, skip, &diff)
	sort.Strings(diff)
	return diff, nil
}

func compare(at string, want, got any, skip map[string]bool, diff *[]string) {
	if a, b := fmt.Sprintf("%T", want), fmt.Sprintf("%T", got); a != b {
		*diff = append(*diff, fmt.Sprintf("%s: %s, not %s", at, b, a))
		return
	}
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for name, inner := range w {
			other, there := g[name]
			switch {
			case skip[name]:
			case !there:
				*diff = append(*diff, at+"."+name+": missing")
			default:
				compare(at+"."+name, inner, other, skip, diff)
			}
		}
		for name := range g {
			if _, there := w[name]; !there && !skip[name] {
				*diff = append(*diff, at+"."+name+": not documented")
			}
		}
	case []any:
		g, _ := got.([]any)
		if len(w) > 0 && len(g) > 0 {
			compare(at+"[0]", w[0], g[0], skip, diff)
		}
	}
}
