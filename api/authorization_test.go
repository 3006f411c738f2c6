package api_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/callback"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/smm"
)

// update writes testdata/authorization.md anew: go test ./api -run TestAuthorization -update
var update = flag.Bool("update", false, "write the golden files anew")

// things are what a merchant has in one mode, made through the first API.
type things struct {
	owner *client
	// prefix is that of the mode's SKUs.
	prefix string
	// at are path parameters: what each operation is tried on.
	at map[string]string
	// ids are in no answer to another mode's key, who in none to another merchant's.
	ids, who []string
}

// own gives a merchant one of everything.
func (w *world) own(c *client, prefix string) *things {
	w.t.Helper()
	k := &things{owner: c, prefix: prefix, at: map[string]string{}}
	placed := func(body string) {
		k.ids = append(k.ids, c.order(body)["order"].(map[string]any)["order_id"].(string))
	}
	placed(k.order("pulsa"))
	for _, ref := range []string{"number", "coded", "again"} {
		placed(fmt.Sprintf(`{"category":"otp","ref":"%[1]s%[2]s","sku":"%[1]sOTPTGID"}`, prefix, ref))
	}
	placed(strings.Replace(smmBody(prefix+"liked", smm.Default, `"target":"x","quantity":100`), `"sku":"`, `"sku":"`+prefix, 1))
	ofOwner := ` AND wallet_id = (SELECT id FROM wallets WHERE merchant_id = $1 AND mode = $2)`
	mode := map[string]string{"": "live", "TEST": "test"}[prefix]
	w.exec(`UPDATE orders SET state = 'completed', attempt = 1, completed_at = now(), next_run_at = NULL, expires_at = now() + interval '10 minutes',
		facts = '{"phone":"+62811","messages":[{"code":"1","text":"a","received_at":"2026-11-21T00:00:00Z"}]}' WHERE ref = ANY ($3)`+ofOwner, c.id, mode, []string{prefix + "coded", prefix + "again"})
	w.exec(`UPDATE orders SET state = 'completed', attempt = 1, completed_at = now(), next_run_at = NULL, upstream_ref = 'R' || id WHERE ref = $3`+ofOwner, c.id, mode, prefix+"liked")
	k.at["deposit"] = c.deposit(`{"ref":"in","amount":50000}`)["deposit_id"].(string)
	k.at["withdraw"] = c.post("/withdraw", out("out")).data()["withdraw_id"].(string)
	hook := c.send(http.MethodPut, "/api/v1/webhook", `{"url":"https://merchant.example/`+c.id+`","enabled":true}`).data()
	k.at["delivery"] = c.post("/webhook/test", "").data()["id"].(string)
	c.inquired(k.bill())
	k.ids = append(k.ids, k.at["deposit"], k.at["withdraw"])
	k.who = append(slices.Clone(k.ids), c.id, hook["url"].(string), hook["secret_hint"].(string))
	return k
}

func (k *things) order(ref string) string {
	return fmt.Sprintf(`{"category":"ppob","ref":"%[1]s%[2]s","sku":"%[1]sTSEL5","customer_no":"0812"}`, k.prefix, ref)
}

func (k *things) bill() string {
	return fmt.Sprintf(`{"ref":"%[1]sbill","sku":"%[1]sPLNPOST","customer_no":"5401"}`, k.prefix)
}

// attempt is how an operation is tried on somebody's things.
type attempt struct {
	// of is the thing in the path, by its name in at, or an order's ref; missing is one of
	// its kind that nobody has.
	of, missing string
	query       string
	body        func(k *things) string
}

func says(body string) func(*things) string { return func(*things) string { return body } }

// attempts has every operation that takes more than a bare GET.
func attempts() map[string]attempt {
	return map[string]attempt{
		"GET /check/bank":                      {query: "?bank_code=dana&account_number=0812"},
		"GET /check/game":                      {query: "?account_code=pln&account_number=0812"},
		"GET /otp/countries":                   {query: "?service=tg"},
		"GET /otp/operators":                   {query: "?sku={}OTPTGID"},
		"GET /price":                           {query: "?sku={}TSEL5"},
		"POST /deposit":                        {body: says(`{"ref":"in","amount":50000}`)},
		"GET /deposit/{deposit_id}":            {of: "deposit", missing: "MRA-DP-0G3ZK4T8M1Q2R"},
		"POST /deposit/{deposit_id}/cancel":    {of: "deposit", missing: "MRA-DP-0G3ZK4T8M1Q2R"},
		"POST /inquiry":                        {body: (*things).bill},
		"POST /order":                          {body: func(k *things) string { return k.order("pulsa") }},
		"GET /order/{ref}":                     {of: "pulsa", missing: "nobody"},
		"POST /order/{ref}/cancel":             {of: "number", missing: "nobody"},
		"POST /order/{ref}/finish":             {of: "coded", missing: "nobody"},
		"POST /order/{ref}/refill":             {of: "liked", missing: "nobody"},
		"POST /order/{ref}/resend":             {of: "again", missing: "nobody"},
		"PUT /settings":                        {body: says(`{"low_balance":1000}`)},
		"PUT /webhook":                         {body: says(`{"events":["order.updated"]}`)},
		"POST /webhook/deliveries/{id}/replay": {of: "delivery", missing: "999999"},
		"POST /webhook/secret":                 {},
		"POST /webhook/test":                   {},
		"POST /withdraw":                       {body: says(out("out"))},
		"GET /withdraw/{withdraw_id}":          {of: "withdraw", missing: "MRA-WD-0G3ZK4T8M1Q2R"},
	}
}

var pathParam = regexp.MustCompile(`\{[a-z_]+\}`)

// try sends an operation on somebody's things with somebody's key.
func (k *things) try(c *client, name string, a attempt, base string, missing bool) *reply {
	method, path, _ := strings.Cut(name, " ")
	thing, known := k.at[a.of]
	if !known {
		thing = k.prefix + a.of // an order's ref
	}
	if missing {
		thing = a.missing
	}
	body := ""
	if a.body != nil {
		body = a.body(k)
	}
	return c.send(method, base+pathParam.ReplaceAllString(path, thing)+strings.ReplaceAll(a.query, "{}", k.prefix), body)
}

func cell(r *reply) string {
	if code, ok := r.body["code"].(string); ok {
		return fmt.Sprint(r.status, " ", code)
	}
	return fmt.Sprint(r.status)
}

// caller is a column of the table: somebody, and whose things are tried.
type caller struct {
	title string
	by    *client
	on    *things
	// hidden is in no answer.
	hidden []string
}

// parties are all who call, on the second API, which has not seen them before.
func (w *world) parties() []caller {
	w.t.Helper()
	w.stock("one", "two")
	w.services()
	w.changed(`UPDATE products SET brand = brand`)
	w.mirror()
	store, ctx := w.store, w.t.Context()
	testKey := func(c *client) *client {
		key, err := store.CreateKey(ctx, c.id, merchant.Test, "test", "test")
		require.NoError(w.t, err)
		return &client{w: w, id: c.id, key: key.Secret}
	}
	owner := w.merchant(1_000_000)
	tester := testKey(owner)
	live, test := w.own(owner, ""), w.own(tester, "TEST")

	revoked, err := store.CreateKey(ctx, owner.id, merchant.Live, "lost", "test")
	require.NoError(w.t, err)
	require.NoError(w.t, store.RevokeKey(ctx, revoked.ID, "test"))
	suspended := w.own(w.merchant(1_000_000), "")
	require.NoError(w.t, store.SetStatus(ctx, suspended.owner.id, merchant.Suspended, "test"))
	listed := w.own(w.merchant(1_000_000), "")
	require.NoError(w.t, store.SetIPs(ctx, listed.owner.id, []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}, "test"))
	other := w.merchant(1_000_000)
	other.send(http.MethodPut, "/api/v1/webhook", `{"url":"https://other.example/hook","enabled":true}`).data()

	with := func(key string) *client { return (&client{w: w, key: key}).on(1) }
	return []caller{
		{title: "no key", by: with(""), on: live, hidden: live.who},
		{title: "malformed key", by: with("mra_live_short"), on: live, hidden: live.who},
		{title: "unknown key", by: with("mra_live_" + strings.Repeat("a", 32)), on: live, hidden: live.who},
		{title: "revoked key", by: with(revoked.Secret), on: live, hidden: live.who},
		{title: "suspended merchant", by: suspended.owner.on(1), on: suspended},
		{title: "wrong address", by: listed.owner.on(1), on: listed},
		{title: "other merchant's key", by: other.on(1), on: live, hidden: live.who},
		{title: "test key, live data", by: tester.on(1), on: live, hidden: live.ids},
		{title: "live key, test data", by: owner.on(1), on: test, hidden: test.ids},
		{title: "good key", by: owner.on(1), on: live},
	}
}

// mirror sells in test mode what is sold live.
func (w *world) mirror() {
	w.exec(`INSERT INTO otp_service_codes (upstream, code, service, scope) VALUES ('sandbox', 'SVC-9', 'tg', 'services')`)
	w.exec(`INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, service, iso, server, variant_of, fixed_price, policy, closed, edited, version,
			created_at, updated_at, kind, min_quantity, max_quantity, refill, cancel, dripfeed, average_time)
		SELECT 'test', 'TEST' || sku, category, name, brand, grp, type, description, inputs, service, iso, server, variant_of, fixed_price, policy, closed, edited, version,
			created_at, updated_at, kind, min_quantity, max_quantity, refill, cancel, dripfeed, average_time FROM products WHERE mode = 'live'`)
	w.changed(`INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited, success_rate, closed, failures,
			priority, weight, created_at, updated_at)
		SELECT t.id, 'sandbox', 's', 'TEST' || o.code, '{}', '', '\x00', '\x00', o.cost, o.available, o.reason, o.stock, o.unlimited, o.success_rate, false, 0, 0, 1, now(), now()
		FROM offers o JOIN products p ON p.id = o.product_id JOIN products t ON t.mode = 'test' AND t.sku = 'TEST' || p.sku WHERE p.mode = 'live'`)
}

// digest gives one of all rows; when keys were last used is nobody's business.
func (w *world) digest() func() string {
	w.t.Helper()
	var sql string
	require.NoError(w.t, w.db.Pool.QueryRow(w.t.Context(), `SELECT 'SELECT md5(concat(' || string_agg(format(
		'(SELECT md5(coalesce(string_agg(t::text, '','' ORDER BY t::text), '''')) FROM %I t)', tablename), ', ' ORDER BY tablename) || '))'
		FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'api_keys'`).Scan(&sql))
	return func() (sum string) {
		require.NoError(w.t, w.db.Pool.QueryRow(w.t.Context(), sql).Scan(&sum))
		return sum
	}
}

func TestAuthorizationOfEveryOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *api.Deps) {
		d.Callbacks = callback.NewDoor(d.DB.Pool, map[string]string{callbackToken: "up-a"}, d.Now, d.Log, nil)
	})
	newLookers(w)
	w.queue.ask = func(ctx context.Context, offerID int64) (*queue.Answer, error) {
		return &queue.Answer{}, catalog.SaveOperators(ctx, w.db.Pool, offerID, []catalog.Operator{{Name: "Any", Code: "1"}}, w.clock.Now())
	}
	digest := w.digest()
	parties := w.parties()
	var table strings.Builder
	table.WriteString(authorizationIntro + "\n## Below the base path\n\n")
	heading(&table, "operation", parties)
	tried := attempts()
	for _, name := range api.Routes(w.apis[1]) {
		a, ok := tried[name]
		require.True(t, ok || strings.HasPrefix(name, "GET ") && !strings.Contains(name, "{"), "say in attempts() how %s is tried", name)
		delete(tried, name)
		table.WriteString("| `" + name + "`")
		for _, c := range parties {
			table.WriteString(" | " + w.authorize(c, name, a, digest))
		}
		table.WriteString(" |\n")
	}
	require.Empty(t, tried, "these are routes no more")
	for _, name := range []string{"GET /no/such/route", "DELETE /order"} {
		table.WriteString("| `" + name + "`")
		for _, c := range parties {
			table.WriteString(" | " + cell(c.on.try(c.by, name, attempt{}, "/api/v1", false)))
		}
		table.WriteString(" |\n")
	}
	table.WriteString("\n## Public\n\nA key changes nothing here.\n\n")
	heading(&table, "route", parties)
	for name, shown := range w.public() {
		table.WriteString("| `" + shown + "`")
		for _, c := range parties {
			table.WriteString(" | " + cell(c.on.try(c.by, name, attempt{}, "", false)))
		}
		table.WriteString(" |\n")
	}
	golden(t, "testdata/authorization.md", table.String())
}

const authorizationIntro = "# Who may do what\n\nGenerated by `go test ./api -run TestAuthorization -update`, and compared by every run.\n\n" +
	"A 200 to another's key is about the caller's own or about what everybody may see: the test finds nothing of the owner's in it. " +
	"A refusal changed no row, and what is another's, or of the other mode, is refused in the same bytes as what does not exist.\n"

func heading(table *strings.Builder, first string, parties []caller) {
	table.WriteString("| " + first)
	for _, c := range parties {
		table.WriteString(" | " + c.title)
	}
	table.WriteString(" |\n|" + strings.Repeat(" --- |", len(parties)+1) + "\n")
}

// authorize tries an operation and checks what the table does not show.
func (w *world) authorize(c caller, name string, a attempt, digest func() string) string {
	t, what := w.t, c.title+": "+name
	before := digest()
	r := c.on.try(c.by, name, a, "/api/v1", false)
	for _, id := range c.hidden {
		require.NotContains(t, r.raw, id, what)
	}
	if r.status < http.StatusBadRequest {
		return cell(r)
	}
	require.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, r.status, "%s: %s", what, r.raw)
	again := c.on.try(c.by, name, a, "/v1", false)
	require.Equal(t, r.raw, again.raw, "%s: the same below both base paths", what)
	if a.of != "" {
		nobodys := c.on.try(c.by, name, a, "/api/v1", true)
		require.Equal(t, nobodys.raw, r.raw, "%s: as what does not exist", what)
		require.Equal(t, nobodys.status, r.status, what)
	}
	require.Equal(t, before, digest(), "%s: a refusal changes nothing", what)
	return cell(r)
}

// public gives what is served without a key, as it is asked for and as it is shown.
func (w *world) public() func(yield func(name, shown string) bool) {
	c := w.merchant(0)
	picture := c.deposit(`{"amount":50000}`)["qr_image"].(string)
	return func(yield func(string, string) bool) {
		names := [][2]string{{"GET /", "GET /"}}
		for _, path := range api.Pages(w.apis[1]) {
			names = append(names, [2]string{"GET " + path, "GET " + path})
		}
		for _, path := range []string{"/pricelist", "/pricelist/id", "/pricelist/en", "/pricelist.csv", "/pricelist.json"} {
			names = append(names, [2]string{"GET " + path, "GET " + path})
		}
		names = append(names, [2]string{"POST /pricelist", "POST /pricelist"}, [2]string{"GET " + picture, "GET /qr/{token}.png"}, [2]string{"GET /qr/" + strings.Repeat("A", 26) + ".png", "GET /qr/{unknown}.png"},
			[2]string{"POST " + callback.Path + callbackToken, "POST /callback/{token}"}, [2]string{"POST " + callback.Path + "nobody", "POST /callback/{unknown}"},
			[2]string{"POST /docs", "POST /docs"}, [2]string{"GET /no/such/page", "GET /no/such/page"})
		for _, n := range names {
			if !yield(n[0], n[1]) {
				return
			}
		}
	}
}

// golden compares a text with a kept one.
func golden(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(kept), text, "who may do what has changed: look at it, then run with -update")
}
