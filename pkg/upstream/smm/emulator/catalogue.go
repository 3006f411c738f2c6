package emulator

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// kind is a type of services: what add needs, and how much an order is.
type kind struct {
	name  string
	needs []string
	// lines is the list that is counted where no quantity is given.
	lines string
	// whole: an order takes the rate once.
	whole, subscribes bool
}

func kinds() []kind {
	with := func(name string, fields ...string) kind {
		return kind{name: name, needs: append([]string{"link", "quantity"}, fields...)}
	}
	return []kind{
		with("Default"),
		{name: "Package", needs: []string{"link"}, whole: true},
		{name: "Custom Comments", needs: []string{"link", "comments"}, lines: "comments"},
		with("Mentions with Hashtags", "usernames", "hashtags"),
		{name: "Mentions Custom List", needs: []string{"link", "usernames"}, lines: "usernames"},
		with("Mentions Hashtag", "hashtag"),
		with("Mentions User Followers", "username"),
		with("Mentions Media Likers", "media"),
		with("Mentions", "usernames"),
		{name: "Custom Comments Package", needs: []string{"link", "comments"}, whole: true},
		with("Comment Likes", "username"),
		with("Poll", "answer_number"),
		with("Invites from Groups", "groups"),
		{name: "Subscriptions", needs: []string{"username", "min", "max", "delay"}, subscribes: true},
		with("Web Traffic", "country", "device", "type_of_traffic"),
		with("SEO", "keywords"),
		with("Comment Replies"), // which nobody can order
	}
}

// service is a service with its kind.
type service struct {
	wire.Service
	kind kind
}

func (d *door) find(id string) (service, bool) {
	for _, s := range d.services {
		if s.Service.Service.Text == id {
			return s, true
		}
	}
	return service{}, false
}

// total is how many an order asks for in all, or why it is refused.
func (s *service) total(form url.Values) (int64, *refusal) {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(form.Get(name), 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	if s.kind.whole {
		return 1, nil
	}
	if s.kind.subscribes {
		return number("max") * (max(number("posts"), 1) + number("old_posts")), nil
	}
	n, runs := number("quantity"), int64(1)
	if s.kind.lines != "" {
		n = int64(len(strings.Split(strings.ReplaceAll(form.Get(s.kind.lines), "\r\n", "\n"), "\n")))
	} else if form.Get("runs") != "" {
		runs = number("runs")
	}
	switch {
	case n < s.Min.N || runs < 1:
		return 0, &tooFew
	case n > s.Max.N:
		return 0, &tooMany
	}
	return n * runs, nil
}

// family is services of one thing; rate is rupiah for 1000.
type family struct {
	category, name, kind string
	rate                 int64
	least, most          int64
	refill, cancel, drip bool
}

func families() []family {
	return []family{
		{"Instagram Followers [Refill]", "Instagram Followers [Real] [Refill 30 Days]", "Default", 14700, 50, 100_000, true, true, true},
		{"Instagram Followers [Refill]", "Instagram Followers [Fast] [Refill 365 Days]", "Default", 22500, 10, 500_000, true, true, false},
		{"Instagram Followers", "Instagram Followers [No Refill]", "Default", 8150, 100, 20_000, false, true, true},
		{"Instagram Likes", "Instagram Likes [Instant]", "Default", 1635, 20, 50_000, false, true, true},
		{"Instagram Likes", "Instagram Likes + Impressions", "Default", 3270, 20, 30_000, true, false, true},
		{"Instagram Views", "Instagram Reels Views", "Default", 165, 100, 10_000_000, false, false, false},
		{"Instagram Comments", "Instagram Custom Comments [Real]", "Custom Comments", 163_500, 5, 1000, false, true, false},
		{"Instagram Comments", "Instagram Comment Likes", "Comment Likes", 9800, 20, 5000, false, false, false},
		{"Instagram Mentions", "Instagram Mentions [Custom List]", "Mentions Custom List", 49_000, 10, 5000, false, false, false},
		{"Instagram Mentions", "Instagram Mentions [Usernames + Hashtags]", "Mentions with Hashtags", 52_000, 100, 5000, false, false, false},
		{"Instagram Mentions", "Instagram Mentions [Hashtag]", "Mentions Hashtag", 45_000, 100, 5000, false, false, false},
		{"Instagram Mentions", "Instagram Mentions [User Followers]", "Mentions User Followers", 47_000, 100, 5000, false, false, false},
		{"Instagram Mentions", "Instagram Mentions [Media Likers]", "Mentions Media Likers", 46_000, 100, 5000, false, false, false},
		{"Instagram Mentions", "Instagram Mentions", "Mentions", 44_000, 100, 5000, false, false, false},
		{"Instagram Packages", "Instagram Starter Package", "Package", 49_050, 1, 1, false, false, false},
		{"Instagram Packages", "Instagram Comments Package [10]", "Custom Comments Package", 24_500, 1, 1, false, false, false},
		{"Instagram Auto Likes", "Instagram Auto Likes [Subscription]", "Subscriptions", 1800, 50, 5000, false, true, false},
		{"TikTok Followers", "TikTok Followers [Refill 30 Days]", "Default", 32_700, 10, 100_000, true, true, true},
		{"TikTok Likes", "TikTok Likes", "Default", 5450, 10, 100_000, false, true, true},
		{"TikTok Views", "TikTok Views [Instant]", "Default", 82, 100, 100_000_000, false, false, true},
		{"YouTube Subscribers", "YouTube Subscribers [Refill 30 Days]", "Default", 163_500, 50, 10_000, true, true, false},
		{"YouTube Views", "YouTube Views [High Retention]", "Default", 21_800, 500, 1_000_000, true, false, false},
		{"YouTube Comments", "YouTube Custom Comments", "Custom Comments", 218_000, 5, 500, false, true, false},
		{"Facebook Page Likes", "Facebook Page Likes + Followers", "Default", 18_500, 100, 50_000, true, true, false},
		{"Twitter Followers", "Twitter Followers [Mixed]", "Default", 54_500, 20, 50_000, false, true, false},
		{"Twitter Polls", "Twitter Poll Votes", "Poll", 9800, 25, 100_000, false, false, false},
		{"Telegram Members", "Telegram Channel Members [Stable]", "Default", 11_990, 100, 100_000, false, true, false},
		{"Telegram Members", "Telegram Group Members [From Groups]", "Invites from Groups", 32_000, 100, 5000, false, false, false},
		{"Spotify Plays", "Spotify Plays [Premium]", "Default", 8720, 1000, 10_000_000, false, true, false},
		{"Website Traffic", "Website Traffic [Worldwide]", "Web Traffic", 2180, 500, 1_000_000, false, false, true},
		{"SEO", "Google Ranking [Keywords]", "SEO", 65_000, 100, 10_000, false, false, false},
		{"Instagram Comments", "Instagram Comment Replies", "Comment Replies", 120_000, 5, 1000, false, false, false},
	}
}

// newServices makes size services, the demo's first; zero makes the demo's only.
func newServices(cfg Config, rate *big.Rat) []service {
	rng := rand.New(rand.NewPCG(cfg.Seed, 3))
	all := families()
	size := cfg.Services
	if size == 0 {
		size = len(all)
	}
	out := make([]service, 0, size)
	for i := range size {
		f := all[i%len(all)]
		if i >= len(all) {
			f.name = fmt.Sprintf("%s [Server %d]", f.name, i/len(all)+1)
			f.rate += int64(rng.IntN(1000))
		}
		out = append(out, newService(f, i+1, rate))
	}
	return out
}

func newService(f family, id int, rate *big.Rat) service {
	all := kinds()
	k := all[slices.IndexFunc(all, func(k kind) bool { return k.name == f.kind })]
	drip := wire.Flag(f.drip)
	return service{kind: k, Service: wire.Service{
		Service: wire.NewID(int64(id), true), Name: lenient.Text(f.name), Type: lenient.Text(f.kind), Category: lenient.Text(f.category),
		Rate: wire.NewDecimal(new(big.Rat).Quo(new(big.Rat).SetInt64(f.rate), rate), 6),
		Min:  wire.NewCount(f.least), Max: wire.NewCount(f.most), Refill: wire.Flag(f.refill), Cancel: wire.Flag(f.cancel), Dripfeed: &drip,
		AverageTime: lenient.Text(fmt.Sprintf("%d minutes", 7+id*13%400)),
	}}
}

// Services are the services on sale.
func (e *Emulator) Services() []wire.Service {
	var out []wire.Service
	e.Do(func(*emulate.Book, time.Time) {
		for _, s := range e.door.services {
			out = append(out, s.Service)
		}
	})
	return out
}

// ServiceOf gives the first service of a type.
func (e *Emulator) ServiceOf(kind string) wire.Service {
	for _, s := range e.Services() {
		if string(s.Type) == kind {
			return s
		}
	}
	return wire.Service{}
}

// SetService changes a service, and Remove takes it off sale; false for an unknown one.
func (e *Emulator) SetService(id string, edit func(s *wire.Service)) bool {
	return e.change(id, func(i int) { edit(&e.door.services[i].Service) })
}

// Remove takes a service off sale.
func (e *Emulator) Remove(id string) bool {
	return e.change(id, func(i int) { e.door.services = slices.Delete(e.door.services, i, i+1) })
}

func (e *Emulator) change(id string, edit func(i int)) bool {
	known := false
	e.Do(func(*emulate.Book, time.Time) {
		i := slices.IndexFunc(e.door.services, func(s service) bool { return s.Service.Service.Text == id })
		if i < 0 {
			return
		}
		known = true
		e.door.services = slices.Clone(e.door.services)
		edit(i)
	})
	return known
}
