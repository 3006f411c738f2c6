package smm

import (
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Service is a service as far as its orders depend on it. Min and Max bound the
// quantity; a Max of zero is no bound.
type Service struct {
	Kind     Kind
	Min, Max int64
	// Dripfeed: an order may be cut into runs.
	Dripfeed bool
}

// Order is what an order of a service comes to.
type Order struct {
	// Quantity is what the merchant reads: how many of the thing.
	Quantity int64
	// Units is what of the rate it takes, in thousandths.
	Units int64
	// Total is what "remains" counts down from; zero where it counts nothing of ours.
	Total int64
	// Inputs are the further fields, each in its one spelling.
	Inputs map[string]string
}

// Problem is what is wrong with one field.
type Problem struct{ Field, Message string }

// Read reads the fields of an order: quantity is nil where none was given, and
// inputs are texts, of which lists have their lines joined by newlines. The order is
// in its one spelling as far as it can be, whatever problems there are.
func (s Service) Read(quantity *int64, inputs map[string]string) (Order, []Problem) {
	r, ok := ruleOf(s.Kind)
	if !ok {
		return Order{}, []Problem{{"sku", "cannot be ordered"}}
	}
	o := Order{Inputs: plain(inputs)}
	var problems []Problem
	wrong := func(field, message string) { problems = append(problems, Problem{field, message}) }
	fields := s.fields(r)
	for _, name := range slices.Sorted(maps.Keys(o.Inputs)) {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
		if i < 0 {
			wrong(name, "is not a field of this service")
			continue
		}
		value, message := fields[i].read(o.Inputs[name])
		o.Inputs[name] = value
		if message != "" {
			wrong(name, message)
		}
	}
	for i := range fields {
		f := &fields[i]
		_, there := o.Inputs[f.Name]
		wanted := f.Required || f.When != "" && o.Inputs[f.When] == f.Is
		switch {
		case wanted && !there:
			wrong(f.Name, "is required for this service")
		case there && f.When != "" && o.Inputs[f.When] != f.Is:
			wrong(f.Name, "goes with "+f.When+" "+f.Is+" only")
		}
	}
	if _, runs := o.Inputs["runs"]; runs != (o.Inputs["interval"] != "") {
		wrong(map[bool]string{true: "interval", false: "runs"}[runs], "is required: runs and interval go together")
	}
	if len(problems) == 0 || r.counts == given {
		problems = append(problems, s.count(r, &o, quantity)...)
	}
	if len(o.Inputs) == 0 {
		o.Inputs = nil
	}
	return o, problems
}

// Readings are what an order comes to by each kind of service that takes it, whatever a
// service's bounds: one that was read before, by what its service was then, is among them.
func Readings(quantity *int64, inputs map[string]string) []Order {
	var all []Order
	for _, k := range Kinds() {
		if o, problems := (Service{Kind: k, Dripfeed: true}).Read(quantity, inputs); len(problems) == 0 {
			all = append(all, o)
		}
	}
	return all
}

// plain leaves out what says nothing: one run, no old posts.
func plain(inputs map[string]string) map[string]string {
	out := maps.Clone(inputs)
	if out == nil {
		out = map[string]string{}
	}
	if n, err := strconv.ParseInt(out["runs"], 10, 64); err == nil && n == 1 {
		delete(out, "runs")
		delete(out, "interval")
	}
	if n, err := strconv.ParseInt(out["old_posts"], 10, 64); err == nil && n == 0 {
		delete(out, "old_posts")
	}
	return out
}

// count works out the quantity and what follows from it.
func (s Service) count(r rule, o *Order, quantity *int64) []Problem {
	if r.counts == given {
		if quantity == nil {
			return []Problem{{"quantity", "is required"}}
		}
		o.Quantity = *quantity
	} else {
		o.Quantity = r.derive(o.Inputs)
	}
	var problems []Problem
	if quantity != nil && *quantity != o.Quantity {
		problems = append(problems, Problem{"quantity", "is " + strconv.FormatInt(o.Quantity, 10) + " by what this order holds; leave it out"})
	}
	switch r.counts {
	case given:
		problems = append(problems, s.bounded("quantity", o.Quantity)...)
	case byLines:
		problems = append(problems, s.bounded(r.list, o.Quantity)...)
	case byPosts:
		least, most := number(o.Inputs, "min"), number(o.Inputs, "max")
		if least > most {
			problems = append(problems, Problem{"max", "must not be under min"})
		}
		problems = append(problems, s.bounded("min", least)...)
		problems = append(problems, s.bounded("max", most)...)
	case single:
	}
	o.Units = Units(s.Kind, o.Quantity, o.Inputs)
	o.Total = Total(s.Kind, o.Quantity, o.Inputs)
	return problems
}

// bounded holds a number to what the service takes.
func (s Service) bounded(field string, n int64) []Problem {
	subject := "must be"
	if field == "comments" || field == "usernames" {
		subject = "must have"
	}
	switch {
	case n < max(s.Min, 1):
		return []Problem{{field, subject + " at least " + strconv.FormatInt(max(s.Min, 1), 10)}}
	case s.Max > 0 && n > s.Max, n > MaxQuantity:
		most := int64(MaxQuantity)
		if s.Max > 0 {
			most = min(s.Max, most)
		}
		return []Problem{{field, subject + " at most " + strconv.FormatInt(most, 10)}}
	}
	return nil
}

func (r rule) derive(inputs map[string]string) int64 {
	switch r.counts {
	case byLines:
		return lines(inputs[r.list])
	case byPosts:
		return number(inputs, "max") * (number(inputs, "posts") + number(inputs, "old_posts"))
	case given, single:
	}
	return 1
}

func lines(text string) int64 {
	if text == "" {
		return 0
	}
	return int64(strings.Count(text, "\n")) + 1
}

// number is a number among fields, zero for none.
func number(inputs map[string]string, name string) int64 {
	n, err := strconv.ParseInt(inputs[name], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// runs is into how many runs an order is cut, at least one.
func runs(inputs map[string]string) int64 { return max(number(inputs, "runs"), 1) }

// Units is what of its rate an order takes, in thousandths.
func Units(k Kind, quantity int64, inputs map[string]string) int64 {
	switch r, _ := ruleOf(k); r.counts {
	case single:
		return 1000
	case byPosts, byLines:
		return quantity
	case given:
	}
	return quantity * runs(inputs)
}

// Total is what "remains" of an order counts down from; zero where it counts
// nothing that we know.
func Total(k Kind, quantity int64, inputs map[string]string) int64 {
	switch r, _ := ruleOf(k); r.counts {
	case single, byPosts:
		return 0
	case byLines:
		return quantity
	case given:
	}
	return quantity * runs(inputs)
}

// Price is ⌈rate × units / 1000⌉ in rupiah; ok is false when that is beyond any
// amount.
func Price(rate, units int64) (price int64, ok bool) {
	if rate < 0 || units < 0 {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(rate), uint64(units))
	lo, carry := bits.Add64(lo, 999, 0)
	hi += carry
	if hi >= 1000 {
		return 0, false
	}
	q, _ := bits.Div64(hi, lo, 1000)
	if q > math.MaxInt64 {
		return 0, false
	}
	return int64(q), true
}
