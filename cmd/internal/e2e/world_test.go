package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
)

// The upstreams as the configuration calls them: names that no word of ours holds.
const (
	otpName    = "hulu-kapuas"     // rumahotp
	ppobName   = "hulu-barito"     // rqid
	smmName    = "hulu-mahakam"    // a panel
	gateName   = "hulu-batanghari" // an invoice gateway
	retailName = "hulu-rokan"      // digiflazz
	peerName   = "hulu-musi"       // another installation, or its emulator
	mockName   = "hulu-semu"       // the sandbox

	apiKey   = "kunci-sumber-2771"
	mmid     = "MM-48213"
	username = "pengguna-2771"
	hookKey  = "rahasia-panggilan-2771"

	sealKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// settings are what tests choose; zero values get what fits most.
type settings struct {
	// own: a Postgres server of the test's own, to be restarted.
	own bool
	// muara is the program of every role and command; empty: what this tree builds.
	muara string
	// configured is called when the configuration is written and nothing has used it.
	configured func(w *world)
	// limit is both upstreams' promise of requests in a second, kept and judged.
	limit int
	// life is how long a number is rented.
	life time.Duration
	// delay is how long a purchase takes, and up to half of it more.
	delay     time.Duration
	rateLimit int
	// watched: every role serves its metrics and sends its traces to the test.
	watched bool
	// also are the names of the upstreams that there are beside rumahotp and rqid.
	also []string
	// doubts: sources that nobody can ask lose answers in every trouble.
	doubts bool
	// mock: merchants may test.
	mock bool
	// source: this installation's only source is a merchant's account at another one.
	source *merchant
}

// world is an installation: servers, emulators, configuration and the roles' processes.
type world struct {
	t        testing.TB
	settings settings
	dir      string // configuration and logs
	bin      string
	pg       *testdb.Server // nil on the shared server
	redis    *testredis.Server
	dbURL    string
	pool     *pgxpool.Pool // for looking only
	// emulated are the upstreams by name, in the order in which they are configured; some
	// of them by what they sell, too.
	emulated  []*emulated
	otp, ppob *emulated // nil where another installation is the source
	smm, gate *emulated
	retail    *emulated
	peer      *emulated
	receiver  *receiver
	traces    *collector // nil unless watched

	struck []struck // faults on their way

	mu       sync.Mutex
	running  map[string]*process
	launched map[string]int // how often a process of a name was started

	apis [2]atomic.Pointer[string] // where the APIs listen
	next atomic.Int64
}

func newWorld(t testing.TB, s settings) *world {
	t.Helper()
	bin, err := binaries()
	require.NoError(t, err)
	if s.limit == 0 {
		s.limit = 60
	}
	if s.life == 0 {
		s.life = 15 * time.Minute
	}
	if s.delay == 0 {
		s.delay = 400 * time.Millisecond
	}
	if s.rateLimit == 0 {
		s.rateLimit = -1
	}
	w := &world{t: t, settings: s, dir: t.TempDir(), bin: bin, running: map[string]*process{}, launched: map[string]int{}}
	w.redis = testredis.StartServer(t)
	if s.own {
		w.pg = testdb.StartServer(t)
		w.dbURL = w.pg.URL
	} else {
		w.dbURL = testdb.NewEmpty(t)
	}
	w.receiver = newReceiver(t)
	if s.source == nil {
		w.emulators()
	}
	if s.watched {
		w.traces = newCollector(t)
	}
	w.configure()
	if s.configured != nil {
		s.configured(w)
	}
	w.cli(nil, "migrate", "up")
	w.pool, err = pgxpool.New(t.Context(), w.dbURL)
	require.NoError(t, err)
	t.Cleanup(w.pool.Close)
	return w
}

// emulators starts all in one process.
func (w *world) emulators() {
	limit := fmt.Sprint(w.settings.limit)
	args := []string{
		"-control", "127.0.0.1:0", "-key", apiKey, "-mmid", mmid,
		"-services", "3", "-seed", fmt.Sprint(seed()), "-delay", w.settings.delay.String(), "-jitter", (w.settings.delay / 2).String(), "-life", w.settings.life.String(),
		"-requests", limit, "-per", "1s", "-rqid-requests", limit, "-rqid-per", "1s", "-other-requests", limit, "-other-per", "1s", "-block", "2s",
	}
	brands := map[string]string{smmName: "smm", gateName: "invoice", retailName: "digiflazz", peerName: "muara"}
	wanted := []*emulated{{name: otpName, brand: "rumahotp"}, {name: ppobName, brand: "rqid"}}
	for _, name := range w.settings.also {
		wanted = append(wanted, &emulated{name: name, brand: brands[name]})
	}
	for _, e := range wanted {
		args = append(args, "-"+e.brand, "127.0.0.1:0")
	}
	p := launch(w.t, w.dir, "emulator", exec.Command(filepath.Join(w.bin, "emulator"), args...))
	at := addresses(w.t, p)
	w.emulated = wanted
	for _, e := range wanted {
		e.t, e.base, e.control = w.t, at[e.brand], at["control"]+"/"+e.brand+"/control"
	}
	w.otp, w.ppob = w.at(otpName), w.at(ppobName)
	w.smm, w.gate, w.retail, w.peer = w.at(smmName), w.at(gateName), w.at(retailName), w.at(peerName)
}

// at is the emulator of an upstream; nil where there is none.
func (w *world) at(name string) *emulated {
	for _, e := range w.emulated {
		if e.name == name {
			return e
		}
	}
	return nil
}

// configure writes muara.yaml.
func (w *world) configure() {
	metrics, traced, conns := "off", "", 10
	if len(w.names()) > 4 {
		conns = 7 // of each of two dozen processes; a server of a test's own has 200
	}
	if w.settings.watched {
		metrics, traced = "127.0.0.1:0", w.traces.URL
	}
	text := fmt.Sprintf(`
api: {listen: "127.0.0.1:0", admin_listen: "off", metrics_listen: %q, rate_limit: %d}
trace: {endpoint: %q}
database: {url: %q, max_conns: %d}
redis: {url: %q}
secrets: {encryption_key: %q}
upstreams:
%sorders: {debit_longest: 5s}
webhooks: {allow_http: true, allow_cidrs: ["127.0.0.0/8"]}
worker: {metrics_listen: %q, shutdown_timeout: 10s}
scheduler: {metrics_listen: %q}
`, metrics, w.settings.rateLimit, traced, w.dbURL, conns, w.redis.URL, sealKey, w.sources(), metrics, metrics)
	require.NoError(w.t, os.WriteFile(w.config(), []byte(text), 0o600))
}

// sources are the upstreams of the configuration.
func (w *world) sources() string {
	if from := w.settings.source; from != nil {
		return fmt.Sprintf(`  - name: %s
    driver: muara
    base_url: %s/api/v1
    credentials: {api_key: %q, webhook_secret: %q}
    budget: {requests: %d, per: 1s}
    timeout: 3s
`, peerName, from.w.url(), from.Key, from.Secret, w.settings.limit)
	}
	text := ""
	for _, e := range w.emulated {
		text += "  - {name: " + e.name + ", driver: " + e.brand + ", timeout: 2s, " + fmt.Sprintf("budget: {requests: %d, per: 1s}, ", w.settings.limit) + w.account(e) + "}\n"
	}
	if w.settings.mock {
		text += "  - {name: " + mockName + ", driver: sandbox, timeout: 2s}\n"
	}
	return text
}

// account is what of an upstream's configuration is its own.
func (w *world) account(e *emulated) string {
	switch e.name {
	case otpName:
		return fmt.Sprintf("base_url: %s/api, credentials: {api_key: %q}, options: {number_life: %s}, provides: [otp, ppob, deposit, check]", e.base, apiKey, w.settings.life)
	case ppobName:
		return fmt.Sprintf("base_url: %q, credentials: {api_key: %q, mmid: %q}, provides: [ppob]", e.base, apiKey, mmid)
	case retailName:
		return fmt.Sprintf("base_url: %s/v1, credentials: {api_key: %q, username: %q, webhook_secret: %q}", e.base, apiKey, username, hookKey)
	case peerName:
		return fmt.Sprintf("base_url: %s/api/v1, credentials: {api_key: %q}, provides: [otp, ppob, smm]", e.base, apiKey)
	}
	return fmt.Sprintf("base_url: %q, credentials: {api_key: %q}", e.base, apiKey)
}

// names are the upstreams by name.
func (w *world) names() (all []string) {
	if w.settings.source != nil {
		return []string{peerName}
	}
	for _, e := range w.emulated {
		all = append(all, e.name)
	}
	if w.settings.mock {
		all = append(all, mockName)
	}
	return all
}

func (w *world) config() string { return filepath.Join(w.dir, "muara.yaml") }

func (w *world) program() string {
	if w.settings.muara != "" {
		return w.settings.muara
	}
	return filepath.Join(w.bin, "muara")
}

// refusal is an operator command that ended with an error.
type refusal struct {
	args []string
	code int
	text string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("muara %s: exit %d: %s", strings.Join(r.args, " "), r.code, r.text)
}

// try runs an operator command and decodes its one JSON object into out.
func (w *world) try(out any, args ...string) error {
	cmd := exec.CommandContext(w.t.Context(), w.program(), append([]string{"--config", w.config(), "--json"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &refusal{args: args, code: exit.ExitCode(), text: strings.TrimSpace(stderr.String())}
	}
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

// cli is try for what must succeed.
func (w *world) cli(out any, args ...string) {
	w.t.Helper()
	require.NoError(w.t, w.try(out, args...))
}

// start starts a role under a name that is free.
func (w *world) start(name string, args ...string) *process {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.launched[name]++
	cmd := exec.Command(w.program(), append([]string{"--config", w.config()}, args...)...)
	p := launch(w.t, w.dir, fmt.Sprintf("%s.%d", name, w.launched[name]), cmd)
	w.running[name] = p
	return p
}

// proc gives the running process of a name.
func (w *world) proc(name string) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running[name]
}

// api starts the n-th API and waits until it answers.
func (w *world) api(n int) *process {
	w.t.Helper()
	p := w.start(fmt.Sprintf("api-%d", n), "api", "--drain-notice", "100ms")
	url := "http://" + p.await(w.t, "api ready")["listen"].(string)
	w.apis[n].Store(&url)
	return p
}

// url is an API's address, in turn.
func (w *world) url() string {
	for {
		if at := w.apis[w.next.Add(1)%int64(len(w.apis))].Load(); at != nil {
			return *at
		}
	}
}

// callbacks is where an upstream is to post to us: at the API that no test kills.
func (w *world) callbacks(upstream string) string {
	w.t.Helper()
	var page struct {
		At string `json:"callback_url"`
	}
	w.cli(&page, "upstream", "show", upstream)
	require.NotEmpty(w.t, page.At)
	return *w.apis[1].Load() + page.At
}

// worker starts the n-th worker of an upstream.
func (w *world) worker(upstream string, n int) *process {
	w.t.Helper()
	p := w.start(fmt.Sprintf("worker-%s-%d", upstream, n), "worker", "--upstream", upstream)
	p.await(w.t, "worker ready")
	return p
}

func (w *world) webhooks(n int) *process {
	w.t.Helper()
	p := w.start(fmt.Sprintf("webhooks-%d", n), "worker", "--webhooks")
	p.await(w.t, "webhooks ready")
	return p
}

func (w *world) scheduler(n int) *process {
	w.t.Helper()
	p := w.start(fmt.Sprintf("scheduler-%d", n), "scheduler")
	p.await(w.t, "scheduler ready")
	return p
}

// everything starts two of each role, and imports the catalogue.
func (w *world) everything() {
	w.t.Helper()
	for n := range 2 {
		w.scheduler(n)
		for _, name := range w.names() {
			if n == 0 || !w.small(name) {
				w.worker(name, n)
			}
		}
		w.webhooks(n)
	}
	w.catalogue()
	for n := range 2 {
		w.api(n)
	}
}

// small is whether one worker is enough for an upstream.
func (w *world) small(name string) bool {
	return name == smmName && w.retail != nil || name == gateName || name == mockName || name == peerName && w.peer != nil
}

// catalogue has the workers read what the upstreams sell.
func (w *world) catalogue() {
	w.t.Helper()
	if w.retail == nil {
		w.cli(nil, "catalog", "import")
		return
	}
	// It lets its lists be read five minutes apart, and its bills come second.
	w.cli(nil, "catalog", "import", "--no-wait")
	until(w.t, time.Minute, "every list but one is read", func() bool {
		return w.count(`SELECT count(*) FROM catalog_scopes WHERE last_done_at IS NULL`) == 1 &&
			w.count(`SELECT count(DISTINCT upstream) FROM offers WHERE available`) == len(w.names())-1
	})
}

// count asks the database for one number; -1 while it does not answer.
func (w *world) count(sql string, args ...any) int {
	n := -1
	if err := w.pool.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		return -1
	}
	return n
}

// alive requires that no process has ended by itself.
func (w *world) alive() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, p := range maps.All(w.running) {
		require.True(w.t, p.Running(), "%s has ended:\n%s", name, tail(p.log, 50))
	}
}

func seed() uint64 { return uint64(fromEnv("MUARA_E2E_SEED", 1)) }

// verified requires that the operators' proof of the books finds nothing.
func (w *world) verified() {
	w.t.Helper()
	var report map[string]any
	w.cli(&report, "ledger", "verify")
	require.Equal(w.t, true, report["clean"], "%v", report)
}
