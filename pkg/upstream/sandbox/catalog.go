package sandbox

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/smm"
	"github.com/muarahq/muara/pkg/upstream"
)

// scopeAll is the whole catalogue: it is one short page.
const scopeAll = "all"

// every is how often it is worth reading: it changes with the program only.
const every = time.Hour

// RootScopes names the one part that there is.
func (d *Driver) RootScopes() []upstream.Scope {
	return []upstream.Scope{{Key: scopeAll, Every: every}}
}

// CatalogPage reads it.
func (d *Driver) CatalogPage(ctx context.Context, scope string, page int) (*upstream.Page, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if scope != scopeAll || page != 1 {
		return nil, upstream.Reject(upstream.ReasonProduct, "unknown", "no such part of the catalogue")
	}
	return &upstream.Page{Offers: Offers(), Services: []upstream.Service{{Code: "telegram", Name: "Telegram"}, {Code: "whatsapp", Name: "WhatsApp"}}}, nil
}

// Offers are all that the sandbox sells: one or more of each kind, products that
// behave as no number can ask for, and one for each reason of not being available.
func Offers() []upstream.Offer {
	all := []upstream.Offer{
		ppob("pulsa5", "PULSA5", "Telkomsel Pulsa 5.000", "TELKOMSEL", "Pulsa", 5_000),
		ppob("pulsa10", "PULSA10", "Telkomsel Pulsa 10.000", "TELKOMSEL", "Pulsa", 10_000),
		ppob("pln20", "PLN20", "PLN Token 20.000", "PLN", "PLN", 20_000),
		ppob("dana10", "DANA10", "DANA Saldo 10.000", "DANA", "E-Money", 10_000),
		game("ml10", "ML10", "Mobile Legends 10 Diamond", 2_500),
		bill("plnpasca", "PLNPASCA", "PLN Pascabayar", "PLN", 1_500),
		bill("bpjs", "BPJS", "BPJS Kesehatan", "BPJS KESEHATAN", 1_000),
	}
	for _, o := range []struct{ code, stem, name, description string }{
		{planHang, "HANG", "Source that hangs", "Gives no answer in time; delivered all the same."},
		{planReverse, "REVERSE", "Success that is taken back", "Completed without a serial number; the source takes it back after 30 seconds, which the order does not show."},
		{planLateSN, "LATESN", "Serial number that comes late", "Completed at once; the serial number comes after 30 seconds."},
		{planPending, "PENDING", "Source that never decides", "Stays processing until an operator decides."},
		{planPrice, "PRICE", "Price that has changed", "Fails since its source asks for more than was listed."},
	} {
		all = append(all, described(ppob(o.code, o.stem, o.name, brandTest, groupTest, 5_000), o.description))
	}
	for _, o := range []struct{ code, stem, name, reason string }{
		{"closed", "CLOSED", "Product that is closed", "closed"},
		{"empty", "EMPTY", "Product that is out of stock", "out_of_stock"},
		{"trouble", "TROUBLE", "Product in trouble", "trouble"},
		{"cut-off", "CUTOFF", "Product that is cut off", "cut_off"},
	} {
		offer := ppob(o.code, o.stem, o.name, brandTest, groupTest, 5_000)
		offer.Available, offer.Reason = false, o.reason
		all = append(all, offer)
	}
	all = append(all, numbers()...)
	return append(all, services()...)
}

// The brand and the group of products whose kind is what they do.
const (
	brandTest = "TEST"
	groupTest = "Test"
)

// planOf is the plan of a product whose outcome no number chooses; empty for others.
func planOf(o *upstream.Offer) string {
	switch o.Code {
	case planHang, planReverse, planLateSN, planPending, planPrice:
		return o.Code
	}
	return ""
}

func customer(label string) upstream.Input {
	return upstream.Input{Name: "customer_no", Label: label, Required: true, Example: "081234567801"}
}

func ppob(code, stem, name, brand, group string, cost int64) upstream.Offer {
	return upstream.Offer{
		Code: code, Stem: stem, Category: "ppob", Name: name, Brand: brand, Group: group, Type: "prepaid", Cost: cost, Available: true, Unlimited: true,
		Description: "Nothing is delivered.", Inputs: []upstream.Input{customer("Nomor tujuan")},
	}
}

func described(o upstream.Offer, text string) upstream.Offer {
	o.Description = text
	return o
}

func game(code, stem, name string, cost int64) upstream.Offer {
	o := ppob(code, stem, name, "MOBILE LEGENDS", "Games", cost)
	o.Inputs = []upstream.Input{customer("User ID"), {Name: "zone_id", Label: "Zone ID", Required: true, Example: "2685"}}
	return o
}

func bill(code, stem, name, brand string, fee int64) upstream.Offer {
	o := ppob(code, stem, name, brand, "Tagihan", fee)
	o.Type = postpaid
	return o
}

// numbers are two servers of one service and country, one of another, and one that
// is out of stock.
func numbers() []upstream.Offer {
	number := func(code, service, name string, server int, cost int64) upstream.Offer {
		return upstream.Offer{
			Code: code, Extra: json.RawMessage(`{"server":` + string(rune('0'+server)) + `}`), Category: "otp", Name: name + " Indonesia", Cost: cost,
			Available: true, Stock: 1_000_000, ServiceCode: service, ServiceName: name, CountryISO: "ID", CountryName: "Indonesia", Prefix: "+62",
			Server: server, SuccessRate: 95,
		}
	}
	empty := number("wa-2", "whatsapp", "WhatsApp", 2, 2_500)
	empty.Available, empty.Reason, empty.Stock = false, "out_of_stock", 0
	return []upstream.Offer{
		number("tg-1", "telegram", "Telegram", 1, 2_000), number("tg-2", "telegram", "Telegram", 2, 3_000), number("wa-1", "whatsapp", "WhatsApp", 1, 2_500), empty,
	}
}

// services are smm services, one of each kind.
func services() []upstream.Offer {
	all := []upstream.Offer{}
	for _, row := range []struct {
		kind       smm.Kind
		stem, name string
		rate       int64
	}{
		{smm.Default, "FOLLOWERS", "Followers", 15_000},
		{smm.Package, "PACKAGE", "Followers Package 1000", 12_000},
		{smm.CustomComments, "COMMENTS", "Custom Comments", 50_000},
		{smm.CustomCommentsPackage, "COMMENTSPACKAGE", "Custom Comments Package", 40_000},
		{smm.Mentions, "MENTIONS", "Mentions", 20_000},
		{smm.MentionsWithHashtags, "MENTIONSTAGS", "Mentions with Hashtags", 22_000},
		{smm.MentionsCustomList, "MENTIONSLIST", "Mentions Custom List", 25_000},
		{smm.MentionsHashtag, "MENTIONSTAG", "Mentions Hashtag", 21_000},
		{smm.MentionsUserFollowers, "MENTIONSUSER", "Mentions User Followers", 23_000},
		{smm.MentionsMediaLikers, "MENTIONSMEDIA", "Mentions Media Likers", 24_000},
		{smm.CommentLikes, "COMMENTLIKES", "Comment Likes", 18_000},
		{smm.Poll, "POLL", "Poll Votes", 10_000},
		{smm.InvitesFromGroups, "INVITES", "Invites from Groups", 30_000},
		{smm.Subscriptions, "SUBSCRIPTION", "Automatic Likes", 9_000},
		{smm.WebTraffic, "TRAFFIC", "Web Traffic", 5_000},
		{smm.SEO, "SEO", "Website Visits by Keyword", 6_000},
	} {
		s := smm.Service{Kind: row.kind, Min: 10, Max: 100_000, Dripfeed: row.kind == smm.Default}
		if row.kind.Single() {
			s.Min, s.Max = 1, 1
		}
		if !row.kind.TakesQuantity() && !row.kind.Single() {
			s.Min = 1
		}
		o := upstream.Offer{
			Code: "smm-" + strings.ToLower(row.stem), Stem: row.stem, Category: "smm", Name: "Instagram " + row.name, Brand: "Instagram", Group: "Instagram",
			Platform: "Instagram", Kind: string(row.kind), Cost: row.rate, Available: true, Unlimited: true, Min: s.Min, Max: s.Max,
			Refill: row.kind == smm.Default, Cancel: !row.kind.Single(), Dripfeed: s.Dripfeed, AverageTime: "1 minute", Description: "Nothing is delivered.",
		}
		for _, f := range s.Fields() {
			o.Inputs = append(o.Inputs, upstream.Input{Name: f.Name, Label: f.Label, Required: f.Required, Example: f.Example})
		}
		all = append(all, o)
	}
	return all
}
