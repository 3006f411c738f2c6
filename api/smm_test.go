package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/smm"
)

// services puts a service of each kind on sale, at 10,000 rupiah for 1000 (14,000 at
// the first tier): SKUs are the kinds in capitals.
func (w *world) services() {
	w.t.Helper()
	for i, kind := range smm.Kinds() {
		s := smm.Service{Kind: kind, Min: 10, Max: 1000, Dripfeed: true}
		if kind.Single() {
			s.Min, s.Max = 1, 1
		}
		var inputs []map[string]any
		for _, f := range s.Fields() {
			inputs = append(inputs, map[string]any{"name": f.Name, "label": f.Label, "required": f.Required, "example": f.Example})
		}
		raw, err := json.Marshal(inputs)
		require.NoError(w.t, err)
		sku, platform := smmSKU(kind), "Instagram"
		if kind == smm.WebTraffic {
			platform = "Website"
		}
		w.exec(`INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, policy, closed, edited, version, created_at, updated_at,
				kind, min_quantity, max_quantity, refill, cancel, dripfeed, average_time)
			VALUES ('live', $1, 'smm', $2, $8, 'Followers', '', '', $3::jsonb, '', 'price', false, '{}', 1, now(), now(), $4, $5, $6, $7, $7, true, '5 minutes')`,
			sku, "Instagram "+string(kind), string(raw), string(kind), s.Min, s.Max, kind == smm.Default, platform)
		w.exec(`INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited,
				success_rate, closed, failures, priority, weight, created_at, updated_at)
			SELECT id, 'hiddenone', 'services', $2, '{"kind":"hidden"}', 'HIDDEN SAID NAME', '\x00', '\x00', 10000, true, '', 0, true, 0, false, 0, 0, 1, now(), now()
			FROM products WHERE sku = $1`, sku, fmt.Sprint("HIDDENCODE-SMM", i))
	}
	w.changed(`UPDATE products SET updated_at = now()`)
}

func smmSKU(k smm.Kind) string { return strings.ToUpper(strings.ReplaceAll(string(k), "_", "-")) }

// bodies are what an order of each kind holds besides ref and sku, and its price.
func bodies() map[smm.Kind]struct {
	body     string
	quantity int64
	price    int64
} {
	type b = struct {
		body     string
		quantity int64
		price    int64
	}
	ten := `["a1","a2","a3","a4","a5","a6","a7","a8","a9","a10"]`
	return map[smm.Kind]b{
		smm.Default:               {`"target":"https://instagram.com/p/1","quantity":100`, 100, 1400},
		smm.Package:               {`"target":"https://instagram.com/p/1"`, 1, 14_000},
		smm.CustomComments:        {`"target":"https://instagram.com/p/1","comments":` + ten, 10, 140},
		smm.CustomCommentsPackage: {`"target":"https://instagram.com/p/1","comments":"a\nb"`, 1, 14_000},
		smm.Mentions:              {`"target":"https://instagram.com/p/1","quantity":11,"usernames":["a","b"]`, 11, 154},
		smm.MentionsWithHashtags:  {`"target":"https://instagram.com/p/1","quantity":10,"usernames":"a\nb","hashtags":"#x"`, 10, 140},
		smm.MentionsCustomList:    {`"target":"https://instagram.com/p/1","usernames":` + ten, 10, 140},
		smm.MentionsHashtag:       {`"target":"https://instagram.com/p/1","quantity":10,"hashtag":"#x"`, 10, 140},
		smm.MentionsUserFollowers: {`"target":"https://instagram.com/p/1","quantity":10,"username":"https://instagram.com/x"`, 10, 140},
		smm.MentionsMediaLikers:   {`"target":"https://instagram.com/p/1","quantity":10,"media":"https://instagram.com/p/9"`, 10, 140},
		smm.CommentLikes:          {`"target":"https://instagram.com/p/1","quantity":10,"username":"x"`, 10, 140},
		smm.Poll:                  {`"target":"https://instagram.com/p/1","quantity":10,"answer_number":2`, 10, 140},
		smm.InvitesFromGroups:     {`"target":"https://instagram.com/p/1","quantity":10,"groups":["g"]`, 10, 140},
		smm.Subscriptions:         {`"target":"contoh","min":10,"max":20,"posts":5,"delay":"30"`, 100, 1400},
		smm.WebTraffic:            {`"target":"https://example.com","quantity":10,"country":"ID","device":5,"type_of_traffic":"3","runs":3,"interval":60`, 10, 420},
		smm.SEO:                   {`"target":"https://example.com","quantity":10,"keywords":"a\nb"`, 10, 140},
	}
}

func smmBody(ref string, k smm.Kind, rest string) string {
	return `{"category":"smm","ref":"` + ref + `","sku":"` + smmSKU(k) + `",` + rest + `}`
}

func view(o any) map[string]any { return o.(map[string]any)["order"].(map[string]any) }

func TestSocialMediaServicesAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.services()
	c := w.merchant(0)
	list := c.get("/smm/services").data()
	require.EqualValues(t, len(smm.Kinds()), num(list["count"]))
	require.Len(t, list["services"], len(smm.Kinds()))
	row := c.get("/smm/services?search=default").data()["services"].([]any)[0].(map[string]any)
	inputs := row["inputs"].([]any)
	delete(row, "inputs")
	require.Equal(t, map[string]any{
		"sku": "DEFAULT", "name": "Instagram default", "platform": "Instagram", "category": "Followers", "type": "default", "rate": json.Number("14000"),
		"min": json.Number("10"), "max": json.Number("1000"), "refill": true, "cancel": true, "average_time": "5 minutes", "description": nil,
		"available": true, "reason": nil,
	}, row)
	var names []string
	for _, in := range inputs {
		names = append(names, in.(map[string]any)["name"].(string))
	}
	require.Equal(t, []string{"target", "quantity", "runs", "interval"}, names)
	require.EqualValues(t, 1, num(c.get("/smm/services?platform=website").data()["count"]))
	require.EqualValues(t, 0, num(c.get("/smm/services?platform=tiktok").data()["count"]))
	price := c.get("/price?sku=DEFAULT").data()
	require.EqualValues(t, 14_000, num(price["price"]), "per 1000")
	first := c.get("/smm/services")
	require.Equal(t, http.StatusNotModified, c.get("/smm/services", "If-None-Match: "+first.header.Get("ETag")).status)
	c.get("/smm/services?limit=x").data() // unknown parameters are ignored
}

func TestAnOrderOfEveryKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.services()
	c := w.merchant(10_000_000)
	spent := int64(0)
	for kind, b := range bodies() {
		o := view(c.order(smmBody(string(kind), kind, b.body)))
		require.Regexp(t, `^SMM-`, o["order_id"], kind)
		require.Equal(t, b.price, num(o["price"]), kind)
		require.Equal(t, b.quantity, num(o["quantity"]), kind)
		require.Equal(t, "pending", o["status"])
		require.Equal(t, map[string]any{"start_count": nil, "remains": nil, "note": nil, "cancel_requested": false, "refill_status": nil}, o["data"], kind)
		require.NotContains(t, o, "customer_no")
		spent += b.price
		require.Equal(t, o, view(c.order(smmBody(string(kind), kind, b.body))), "the same again")
		withQuantity := strings.Replace(b.body, `"target"`, fmt.Sprintf(`"quantity":%d,"target"`, b.quantity), 1)
		if !strings.Contains(b.body, `"quantity"`) {
			require.Equal(t, o, view(c.order(smmBody(string(kind), kind, withQuantity))), "%s: the quantity that it comes to, said", kind)
		}
	}
	require.Equal(t, 10_000_000-spent, c.balance())
	require.Equal(t, len(bodies()), w.count(`SELECT count(*) FROM orders WHERE cost = CASE WHEN sku IN ('PACKAGE', 'CUSTOM-COMMENTS-PACKAGE') THEN 10000
		ELSE ceil(price / 1.4) END AND max_cost >= cost`), "what they may cost is theirs, not that of 1000")
}

func TestFieldsAreCheckedBeforeAnythingIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.services()
	c := w.merchant(10_000_000)
	for i, bad := range []struct {
		kind        smm.Kind
		rest, field string
	}{
		{smm.Default, `"target":"x"`, "quantity"},
		{smm.Default, `"target":"x","quantity":9`, "quantity"},
		{smm.Default, `"target":"x","quantity":1001`, "quantity"},
		{smm.Default, `"target":"x","quantity":"100"`, "quantity"},
		{smm.Default, `"quantity":100`, "target"},
		{smm.Default, `"target":"x","quantity":100,"comments":"a"`, "comments"},
		{smm.Default, `"target":"x","quantity":100,"runs":2`, "interval"},
		{smm.Default, `"target":"x","quantity":100,"runs":0,"interval":5`, "runs"},
		{smm.Package, `"target":"x","quantity":2`, "quantity"},
		{smm.CustomComments, `"target":"x"`, "comments"},
		{smm.CustomComments, `"target":"x","comments":"only one"`, "comments"},
		{smm.CustomComments, `"target":"x","quantity":11,"comments":["1","2","3","4","5","6","7","8","9","10"]`, "quantity"},
		{smm.CustomComments, `"target":"x","comments":[{}]`, "comments"},
		{smm.MentionsWithHashtags, `"target":"x","quantity":10,"usernames":"a"`, "hashtags"},
		{smm.Poll, `"target":"x","quantity":10,"answer_number":"two"`, "answer_number"},
		{smm.Subscriptions, `"target":"x","min":10,"max":20,"delay":0`, "posts"},
		{smm.Subscriptions, `"target":"x","min":10,"max":20,"posts":1,"delay":7`, "delay"},
		{smm.Subscriptions, `"target":"x","min":30,"max":20,"posts":1,"delay":0`, "max"},
		{smm.WebTraffic, `"target":"x","quantity":10,"country":"ID","device":5,"type_of_traffic":1`, "google_keyword"},
		{smm.WebTraffic, `"target":"x","quantity":10,"country":"ID","device":9,"type_of_traffic":3`, "device"},
		{smm.SEO, `"target":"x","quantity":10`, "keywords"},
	} {
		c.post("/order", smmBody(fmt.Sprint("bad-", i), bad.kind, bad.rest)).invalid(bad.field)
	}
	r := c.post("/order", smmBody("bad", smm.WebTraffic, `"target":"x","comments":"a","device":9`))
	var named []string
	for _, d := range r.refused(http.StatusBadRequest, "invalid_request") {
		named = append(named, d.(map[string]any)["field"].(string))
	}
	require.ElementsMatch(t, []string{"comments", "device", "country", "type_of_traffic", "quantity"}, named, "everything at once")
	require.EqualValues(t, 10_000_000, c.balance())
	require.Zero(t, w.count(`SELECT count(*) FROM orders`))
}

func TestListsAreTheSameContentInAnyForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.services()
	c := w.merchant(1_000_000)
	lines := `"c1\nc2\nc3\nc4\nc5\nc6\nc7\nc8\nc9\nc10"`
	first := view(c.order(smmBody("a", smm.CustomComments, `"target":"x","comments":`+lines)))
	for _, same := range []string{
		`"c1\r\nc2\r\n\r\n c3 \nc4\nc5\nc6\nc7\nc8\nc9\nc10\n"`, `["c1","c2","c3","c4","c5","c6","c7","c8","c9","c10"]`, `["c1\nc2","c3","c4","c5","c6","c7","c8","c9","c10",""]`,
	} {
		require.Equal(t, first, view(c.order(smmBody("a", smm.CustomComments, `"target":"x","comments":`+same))))
	}
	c.post("/order", smmBody("a", smm.CustomComments, `"target":"x","comments":`+strings.Replace(lines, "c10", "c11", 1))).refused(http.StatusConflict, "ref_conflict")
	drip := view(c.order(smmBody("d", smm.Default, `"target":"y","quantity":100`)))
	require.Equal(t, drip, view(c.order(smmBody("d", smm.Default, `"target":"y","quantity":100,"runs":1`))), "one run is none")
	c.post("/order", smmBody("d", smm.Default, `"target":"y","quantity":100,"runs":2,"interval":5`)).refused(http.StatusConflict, "ref_conflict")
	poll := view(c.order(smmBody("p", smm.Poll, `"target":"y","quantity":10,"answer_number":2`)))
	require.Equal(t, poll, view(c.order(smmBody("p", smm.Poll, `"target":"y","quantity":10,"answer_number":"02"`))))
	// Narrower bounds since then change nothing for what was taken.
	w.changed(`UPDATE products SET min_quantity = 500 WHERE sku = 'DEFAULT'`)
	require.Equal(t, drip, view(c.order(smmBody("d", smm.Default, `"target":"y","quantity":100`))))
}

func TestOneOpenOrderALink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.services()
	a, b := w.merchant(1_000_000), w.merchant(1_000_000).on(1)
	a.order(smmBody("1", smm.Default, `"target":"https://www.instagram.com/p/AbC/","quantity":100`))
	details := b.post("/order", smmBody("1", smm.Default, `"target":"instagram.com/p/AbC?igsh=x","quantity":50`)).refused(http.StatusConflict, "not_available")
	require.Equal(t, "target", details[0].(map[string]any)["field"])
	require.EqualValues(t, 1_000_000, b.balance(), "refused before the debit")
	b.order(smmBody("2", smm.Default, `"target":"https://www.instagram.com/p/abc/","quantity":50`))
	b.order(smmBody("3", smm.Poll, `"target":"https://www.instagram.com/p/AbC/","quantity":50,"answer_number":1`))
	a.post("/order/1/cancel", "").data()
	b.order(smmBody("1", smm.Default, `"target":"instagram.com/p/AbC?igsh=x","quantity":50`))
}

func TestARaceForOneLinkHasOneWinner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.services()
	const each = 30
	var clients []*client
	for i := range 4 {
		clients = append(clients, w.merchant(10_000_000).on(i%2))
	}
	var mu sync.Mutex
	statuses := map[string]map[int]int{}
	var all sync.WaitGroup
	for n := range each {
		for i, c := range clients {
			all.Go(func() {
				link := fmt.Sprint("hot", n%3)
				if i == 0 {
					link = fmt.Sprint("mine", n)
				}
				r := c.post("/order", smmBody(fmt.Sprint("r", n), smm.Default, `"target":"`+link+`","quantity":100`))
				mu.Lock()
				defer mu.Unlock()
				kind := link[:3]
				if statuses[kind] == nil {
					statuses[kind] = map[int]int{}
				}
				statuses[kind][r.status]++
			})
		}
	}
	all.Wait()
	require.Equal(t, map[int]int{200: 3, 409: 3*each - 3}, statuses["hot"])
	require.Equal(t, map[int]int{200: each}, statuses["min"], "a refused order never fails its neighbours")
	require.Equal(t, each+3, w.count(`SELECT count(*) FROM orders`))
	report, err := ledger.Verify(t.Context(), w.db.Pool, order.Checks()...)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}

func TestCancelOfASocialMediaOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.services()
	c := w.merchant(1_000_000)
	c.order(smmBody("a", smm.Default, `"target":"x","quantity":100`))
	c.order(smmBody("b", smm.Poll, `"target":"x","quantity":100,"answer_number":1`))
	c.post("/order/b/cancel", "").refused(http.StatusConflict, "not_cancelable")
	w.exec(`UPDATE orders SET state = 'processing', attempt = 1, upstream_ref = 'HIDDENREF' WHERE ref = 'a'`)
	o := view(c.post("/order/a/cancel", "").data())
	require.Equal(t, "processing", o["status"], "until the source says what it delivered")
	require.Equal(t, true, o["data"].(map[string]any)["cancel_requested"])
	require.Equal(t, o, view(c.post("/order/a/cancel", "").data()), "asking twice is asking once")
	require.Equal(t, 1, w.count(`SELECT count(*) FROM order_events WHERE detail LIKE '%cancel%'`))
	w.queue.told(t, 2)
	w.exec(`UPDATE orders SET state = 'completed', completed_at = now() WHERE ref = 'a'`)
	c.post("/order/a/cancel", "").refused(http.StatusConflict, "not_cancelable")
	c.order(smmBody("q", smm.Default, `"target":"z","quantity":100`))
	require.Equal(t, "canceled", view(c.post("/order/q/cancel", "").data())["status"], "it had not been sent yet")
}

func TestRefillOfASocialMediaOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.services()
	c := w.merchant(1_000_000)
	c.order(smmBody("a", smm.Default, `"target":"x","quantity":100`))
	c.order(smmBody("b", smm.Poll, `"target":"x","quantity":100,"answer_number":1`))
	c.order(pulsa)
	c.post("/order/nobody/refill", "").refused(http.StatusNotFound, "not_found")
	c.post("/order/a/refill", "").refused(http.StatusConflict, "not_available")
	w.exec(`UPDATE orders SET state = 'completed', attempt = 1, upstream_ref = 'HIDDENREF' || ref, completed_at = now(), next_run_at = NULL`)
	c.post("/order/b/refill", "").refused(http.StatusConflict, "not_available")
	c.post("/order/trx-0001/refill", "").refused(http.StatusConflict, "not_available")
	o := view(c.post("/order/a/refill", "").data())
	require.Equal(t, "completed", o["status"])
	require.Equal(t, "pending", o["data"].(map[string]any)["refill_status"])
	require.Equal(t, o, view(c.post("/order/a/refill", "").data()), "asking twice is asking once")
	require.Equal(t, 1, w.count(`SELECT count(*) FROM orders WHERE ref = 'a' AND next_run_at <= now() AND facts->'refill'->>'n' = '1'`))
	require.Zero(t, w.count(`SELECT count(*) FROM webhook_events WHERE body LIKE '%refill_status":"pending"%'`), "what the merchant did is no news to it")
	w.exec(`UPDATE orders SET facts = jsonb_set(facts, '{refill,status}', '"completed"') WHERE ref = 'a'`)
	o = view(c.post("/order/a/refill", "").data())
	require.Equal(t, "pending", o["data"].(map[string]any)["refill_status"], "the last one has ended: a further one may be asked for")
	require.Equal(t, 1, w.count(`SELECT count(*) FROM orders WHERE ref = 'a' AND facts->'refill'->>'n' = '2'`))
	w.exec(`UPDATE orders SET refunded = 1, facts = facts - 'refill' WHERE ref = 'a'`)
	c.post("/order/a/refill", "").refused(http.StatusConflict, "not_available")
	require.Eventually(t, func() bool {
		w.queue.mu.Lock()
		defer w.queue.mu.Unlock()
		return len(w.queue.acts) == 3
	}, 5*time.Second, time.Millisecond)
}

func TestARepeatedRefIsAnsweredWhateverBecameOfTheService(t *testing.T) {
	t.Parallel()
	for how, change := range map[string]string{
		"is another type by now": `UPDATE products SET kind = CASE WHEN kind = 'package' THEN 'default' ELSE 'package' END, updated_at = now() WHERE category = 'smm'`,
		"takes fewer by now":     `UPDATE products SET min_quantity = 2000, max_quantity = 3000, updated_at = now() WHERE category = 'smm'`,
		"is gone":                `UPDATE products SET sku = 'GONE-' || sku, updated_at = now() WHERE category = 'smm'`,
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.services()
			c := w.merchant(1_000_000)
			ids := map[smm.Kind]any{}
			for kind, b := range bodies() {
				ids[kind] = view(c.order(smmBody("r-"+string(kind), kind, b.body)))["order_id"]
			}
			left := c.balance()
			w.changed(change)
			for kind, b := range bodies() {
				require.Equal(t, ids[kind], view(c.order(smmBody("r-"+string(kind), kind, b.body)))["order_id"], kind)
				other := strings.NewReplacer("instagram.com/p/1", "instagram.com/p/2", "contoh", "another", "example.com", "example.org").Replace(b.body)
				r := c.post("/order", smmBody("r-"+string(kind), kind, other))
				require.Contains(t, []int{http.StatusConflict, http.StatusBadRequest}, r.status, r.raw)
			}
			require.Equal(t, left, c.balance())
		})
	}
}
