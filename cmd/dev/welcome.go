package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/muarahq/muara/api/admin"
	"github.com/muarahq/muara/pkg/catalog"
)

// goods are what the printed lines order: what the catalogue has at this moment.
type goods struct {
	ppob, bill, otp, smm, product string
	service                       string
	bank                          string // an account there is looked up
}

// smmQuantity is how many the printed line orders of a social media service.
const smmQuantity = 100

// demoAccount is whose e-wallet the printed lines look up and pay out to.
const demoAccount = "081234567890"

// goodsTime bounds the wait for the API to have seen what was imported.
const goodsTime = 30 * time.Second

// findGoods asks the API, as the demo merchant would, for one thing of each kind.
func findGoods(ctx context.Context, g *gateway, d *demo) (*goods, error) {
	ctx, cancel := context.WithTimeout(ctx, goodsTime)
	defer cancel()
	c := &client{base: g.url("api") + "/api/v1", key: d.Key}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		found, err := c.find(ctx)
		if err == nil {
			return found, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the API does not show the catalogue: %w", err)
		case <-tick.C:
		}
	}
}

// client calls the merchant API.
type client struct{ base, key string }

var errNothing = errors.New("nothing to sell")

func (c *client) find(ctx context.Context) (*goods, error) {
	out := &goods{}
	var ppob catalog.PPOBProducts
	if err := c.get(ctx, "/ppob/products?available=true&type=prepaid", &ppob); err != nil {
		return nil, err
	}
	// Something small that needs a phone number and nothing else; pulsa before the rest.
	for _, p := range ppob.Products {
		if len(p.Inputs) == 1 && p.Price < 30_000 && (out.ppob == "" || strings.EqualFold(p.Category, "pulsa") && p.Price > 9_000) {
			out.ppob = p.SKU
			if strings.EqualFold(p.Category, "pulsa") && p.Price > 9_000 {
				break
			}
		}
	}
	var bills catalog.PPOBProducts
	if err := c.get(ctx, "/ppob/products?available=true&type=postpaid", &bills); err != nil {
		return nil, err
	}
	if len(bills.Products) > 0 {
		out.bill = bills.Products[0].SKU
	}
	var products catalog.PremiumProducts
	if err := c.get(ctx, "/products", &products); err != nil {
		return nil, err
	}
	for _, p := range products.Products {
		for _, v := range p.Variants {
			if v.SKU == demoSKU && v.Stock > 0 {
				out.product = v.SKU
			}
		}
	}
	var services catalog.SMMServices
	if err := c.get(ctx, "/smm/services?platform=instagram", &services); err != nil {
		return nil, err
	}
	for _, s := range services.Services {
		if s.Available && s.Type == "default" && s.Min <= smmQuantity && s.Refill && s.Cancel {
			out.smm = s.SKU
			break
		}
	}
	if err := c.findBank(ctx, out); err != nil {
		return nil, err
	}
	if err := c.findNumber(ctx, out); err != nil {
		return nil, err
	}
	if out.ppob == "" || out.bill == "" || out.otp == "" || out.smm == "" || out.product == "" || out.bank == "" {
		return nil, fmt.Errorf("%w: ppob %q, bill %q, otp %q, smm %q, product %q, e-wallet %q", errNothing, out.ppob, out.bill, out.otp, out.smm, out.product, out.bank)
	}
	return out, nil
}

// findBank finds an e-wallet whose accounts can be looked up.
func (c *client) findBank(ctx context.Context, out *goods) error {
	var banks struct {
		Banks []struct {
			Code string `json:"bank_code"`
			Type string `json:"type"`
		} `json:"banks"`
	}
	if err := c.get(ctx, "/check/banks", &banks); err != nil {
		return err
	}
	for _, b := range banks.Banks {
		if b.Type == "ewallet" {
			out.bank = b.Code
			return nil
		}
	}
	return nil
}

// findNumber finds a number for rent, Indonesian where there is one.
func (c *client) findNumber(ctx context.Context, out *goods) error {
	var services catalog.OTPServices
	if err := c.get(ctx, "/otp/services?search=telegram", &services); err != nil || len(services.Services) == 0 {
		return err
	}
	out.service = services.Services[0].Service
	var countries catalog.OTPCountries
	if err := c.get(ctx, "/otp/countries?service="+out.service, &countries); err != nil {
		return err
	}
	home := slices.IndexFunc(countries.Countries, func(c catalog.OTPCountry) bool { return c.ISO == "ID" })
	if home > 0 {
		countries.Countries[0], countries.Countries[home] = countries.Countries[home], countries.Countries[0]
	}
	for _, country := range countries.Countries {
		for _, o := range country.Offers {
			if o.Available {
				out.otp = o.SKU
				return nil
			}
		}
	}
	return nil
}

// get reads the data of an answer.
func (c *client) get(ctx context.Context, path string, data any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %d: %s", path, resp.StatusCode, body)
	}
	return json.Unmarshal(body, &struct {
		Data any `json:"data"`
	}{data})
}

// welcome is what a newcomer reads. Its indented lines are commands that work as pasted.
func welcome(g *gateway, d *demo, s *goods) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	run := time.Now().Format("0102-150405") // so that each run's orders are new ones
	base := g.url("api") + "/api/v1"
	curl := func(path string) { say("  curl -s -H 'Authorization: Bearer %s' '%s%s'", d.Key, base, path) }
	post := func(path, body string) {
		say("  curl -s -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '%s' '%s%s'", d.Key, body, base, path)
	}
	say("\nready\n")
	whatRuns(g, d, say)

	say("Paste these; orders take some %s at the source:\n", g.delay)
	say("  # who am I, and what is for sale")
	curl("/ping")
	curl("/profile")
	curl("/ppob/products?search=" + s.ppob)
	say("\n  # phone credit: order it, and see how it stands (the same line again is the same order, charged once)")
	post("/order", `{"category":"ppob","ref":"ppob-`+run+`","sku":"`+s.ppob+`","customer_no":"081234567890"}`)
	curl("/order/ppob-" + run)
	say("\n  # a bill: ask what is owed, then pay exactly that, with the same ref and within 15 minutes")
	post("/inquiry", `{"ref":"bill-`+run+`","sku":"`+s.bill+`","customer_no":"546302215889"}`)
	post("/order", `{"category":"ppob","ref":"bill-`+run+`","sku":"`+s.bill+`","customer_no":"546302215889"}`)
	curl("/order/bill-" + run)
	say("\n  # a number for rent: the number comes first, then the code")
	curl("/otp/countries?service=" + s.service)
	post("/order", `{"category":"otp","ref":"otp-`+run+`","sku":"`+s.otp+`"}`)
	curl("/order/otp-" + run)
	say("\n  # followers: a link and how many; data shows how far it has come (ending the link in 10 delivers half of them)")
	curl("/smm/services?platform=instagram")
	post("/order", fmt.Sprintf(`{"category":"smm","ref":"smm-%s","sku":"%s","target":"https://instagram.com/demo%s00","quantity":%d}`, run, s.smm, run, smmQuantity))
	curl("/order/smm-" + run)
	say("\n  # a premium product: delivered in the same answer")
	post("/order", `{"category":"product","ref":"prd-`+run+`","sku":"`+s.product+`"}`)
	say("\n  # money in: a QRIS code (a picture of it is at qr_image); somebody pays it after %s, and the balance has it some seconds later", g.paidAfter())
	post("/deposit", `{"amount":50000,"ref":"dep-`+run+`"}`)
	curl("/deposit/dep-" + run)
	say("\n  # whose account it is, and money out to one: an operator lets it go")
	curl("/check/bank?bank_code=" + s.bank + "&account_number=" + demoAccount)
	post("/withdraw", `{"ref":"wd-`+run+`","amount":25000,"method":"dana","account_number":"`+demoAccount+`","account_name":"Demo"}`)
	muara := "go run ./cmd/muara --config " + shorten(g.configPath())
	say("  %s withdraw list --state pending", muara)
	say("  %s withdraw approve $(%s --json withdraw list --state pending | grep -o 'MRA-WD-[A-Z0-9]*' | head -n 1)", muara, muara)
	curl("/withdraw/wd-" + run)
	say("\n  # test mode: a wallet and a catalogue of its own; the last two digits choose the outcome (docs/test-mode.md)")
	say("  curl -s -H 'Authorization: Bearer %s' '%s/ppob/products'", d.TestKey, base)
	say("  curl -s -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '%s' '%s/order'", d.TestKey,
		`{"category":"ppob","ref":"test-`+run+`","sku":"TESTPLN20","customer_no":"530000000002"}`, base)
	say("\n  # orders, money, webhooks")
	curl("/orders?limit=3")
	curl("/mutations?limit=3")
	say("  curl -s -X POST -H 'Authorization: Bearer %s' '%s/webhook/test'", d.Key, base)
	say("  curl -s '%s'", g.url("receiver"))
	say("  curl -s '%s/metrics' | grep ^muara_", g.url("metrics"))
	operators(g, d, say)
	say("\nThe last two digits of customer_no or target choose what the source does: 03 or 04 fails, 05 takes a minute, 07 loses its answer, 09")
	say("fails and succeeds later. What the webhook receiver gets is shown below. Ctrl-C stops everything.\n")
	return b.String()
}

func whatRuns(g *gateway, d *demo, say func(string, ...any)) {
	redis := g.redisNote
	if redis == "" {
		redis = "beside this process"
	}
	for _, r := range [][2]string{
		{"merchant API", g.url("api") + "/api/v1"},
		{"its documentation", g.url("api") + "/docs"},
		{"admin API", g.url("admin") + admin.Base + ", /docs"},
		{"metrics, health", g.url("metrics") + "/metrics, /readyz"},
		{"webhook receiver", g.url("receiver") + " (the demo merchant's; verifies signatures)"},
		{"emulated sources", g.url(otpUpstream) + "/api (" + otpUpstream + "), " + g.url(ppobUpstream) + " (" + ppobUpstream + "), " +
			g.url(smmUpstream) + "/api/v2 (" + smmUpstream + "), " + g.url(postUpstream) + "/v1 (" + postUpstream + "), " + g.url(gateUpstream) + " (" + gateUpstream + ")"},
		{"their control", g.url("control") + "/rumahotp/control/books, /rqid/…, /smm/…, /digiflazz/…, /invoice/…"},
		{"redis", redis},
		{"demo merchant", d.MerchantID + ", its key in " + shorten(filepath.Join(g.dir, demoFile))},
		{"configuration", shorten(g.configPath())},
		{"log", shorten(filepath.Join(g.dir, logFile))},
	} {
		say("  %-18s %s", r[0], r[1])
	}
	say("")
}

// operators are what the people who run it see, upstreams and all.
func operators(g *gateway, d *demo, say func(string, ...any)) {
	say("\n  # the operators' side, from this directory")
	for _, args := range []string{
		"order list --limit 5", "upstream list", "upstream show " + otpUpstream, "catalog list --category otp --limit 5",
		"webhook list --limit 5", "deposit list --limit 5", "ledger verify",
	} {
		say("  go run ./cmd/muara --config %s %s", shorten(g.configPath()), args)
	}
	say("  curl -s -H 'Authorization: Bearer %s' '%s%s/audit?limit=5'", d.AdminToken, g.url("admin"), admin.Base)
}

// shorten writes a path from here where it is below.
func shorten(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
