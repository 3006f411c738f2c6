package pages

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/muarahq/muara/docs"
)

// Complete tells what the guide leaves out or makes up: whatever the API has must
// have its words in both languages, and no words may be left of what it has no more.
func Complete(doc *huma.OpenAPI, facts Facts) error {
	examples, err := Examples(doc)
	if err != nil {
		return err
	}
	operations, tagged := map[string]bool{}, map[string]bool{}
	for _, t := range doc.Tags {
		tagged[t.Name] = true
	}
	for id, e := range examples {
		operations[id] = slices.ContainsFunc(e.Operation.Tags, func(t string) bool { return tagged[t] })
	}
	refusals, events := map[string]bool{}, map[string]bool{}
	for _, r := range facts.Refusals {
		refusals[r.Name] = true
	}
	for _, e := range facts.Events {
		events[e] = true
	}
	var wrong []error
	same := func(what string, has, said []string) {
		for _, name := range has {
			if !slices.Contains(said, name) {
				wrong = append(wrong, fmt.Errorf("pages: %s %q has no words", what, name))
			}
		}
		for _, name := range said {
			if !slices.Contains(has, name) {
				wrong = append(wrong, fmt.Errorf("pages: there are words for %s %q, which is none", what, name))
			}
		}
	}
	for id, ok := range operations {
		if !ok {
			wrong = append(wrong, fmt.Errorf("pages: operation %q has no tag of the document", id))
		}
	}
	same("operation", sortedKeys(operations), sortedKeys(endpointTexts))
	same("tag", sortedKeys(tagged), sortedKeys(tagTexts))
	same("refusal", sortedKeys(refusals), sortedKeys(refusalTexts))
	same("event", sortedKeys(events), sortedKeys(eventTexts))
	same("status of an order", statusesOf(doc, "PPOBView"), named(orderStatuses))
	same("status of a deposit", statusesOf(doc, "DepositData"), named(depositStatuses))
	same("status of a withdrawal", statusesOf(doc, "WithdrawData"), named(withdrawStatuses))
	same("digits", firsts("By the digits", func(cell string) string { return cell }), sortedKeys(digitTexts))
	same("SKU", firsts("By the SKU", skuKey), sortedKeys(skuTexts))
	if changes[0].version != doc.Info.Version {
		wrong = append(wrong, fmt.Errorf("pages: the document is version %s and the newest change is of %s", doc.Info.Version, changes[0].version))
	}
	return errors.Join(wrong...)
}

// statusesOf gives the values of a schema's status.
func statusesOf(doc *huma.OpenAPI, schema string) []string {
	s := doc.Components.Schemas.Map()[schema]
	if s == nil || s.Properties["status"] == nil {
		return nil
	}
	var out []string
	for _, v := range newReader(doc).resolve(s.Properties["status"]).Enum {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func named(all []statusText) []string {
	var out []string
	for _, s := range all {
		out = append(out, s.status)
	}
	return out
}

func firsts(heading string, key func(string) string) []string {
	seen := map[string]bool{}
	for _, row := range tableIn(section(docs.TestMode, heading)) {
		seen[key(row[0])] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
