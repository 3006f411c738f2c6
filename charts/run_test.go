package charts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	rqid "github.com/muarahq/muara/pkg/upstream/rqid/emulator"
)

// cluster is an installation of the chart: its pods as processes, over real servers and an emulated provider.
type cluster struct {
	*node
	provider *rqid.Emulator
	receiver *httptest.Server // of the merchant's webhooks
	db       *pgxpool.Pool
	merchant string                // its id
	pods     map[string][]*running // by role
}

const (
	upstreamKey = "kunci-hulu-88"
	upstreamID  = "MM-5501"
)

// install renders the chart for the servers of this test.
func install(t *testing.T) *cluster {
	t.Helper()
	provider := rqid.New(rqid.Config{
		Config: emulate.Config{Seed: 1, Limit: emulate.Limit{Requests: 60, Per: time.Second, Block: 2 * time.Second}, Script: emulate.Always(400 * time.Millisecond)},
		APIKey: upstreamKey, MMID: upstreamID,
	})
	server := httptest.NewServer(provider)
	t.Cleanup(server.Close)
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	dbURL := testdb.NewEmpty(t)
	r := render(t, base, `
api: {drainNotice: 5s}
config:
  api: {rate_limit: -1}
  webhooks: {allow_http: true, allow_cidrs: [127.0.0.0/8]}
  database: {max_conns: 10}
  worker: {shutdown_timeout: 10s}
upstreams:
  hulu-kapuas:
    config: {driver: rqid, base_url: "`+server.URL+`", budget: {requests: 60, per: 1s}, timeout: 5s, provides: [ppob]}
    credentials: {api_key: {existingSecret: {name: kapuas, key: token}}, mmid: {value: `+upstreamID+`}}
    replicas: 2
  sandbox: {config: {timeout: 5s}}
`)
	n := newNode(t, r, map[string]map[string]string{
		"servers": {"db": dbURL, "redis": testredis.StartServer(t).URL}, "crypt": {"k": strings.Repeat("5a", 32)}, "kapuas": {"token": upstreamKey},
	})
	db, err := pgxpool.New(t.Context(), dbURL)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return &cluster{node: n, provider: provider, receiver: receiver, db: db, pods: map[string][]*running{}}
}

// scale adds pods of a role until there are so many.
func (c *cluster) scale(role string, replicas int) {
	c.t.Helper()
	for len(c.pods[role]) < replicas {
		p := c.start(fmt.Sprint(role, "-", len(c.pods[role])), c.release.deployment(role).Spec.Template.Spec)
		c.pods[role] = append(c.pods[role], p)
	}
}

// replace takes a role's first pod away and starts another, as a Deployment does.
func (c *cluster) replace(role string) time.Duration {
	c.t.Helper()
	gone := c.pods[role][0]
	c.pods[role] = c.pods[role][1:]
	took := gone.remove()
	c.scale(role, len(c.pods[role])+1)
	return took
}

// number asks the database for one.
func (c *cluster) number(sql string, args ...any) int {
	c.t.Helper()
	var n int
	require.NoError(c.t, c.db.QueryRow(c.t.Context(), sql, args...).Scan(&n))
	return n
}

// ask calls the merchant API; what is not answered with 200 is an error.
func (c *cluster) ask(ctx context.Context, method, url, key string, body []byte) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, url, resp.Status, raw)
	}
	return string(raw), err
}

// order places one at an API of the cluster.
func (c *cluster) order(ctx context.Context, i int, key, sku string) error {
	return c.orderFor(ctx, i, key, sku, fmt.Sprintf("0812%06d01", i))
}

func (c *cluster) orderFor(ctx context.Context, i int, key, sku, number string) error {
	body, err := json.Marshal(map[string]string{"category": "ppob", "ref": fmt.Sprint("trx-", i), "sku": sku, "customer_no": number})
	if err != nil {
		return err
	}
	apis := c.pods["api"]
	_, err = c.ask(ctx, http.MethodPost, apis[i%len(apis)].url("http", "/api/v1/order"), key, body)
	return err
}

// migrate runs the hook; a role that came before it lives and waits.
func (c *cluster) migrate() {
	c.t.Helper()
	c.scale("scheduler", 1)
	early := c.pods["scheduler"][0]
	early.until("lives", func() bool { return early.live() == http.StatusOK })
	require.Equal(c.t, http.StatusServiceUnavailable, early.ready(), "without a schema")
	c.start("migrate", c.release.jobs()[0].Spec.Template.Spec).finish()
	early.awaitReady()
}

// everything starts what the chart says, and gives a merchant's key and something to buy. started is called when all is ready and
// nothing has happened.
func (c *cluster) everything(started func()) (key, sku string) {
	c.t.Helper()
	for role, replicas := range map[string]int{"scheduler": 2, "worker-hulu-kapuas": 2, "worker-sandbox": 1, "webhooks": 2, "api": 2} {
		if d := c.release.deployment(role); d.Spec.Replicas != nil {
			require.EqualValues(c.t, replicas, *d.Spec.Replicas, role)
		}
		c.scale(role, replicas)
	}
	for _, pods := range c.pods {
		for _, p := range pods {
			p.awaitReady()
		}
	}
	started()
	operator := c.pods["api"][0]
	operator.exec(nil, "catalog", "import", "--upstream", "hulu-kapuas")
	var m struct {
		ID  string `json:"merchant_id"`
		Key string `json:"key"`
	}
	operator.exec(&m, "merchant", "create", "--name", "Toko Surut")
	c.merchant = m.ID
	operator.exec(nil, "merchant", "credit", m.ID, "1000000000", "--note", "opening")
	_, err := c.ask(c.t.Context(), http.MethodPut, operator.url("http", "/api/v1/webhook"), m.Key, []byte(`{"url": "`+c.receiver.URL+`/hooks"}`))
	require.NoError(c.t, err)
	sku = c.sellable(operator)
	for _, api := range c.pods["api"] {
		until(c.t, 20*time.Second, "the API has heard of the catalogue", func() bool {
			list, err := c.ask(c.t.Context(), http.MethodGet, api.url("http", "/api/v1/ppob/products"), m.Key, nil)
			require.NoError(c.t, err)
			return strings.Contains(list, `"`+sku+`"`)
		})
	}
	return m.Key, sku
}

// sellable gives the SKU of something that can be bought with nothing but a number.
func (c *cluster) sellable(operator *running) string {
	c.t.Helper()
	var list struct {
		Products []struct {
			SKU       string `json:"sku"`
			Available bool   `json:"available"`
		} `json:"products"`
	}
	operator.exec(&list, "catalog", "list", "--category", "ppob", "--upstream", "hulu-kapuas")
	for _, p := range list.Products {
		if p.Available && c.number(`SELECT count(*) FROM products WHERE sku = $1 AND (inputs::text LIKE '%"zone_id"%' OR type = 'postpaid')`, p.SKU) == 0 {
			return p.SKU
		}
	}
	require.Fail(c.t, "nothing is for sale")
	return ""
}

func TestTheRolesRunUnderWhatIsRenderedAndLoseNothingWhenStopped(t *testing.T) {
	t.Parallel()
	c := install(t)
	c.migrate()
	sight := c.watch()
	key, sku := c.everything(func() { sight.all(c) })

	// `helm test`, through what stands for the Service.
	check := one[*corev1.Pod](c.release, prefix+"test").Spec
	api := c.pods["api"][0]
	last := len(check.Containers[0].Args) - 1
	check.Containers[0].Args[last] = strings.Replace(check.Containers[0].Args[last], prefix+"api:80", strings.TrimPrefix(api.url("http", ""), "http://"), 1)
	c.start("test", check).finish()

	c.pods["api"][0].exec(nil, "upstream", "reconcile", "hulu-kapuas")
	c.pretend("first", "close")
	_, err := c.provider.AddFault(emulate.Rule{
		Kind: emulate.Latency, Endpoint: "purchase", Delay: emulate.Duration(time.Second), Jitter: emulate.Duration(200 * time.Millisecond),
	})
	require.NoError(t, err)
	const orders = 200
	var placed sync.WaitGroup
	refused := make(chan error, orders)
	for i := range orders {
		placed.Go(func() {
			if err := c.order(t.Context(), i, key, sku); err != nil {
				refused <- err
			}
		})
	}
	placed.Wait()
	close(refused)
	for err := range refused {
		require.NoError(t, err)
	}

	// Both workers are replaced, one after the other, and one scheduler, each in the middle of purchases.
	for _, role := range []string{"worker-hulu-kapuas", "scheduler", "worker-hulu-kapuas"} {
		until(t, 20*time.Second, "purchases are on their way", func() bool { return c.number(`SELECT count(*) FROM orders WHERE state = 'sending'`) >= 8 })
		p := c.pods[role][0]
		took := c.replace(role)
		sight.see(c)
		require.Less(t, took, 20*time.Second, "%s: shutdown_timeout, and 10 seconds for what ends after it", p.name)
	}
	until(t, 60*time.Second, "everything is final", func() bool {
		return c.number(`SELECT count(*) FROM orders WHERE state <> 'completed' AND ref <> 'trx-2000'`) == 0
	})

	books := c.provider.Books()
	require.Len(t, books.Purchases, orders)
	require.Empty(t, books.Twice())
	require.Empty(t, books.TwiceByTarget())
	require.Empty(t, books.Violations, "the promise held over %d workers and their successors", 2)
	require.Zero(t, c.number(`SELECT count(*) FROM order_events WHERE to_state = 'unknown'`), "no call was given up")
	require.Zero(t, c.number(`SELECT count(*) FROM orders WHERE attempt <> 1`), "no purchase was tried twice")
	var report struct {
		Clean bool `json:"clean"`
	}
	c.pods["api"][1].exec(&report, "ledger", "verify")
	require.True(t, report.Clean)

	c.misfortunes(key, sku)
	sight.full()
	kinds := map[string]bool{}
	for _, s := range sight.ask(`sum by (kind) (muara_asks_total{outcome=~"done|found"})`) {
		kinds[s.Metric["kind"]] = true
	}
	require.Equal(t, map[string]bool{"invoice": true, "inquiry": true, "check": true, "targets": true, "operators": true}, kinds)
	require.NotContains(t, sight.judged(), "MuaraSchedulerSilent")
	require.NotContains(t, sight.judged(), "MuaraAPIGone")
	require.NotContains(t, sight.judged(), "MuaraLedgerDrift")
	c.drainAPI()
	for role, pods := range c.pods {
		for _, p := range pods {
			p.awaitReady()
			p.remove()
		}
		require.NotEmpty(t, pods, role)
	}
}

// pretend moves money in the test mode: a deposit that is paid, and a withdrawal that is paid out, by themselves some seconds later.
// And an operator takes something off sale, or puts it back.
func (c *cluster) pretend(ref, decision string) {
	c.t.Helper()
	var k struct {
		Key string `json:"key"`
	}
	api := c.pods["api"][0]
	api.exec(&k, "key", "create", c.merchant, "--name", "uji", "--mode", "test")
	_, err := c.ask(c.t.Context(), http.MethodPost, api.url("http", "/api/v1/deposit"), k.Key, []byte(`{"amount": 50000, "ref": "`+ref+`"}`))
	require.NoError(c.t, err)
	_, err = c.ask(c.t.Context(), http.MethodPost, api.url("http", "/api/v1/withdraw"), k.Key,
		[]byte(`{"ref": "`+ref+`", "amount": 20000, "method": "dana", "account_number": "081234567801", "account_name": "Uji"}`))
	require.NoError(c.t, err)
	api.exec(nil, "product", decision, "TESTPREMIUM")
}

// questions asks sources everything that a merchant waits for, in the test mode, as soon as it can be asked there.
func (c *cluster) questions() {
	c.t.Helper()
	var k struct {
		Key string `json:"key"`
	}
	api := c.pods["api"][0]
	api.exec(&k, "key", "create", c.merchant, "--name", "tanya", "--mode", "test")
	for _, q := range []struct{ method, path, body string }{
		{http.MethodPost, "/inquiry", `{"ref": "bill", "sku": "TESTPLNPASCA", "customer_no": "530000000001"}`},
		{http.MethodGet, "/check/bank?bank_code=dana&account_number=081234567801", ""},
		{http.MethodGet, "/otp/operators?sku=TESTOTPTGID", ""},
	} {
		var err error
		until(c.t, 20*time.Second, q.path+" is answered", func() bool {
			_, err = c.ask(c.t.Context(), q.method, api.url("http", "/api/v1"+q.path), k.Key, []byte(q.body))
			return err == nil
		})
	}
}

// misfortunes are orders that do not go well, and requests that are refused: what dashboards are for.
func (c *cluster) misfortunes(key, sku string) {
	c.t.Helper()
	c.pretend("second", "open")
	c.questions()
	c.provider.SetScript(emulate.Digits(100*time.Millisecond, 0))
	for i, ending := range []string{"03", "04", "07", "12", "03", "04", "07"} {
		require.NoError(c.t, c.orderFor(c.t.Context(), 1000+i, key, sku, fmt.Sprintf("0857%06d%s", i, ending)))
	}
	_, err := c.ask(c.t.Context(), http.MethodGet, c.pods["api"][0].url("http", "/api/v1/order/nobody"), key, nil)
	require.ErrorContains(c.t, err, "404")
	until(c.t, 60*time.Second, "those are final, too", func() bool {
		return c.number(`SELECT count(*) FROM orders WHERE state NOT IN ('completed', 'failed', 'canceled')`) == 0
	})
	var code string // that of goods which the provider does not have any more
	require.NoError(c.t, c.db.QueryRow(c.t.Context(), `SELECT code FROM offers JOIN products ON products.id = product_id WHERE sku = $1`, sku).Scan(&code))
	require.True(c.t, c.provider.SetFlags(code, true, false))
	require.NoError(c.t, c.order(c.t.Context(), 2000, key, sku))
	until(c.t, 60*time.Second, "what was refused has failed", func() bool {
		return c.number(`SELECT count(*) FROM orders WHERE state = 'failed' AND ref = 'trx-2000'`) == 1
	})
	until(c.t, 60*time.Second, "the deposits are paid", func() bool { return c.number(`SELECT count(*) FROM deposits WHERE state = 'paid'`) == 2 })
	until(c.t, 60*time.Second, "the withdrawals are paid out", func() bool { return c.number(`SELECT count(*) FROM withdrawals WHERE state = 'success'`) == 2 })
	until(c.t, 60*time.Second, "the merchant has heard of everything", func() bool {
		return c.number(`SELECT count(*) FROM webhook_events WHERE status <> 'delivered'`) == 0
	})
}

// drainAPI takes a pod of the API away: it says so, and goes on answering until every proxy has heard it.
func (c *cluster) drainAPI() {
	c.t.Helper()
	api := c.pods["api"][0]
	c.pods["api"] = c.pods["api"][1:]
	ended := make(chan time.Duration, 1)
	go func() { ended <- api.remove() }()
	api.until("is not ready any more", func() bool { return api.ready() == http.StatusServiceUnavailable })
	require.Equal(c.t, http.StatusOK, api.live(), "nobody restarts it meanwhile")
	_, err := c.ask(c.t.Context(), http.MethodGet, api.url("http", "/openapi.json"), "", nil)
	require.NoError(c.t, err, "what still comes is answered")
	require.GreaterOrEqual(c.t, <-ended, 5*time.Second, "the notice")
}
