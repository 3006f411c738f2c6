package intake_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/upstream"
)

// newPanelDesk is a desk whose sources provide everything.
func newPanelDesk(t testing.TB) *desk {
	d := newDesk(t)
	d.im = intake.New(d.pool, intake.Options{JumpPercent: 50, Forbidden: []string{"alpha"}, Now: d.clock.now})
	return d
}

func service(code, name, group, kind string, cost int64) upstream.Offer {
	return upstream.Offer{
		Category: "smm", Code: code, Name: name, Group: group, Kind: kind, Cost: cost, Available: true, Unlimited: true, Min: 10, Max: 1000,
		Extra: json.RawMessage(`{"kind":"default","rate":"1"}`),
	}
}

// soldAs is a service as it is sold.
type soldAs struct {
	sku, name, platform, group, kind, description, average, inputs string
	least, most                                                    int64
	refill, cancel, dripfeed                                       bool
}

func (d *desk) soldAs(upstreamName, code string) soldAs {
	d.t.Helper()
	var s soldAs
	err := d.pool.QueryRow(d.t.Context(), `SELECT p.sku, p.name, p.brand, p.grp, p.kind, p.description, p.average_time, p.inputs::text, p.min_quantity, p.max_quantity,
		p.refill, p.cancel, p.dripfeed FROM products p JOIN offers o ON o.product_id = p.id WHERE o.upstream = $1 AND o.code = $2`, upstreamName, code).
		Scan(&s.sku, &s.name, &s.platform, &s.group, &s.kind, &s.description, &s.average, &s.inputs, &s.least, &s.most, &s.refill, &s.cancel, &s.dripfeed)
	require.NoError(d.t, err, code)
	return s
}

func TestAServiceBecomesAProductOfItsOwn(t *testing.T) {
	t.Parallel()
	d := newPanelDesk(t)
	full := service("101", "🔥 𝐈𝐧𝐬𝐭𝐚𝐠𝐫𝐚𝐦 Followers [Refill 30D] ⭐", "Instagram - Followers [Refill]", "Default", 14_700)
	full.Refill, full.Cancel, full.Dripfeed, full.AverageTime = true, true, true, "42 minutes"
	full.Description = "<b>Real &amp; fast</b><br>Link: https://instagram.com/x<br/>Start: 0-1 hour\nContact admin +62 812 3456 7890\nBest of AlphaPanel.com"
	offers := []upstream.Offer{
		full,
		service("102", "Followers cheap", "Instagram Followers", "0", 900),
		service("103", "TikTok Likes + Views", "TikTok", "Default", 500),
		service("104", "10 random comments", "YouTube Comments", "Package", 24_000),
		service("105", "Custom comments", "YT", "custom_comments", 200_000),
		service("106", "Something", "Else", "Default", 5),
		service("107", "Comment replies", "Instagram", "Comment Replies", 5),
		service("108", "", "Instagram", "Default", 5),
		service("109", "Free likes", "Instagram", "Default", 0),
		service("110", "alpha", "Instagram", "Default", 9),
		service("111", "111 - IG Story Views | 111", "Stories", "Default", 9),
	}
	odd := service("112", "IG Likes", "Likes", "Default", 9)
	odd.Min, odd.Max = 100, 10
	offers = append(offers, odd)
	diff := d.imported("alpha", "services", offers)
	require.Equal(t, 7, diff.Added)
	require.Equal(t, 5, diff.Skipped, "of a type without orders, without a name, free, without a name of ours, with no quantity")

	first := d.soldAs("alpha", "101")
	var inputs []catalog.Input
	require.NoError(t, json.Unmarshal([]byte(first.inputs), &inputs))
	require.Len(t, inputs, 4)
	require.Equal(t, catalog.Input{Name: "quantity", Label: "Jumlah", Required: true, Example: "10"}, inputs[1])
	first.inputs = ""
	require.Equal(t, soldAs{
		sku: "IGF1", name: "Instagram Followers [Refill 30D]", platform: "Instagram", group: "Followers", kind: "default",
		description: "Real & fast\nStart: 0-1 hour", average: "42 minutes", least: 10, most: 1000, refill: true, cancel: true, dripfeed: true,
	}, first)
	second := d.soldAs("alpha", "102")
	require.Equal(t, "IGF2", second.sku)
	require.Equal(t, "Instagram Followers cheap", second.name)
	for code, want := range map[string]soldAs{
		"103": {sku: "TTV1", platform: "TikTok", group: "Views"},
		"104": {sku: "YTC1", platform: "YouTube", group: "Comments"},
		"105": {sku: "YTC2", platform: "YouTube", group: "Comments"},
		"106": {sku: "SMX1", platform: "Lainnya", group: "Lainnya"},
		"111": {sku: "IGST1", platform: "Instagram", group: "Story Views"},
	} {
		got := d.soldAs("alpha", code)
		require.Equal(t, want, soldAs{sku: got.sku, platform: got.platform, group: got.group}, code)
	}
	require.EqualValues(t, 1, d.soldAs("alpha", "104").most, "a package is one")
	require.Equal(t, "IG Story Views", d.soldAs("alpha", "111").name, "its own code is taken out")
}

func TestAServicesFactsFollowItsSource(t *testing.T) {
	t.Parallel()
	d := newPanelDesk(t)
	offers := []upstream.Offer{service("1", "Instagram Followers", "Instagram", "Default", 1000), service("2", "Instagram Likes", "Instagram", "Default", 500)}
	d.imported("alpha", "services", offers)
	v := d.one(`SELECT version FROM catalog_version`)
	diff := d.imported("alpha", "services", offers)
	require.Equal(t, 2, diff.Unchanged)
	require.Equal(t, v, d.one(`SELECT version FROM catalog_version`), "the same list writes nothing")

	offers[0].Min, offers[0].Max, offers[0].Refill, offers[0].AverageTime, offers[0].Name = 50, 5000, true, "17", "Instagram Followers [New]"
	diff = d.imported("alpha", "services", offers)
	require.Equal(t, 1, diff.Changed)
	got := d.soldAs("alpha", "1")
	require.Equal(t, "IGF1", got.sku, "a SKU stays")
	require.Equal(t, "Instagram Followers [New]", got.name)
	require.EqualValues(t, 50, got.least)
	require.EqualValues(t, 5000, got.most)
	require.True(t, got.refill)
	require.Equal(t, "17 minutes", got.average)

	// The code means another thing now: it goes to another product.
	offers[0].Name = "Instagram Likes [New]"
	diff = d.imported("alpha", "services", offers)
	require.Equal(t, 1, diff.Moved)
	require.Equal(t, "IGL2", d.soldAs("alpha", "1").sku)
	// So it does when its type changes, and with it the fields of its orders.
	offers[1].Kind = "Custom Comments"
	diff = d.imported("alpha", "services", offers)
	require.Equal(t, 1, diff.Moved)
	require.Equal(t, "custom_comments", d.soldAs("alpha", "2").kind)

	diff = d.imported("alpha", "services", offers[:1])
	require.Equal(t, 1, diff.Closed)
	diff = d.imported("alpha", "services", offers)
	require.Equal(t, 1, diff.Reopened)
}

func TestTwoPanelsServicesAreNeverOneByThemselves(t *testing.T) {
	t.Parallel()
	d := newPanelDesk(t)
	same := []upstream.Offer{service("1", "Instagram Followers", "Instagram", "Default", 1000)}
	d.imported("alpha", "services", same)
	d.imported("beta", "services", same)
	require.Equal(t, "IGF1", d.soldAs("alpha", "1").sku)
	require.Equal(t, "IGF2", d.soldAs("beta", "1").sku)
	d.imported("sandbox", "services", same)
	require.Equal(t, "TESTIGF1", d.soldAs("sandbox", "1").sku)
}

func TestALargeListGetsItsNumbersInOneGo(t *testing.T) {
	t.Parallel()
	d := newPanelDesk(t)
	var offers []upstream.Offer
	for i := range 3000 {
		offers = append(offers, service(fmt.Sprintf("%05d", i), "Instagram Followers", "Instagram", "Default", int64(1000+i)))
	}
	diff := d.imported("alpha", "services", offers)
	require.Equal(t, 3000, diff.Added)
	require.Equal(t, "IGF1", d.soldAs("alpha", "00000").sku)
	require.Equal(t, "IGF3000", d.soldAs("alpha", "02999").sku)
	offers = append(offers, service("99999", "Instagram Followers", "Instagram", "Default", 1))
	d.imported("alpha", "services", offers)
	require.Equal(t, "IGF3001", d.soldAs("alpha", "99999").sku)
}

func TestNoServiceNamesItsSource(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	im := intake.New(d.pool, intake.Options{Now: d.clock.now, Forbidden: []string{"megapanel", "alpha"}})
	o := service("555", "MegaPanel Instagram Likes (mega-panel.com) 𝗠𝗲𝗴𝗮𝗣𝗮𝗻𝗲𝗹", "Mega Panel Exclusive", "Default", 100)
	o.AverageTime = "5 minutes on megapanel"
	o.Description = "Service 555 of M e g a P a n e l\n<p>Telegram: @megapanel</p>\nGood quality"
	_, err := im.Import(t.Context(), "alpha", "services", []upstream.Offer{o}, nil)
	require.NoError(t, err)
	got := d.soldAs("alpha", "555")
	require.Equal(t, "Instagram Likes", got.name)
	require.Equal(t, "Likes", got.group)
	require.Equal(t, "Good quality", got.description)
	require.Equal(t, "5 minutes on", got.average)
	require.NotContains(t, got.inputs, "mega")
}
