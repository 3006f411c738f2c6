package smm_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/smm"
)

func n(i int64) *int64 { return &i }

// whole gives every kind an order that is right.
func whole(k smm.Kind) (*int64, map[string]string) {
	inputs := map[string]string{}
	var quantity *int64
	for _, f := range (smm.Service{Kind: k, Min: 10, Max: 1000}).Fields() {
		switch {
		case f.Name == "quantity":
			quantity = n(10)
		case f.Name == "target", !f.Required:
		case f.Name == "comments" || f.Name == "usernames":
			inputs[f.Name] = strings.TrimSuffix(strings.Repeat("x\n", 10), "\n")
		default:
			inputs[f.Name] = f.Example
		}
	}
	return quantity, inputs
}

func TestEveryKindTakesWhatItAsksForAndNothingElse(t *testing.T) {
	t.Parallel()
	require.Len(t, smm.Kinds(), 16)
	for _, k := range smm.Kinds() {
		s := smm.Service{Kind: k, Min: 10, Max: 1000}
		quantity, inputs := whole(k)
		o, problems := s.Read(quantity, inputs)
		require.Empty(t, problems, k)
		require.Positive(t, o.Quantity, k)
		require.Positive(t, o.Units, k)
		require.Equal(t, quantity != nil, k.TakesQuantity(), k)
		_, problems = s.Read(&o.Quantity, inputs)
		require.Empty(t, problems, "%s: the quantity that it comes to may be said", k)

		for _, f := range s.Fields() { // each required field is missed by its name
			if !f.Required || f.Name == "target" {
				continue
			}
			less := map[string]string{}
			for name, value := range inputs {
				if name != f.Name {
					less[name] = value
				}
			}
			q := quantity
			if f.Name == "quantity" {
				q = nil
			}
			_, problems := s.Read(q, less)
			require.NotEmpty(t, problems, "%s without %s", k, f.Name)
			require.Equal(t, f.Name, problems[0].Field, k)
		}
		for _, name := range smm.Names() { // each field of another kind is refused by its name
			known := false
			for _, f := range s.Fields() {
				known = known || f.Name == name
			}
			if known {
				continue
			}
			more := map[string]string{name: "1"}
			if name == "runs" {
				more = map[string]string{"runs": "2", "interval": "5"}
			}
			for field, value := range inputs {
				more[field] = value
			}
			_, problems := s.Read(quantity, more)
			require.NotEmpty(t, problems, "%s with %s", k, name)
			require.Contains(t, []string{name, "interval"}, problems[0].Field, "%s with %s", k, name)
		}
	}
	require.False(t, smm.Kind("comment_replies").Known())
	_, problems := smm.Service{Kind: "comment_replies"}.Read(n(1), nil)
	require.Equal(t, "sku", problems[0].Field)
}

func TestTypesAsPanelsCallThem(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]smm.Kind{
		"Default": smm.Default, "0": smm.Default, "custom comments": smm.CustomComments, "CUSTOM  COMMENTS": smm.CustomComments, "2": smm.CustomComments,
		"Mentions with Hashtags": smm.MentionsWithHashtags, "custom_comments_package": smm.CustomCommentsPackage, "14": smm.CustomCommentsPackage,
		"Invites from Groups": smm.InvitesFromGroups, "100": smm.Subscriptions, "102": smm.WebTraffic, "SEO": smm.SEO,
		"": "", "1": "", "Comment Replies": "", "Default 2": "",
	} {
		require.Equal(t, want, smm.Parse(name), name)
	}
	for _, k := range smm.Kinds() {
		require.Equal(t, k, smm.Parse(string(k)))
	}
}

func TestQuantities(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s        smm.Service
		quantity *int64
		inputs   map[string]string
		want     smm.Order // its inputs are not looked at
		field    string    // of the first problem
	}{
		"default":                 {smm.Service{Kind: smm.Default, Min: 10, Max: 20}, n(15), nil, smm.Order{Quantity: 15, Units: 15, Total: 15}, ""},
		"too few":                 {smm.Service{Kind: smm.Default, Min: 10, Max: 20}, n(9), nil, smm.Order{}, "quantity"},
		"too many":                {smm.Service{Kind: smm.Default, Min: 10, Max: 20}, n(21), nil, smm.Order{}, "quantity"},
		"no bound above":          {smm.Service{Kind: smm.Default, Min: 10}, n(smm.MaxQuantity), nil, smm.Order{Quantity: 1e9, Units: 1e9, Total: 1e9}, ""},
		"beyond any":              {smm.Service{Kind: smm.Default}, n(smm.MaxQuantity + 1), nil, smm.Order{}, "quantity"},
		"nothing":                 {smm.Service{Kind: smm.Default}, n(0), nil, smm.Order{}, "quantity"},
		"runs":                    {smm.Service{Kind: smm.Default, Max: 20, Dripfeed: true}, n(15), map[string]string{"runs": "4", "interval": "60"}, smm.Order{Quantity: 15, Units: 60, Total: 60}, ""},
		"one run":                 {smm.Service{Kind: smm.Default, Max: 20}, n(15), map[string]string{"runs": "1", "interval": "60"}, smm.Order{Quantity: 15, Units: 15, Total: 15}, ""},
		"runs without interval":   {smm.Service{Kind: smm.Default, Dripfeed: true}, n(15), map[string]string{"runs": "4"}, smm.Order{}, "interval"},
		"interval without runs":   {smm.Service{Kind: smm.Default, Dripfeed: true}, n(15), map[string]string{"interval": "4"}, smm.Order{}, "runs"},
		"no runs here":            {smm.Service{Kind: smm.Default}, n(15), map[string]string{"runs": "4", "interval": "60"}, smm.Order{}, "interval"},
		"comments":                {smm.Service{Kind: smm.CustomComments, Min: 2, Max: 3}, nil, map[string]string{"comments": "a\nb\nc"}, smm.Order{Quantity: 3, Units: 3, Total: 3}, ""},
		"too few comments":        {smm.Service{Kind: smm.CustomComments, Min: 2, Max: 3}, nil, map[string]string{"comments": "a"}, smm.Order{}, "comments"},
		"too many comments":       {smm.Service{Kind: smm.CustomComments, Min: 2, Max: 3}, nil, map[string]string{"comments": "a\nb\nc\nd"}, smm.Order{}, "comments"},
		"another quantity":        {smm.Service{Kind: smm.CustomComments, Min: 2, Max: 3}, n(3), map[string]string{"comments": "a\nb"}, smm.Order{}, "quantity"},
		"a list of users":         {smm.Service{Kind: smm.MentionsCustomList, Min: 1, Max: 3}, nil, map[string]string{"usernames": "a\nb"}, smm.Order{Quantity: 2, Units: 2, Total: 2}, ""},
		"package":                 {smm.Service{Kind: smm.Package, Min: 1, Max: 1}, n(1), nil, smm.Order{Quantity: 1, Units: 1000}, ""},
		"two packages":            {smm.Service{Kind: smm.Package, Min: 1, Max: 1}, n(2), nil, smm.Order{}, "quantity"},
		"package of comments":     {smm.Service{Kind: smm.CustomCommentsPackage, Min: 1, Max: 1}, nil, map[string]string{"comments": "a\nb"}, smm.Order{Quantity: 1, Units: 1000}, ""},
		"subscription":            {smm.Service{Kind: smm.Subscriptions, Min: 10, Max: 100}, nil, map[string]string{"min": "10", "max": "50", "posts": "4", "delay": "0"}, smm.Order{Quantity: 200, Units: 200}, ""},
		"subscription, old posts": {smm.Service{Kind: smm.Subscriptions, Min: 10, Max: 100}, nil, map[string]string{"min": "10", "max": "50", "posts": "4", "old_posts": "1", "delay": "0"}, smm.Order{Quantity: 250, Units: 250}, ""},
		"min over max":            {smm.Service{Kind: smm.Subscriptions, Min: 10, Max: 100}, nil, map[string]string{"min": "60", "max": "50", "posts": "4", "delay": "0"}, smm.Order{}, "max"},
		"max over the service's":  {smm.Service{Kind: smm.Subscriptions, Min: 10, Max: 100}, nil, map[string]string{"min": "60", "max": "150", "posts": "4", "delay": "0"}, smm.Order{}, "max"},
		"min under the service's": {smm.Service{Kind: smm.Subscriptions, Min: 10, Max: 100}, nil, map[string]string{"min": "6", "max": "50", "posts": "4", "delay": "0"}, smm.Order{}, "min"},
		"no posts":                {smm.Service{Kind: smm.Subscriptions, Min: 10, Max: 100}, nil, map[string]string{"min": "10", "max": "50", "delay": "0"}, smm.Order{}, "posts"},
		"an odd delay":            {smm.Service{Kind: smm.Subscriptions, Min: 10, Max: 100}, nil, map[string]string{"min": "10", "max": "50", "posts": "1", "delay": "7"}, smm.Order{}, "delay"},
		"an odd day":              {smm.Service{Kind: smm.Subscriptions, Min: 10, Max: 100}, nil, map[string]string{"min": "10", "max": "50", "posts": "1", "delay": "5", "expiry": "31/02/2026"}, smm.Order{}, "expiry"},
		"a keyword that is missing": {
			smm.Service{Kind: smm.WebTraffic, Min: 1}, n(5), map[string]string{"country": "ID", "device": "5", "type_of_traffic": "1"}, smm.Order{}, "google_keyword",
		},
		"a referrer that does not belong": {
			smm.Service{Kind: smm.WebTraffic, Min: 1}, n(5), map[string]string{"country": "ID", "device": "5", "type_of_traffic": "3", "referring_url": "x"}, smm.Order{}, "referring_url",
		},
		"a device that there is not": {smm.Service{Kind: smm.WebTraffic, Min: 1}, n(5), map[string]string{"country": "ID", "device": "6", "type_of_traffic": "3"}, smm.Order{}, "device"},
		"text for a number":          {smm.Service{Kind: smm.Poll, Min: 1}, n(5), map[string]string{"answer_number": "two"}, smm.Order{}, "answer_number"},
		"two lines for one":          {smm.Service{Kind: smm.CommentLikes, Min: 1}, n(5), map[string]string{"username": "a\nb"}, smm.Order{}, "username"},
	} {
		o, problems := c.s.Read(c.quantity, c.inputs)
		if c.field != "" {
			require.NotEmpty(t, problems, name)
			require.Equal(t, c.field, problems[0].Field, "%s: %v", name, problems)
			continue
		}
		require.Empty(t, problems, name)
		o.Inputs = nil
		require.Equal(t, c.want, o, name)
	}
}

func TestWhatIsEqualIsWrittenEqually(t *testing.T) {
	t.Parallel()
	s := smm.Service{Kind: smm.Poll, Min: 1}
	a, problems := s.Read(n(5), map[string]string{"answer_number": "+02"})
	require.Empty(t, problems)
	require.Equal(t, map[string]string{"answer_number": "2"}, a.Inputs)
	sub := smm.Service{Kind: smm.Subscriptions, Min: 1, Max: 100}
	b, problems := sub.Read(nil, map[string]string{"min": "1", "max": "2", "posts": "3", "delay": "0", "old_posts": "0", "expiry": "01/02/2026"})
	require.Empty(t, problems)
	require.Equal(t, map[string]string{"min": "1", "max": "2", "posts": "3", "delay": "0", "expiry": "01/02/2026"}, b.Inputs)
	c, problems := smm.Service{Kind: smm.Default, Dripfeed: true}.Read(n(5), map[string]string{"runs": "1", "interval": "9"})
	require.Empty(t, problems)
	require.Nil(t, c.Inputs)
}

func TestPriceIsExact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rate, units, price int64 }{
		{15000, 1000, 15000}, {15000, 1, 15}, {15001, 1, 16}, {1, 1, 1}, {0, 5, 0}, {999, 1000, 999}, {1, 1001, 2}, {7, 143, 2},
	} {
		price, ok := smm.Price(c.rate, c.units)
		require.True(t, ok)
		require.Equal(t, c.price, price)
	}
	_, ok := smm.Price(math.MaxInt64, math.MaxInt64)
	require.False(t, ok)
	_, ok = smm.Price(-1, 1)
	require.False(t, ok)
	rapid.Check(t, func(t *rapid.T) {
		rate, units := rapid.Int64Range(0, math.MaxInt64).Draw(t, "rate"), rapid.Int64Range(0, math.MaxInt64).Draw(t, "units")
		want := new(big.Int).Mul(big.NewInt(rate), big.NewInt(units))
		want.Add(want, big.NewInt(999)).Div(want, big.NewInt(1000))
		price, ok := smm.Price(rate, units)
		require.Equal(t, want.IsInt64(), ok)
		if ok {
			require.Equal(t, want.Int64(), price)
		}
	})
}

func TestLinksAsTheyAreCompared(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"https://www.instagram.com/p/AbC/", "http://instagram.com/p/AbC", "instagram.com/p/AbC?igsh=xyz", "https://Instagram.com/p/AbC/#x", "https://m.instagram.com/p/AbC/?utm_source=a&utm_medium=b"},
		{"@Contoh", "contoh", " CONTOH "},
		{"https://youtube.com/watch?v=1&si=z", "https://www.youtube.com/watch?v=1"},
		{"https://x.com/a?b=2&a=1", "x.com/a?a=1&b=2"},
	} {
		for _, link := range same[1:] {
			require.Equal(t, smm.Link(same[0]), smm.Link(link))
		}
	}
	for _, pair := range [][2]string{
		{"https://youtu.be/AbC", "https://youtu.be/abc"}, {"https://youtube.com/watch?v=1", "https://youtube.com/watch?v=2"},
		{"https://instagram.com/a", "https://instagram.com/b"}, {"contoh", "contoh2"},
	} {
		require.NotEqual(t, smm.Link(pair[0]), smm.Link(pair[1]))
	}
	require.Equal(t, "%zz/a.b", smm.Link("%zz/a.b"))
}

func FuzzLink(f *testing.F) {
	for _, s := range []string{"https://instagram.com/p/1", "@a", "a.b/c?x=1#y", "://", "http://[::1]/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := smm.Link(s)
		require.Equal(t, once, smm.Link(" "+s+"\n"), "blanks around it do not count")
	})
}

func FuzzRead(f *testing.F) {
	f.Add("default", int64(5), "runs", "2", "interval", "5")
	f.Add("subscriptions", int64(0), "min", "1", "expiry", "01/01/2026")
	f.Fuzz(func(t *testing.T, kind string, quantity int64, a, x, b, y string) {
		s := smm.Service{Kind: smm.Kind(kind), Min: 1, Max: 1000, Dripfeed: true}
		inputs := map[string]string{a: x, b: y}
		o, problems := s.Read(&quantity, inputs)
		if len(problems) > 0 {
			return
		}
		again, problems := s.Read(&quantity, o.Inputs)
		require.Empty(t, problems, "what was read is read again")
		require.Equal(t, o, again)
		require.Positive(t, o.Units)
	})
}
