package config

import (
	"net/netip"
	"time"

	"github.com/muarahq/muara/pkg/upstream/drivers"
)

// Config is the whole file. The comments give each key's default.
type Config struct {
	Brand     Brand      `yaml:"brand"`
	API       API        `yaml:"api"`
	Database  Database   `yaml:"database"`
	Redis     Redis      `yaml:"redis"`
	Secrets   Secrets    `yaml:"secrets"`
	Upstreams []Upstream `yaml:"upstreams"`
	Webhooks  Webhooks   `yaml:"webhooks"`
	Worker    Worker     `yaml:"worker"`
	Scheduler Scheduler  `yaml:"scheduler"`
	Operator  Operator   `yaml:"operator"`
	Orders    Orders     `yaml:"orders"`
	Deposits  Deposits   `yaml:"deposits"`

	Withdrawals Withdrawals `yaml:"withdrawals"`

	Retention Retention `yaml:"retention"`

	Catalog Catalog `yaml:"catalog"`
	Log     Log     `yaml:"log"`
	Trace   Trace   `yaml:"trace"`

	src Source
}

// Brand is how the gateway calls itself before merchants.
type Brand struct {
	Name      string `yaml:"name"`       // Muara
	KeyPrefix string `yaml:"key_prefix"` // mra: keys are mra_live_… and mra_test_…
	IDPrefix  string `yaml:"id_prefix"`  // MRA: merchant ids are MRA-M-…
	Timezone  string `yaml:"timezone"`   // Asia/Jakarta: a bare date is a day here
}

// API is the merchant API, and the admin API on its own port.
type API struct {
	Listen        string `yaml:"listen"`         // :8080
	AdminListen   string `yaml:"admin_listen"`   // :8081; "off" for none
	MetricsListen string `yaml:"metrics_listen"` // :9090; "off" for none
	// AdminAllow are the addresses that may call the admin API. Empty: any that reaches its port.
	AdminAllow []netip.Prefix `yaml:"admin_allow"`
	// PublicURL is where merchants reach this API, for links in answers; empty leaves them relative.
	PublicURL string `yaml:"public_url"`
	// TrustedProxies are the peers whose X-Forwarded-For counts. Empty: nobody's does.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// RateLimit is requests per merchant in any 60 seconds: 120 when 0, no limit when negative.
	RateLimit int `yaml:"rate_limit"`
	// Pricelist says who sees the price list with the prices of all tiers: "public" (whoever looks, the default) or "off" (nobody).
	Pricelist string `yaml:"pricelist"`
}

// Database is Postgres.
type Database struct {
	URL     Secret `yaml:"url"` // postgres://…
	URLFile string `yaml:"url_file"`
	// MaxConns bounds the connections of one process: 32 when 0.
	MaxConns int `yaml:"max_conns"`
}

// Redis is the queue, the request budgets and the rate limits. See Options for the forms of the URL.
type Redis struct {
	URL     Secret `yaml:"url"`
	URLFile string `yaml:"url_file"`
}

// Secrets are the gateway's own. See Key.
type Secrets struct {
	EncryptionKey     Secret `yaml:"encryption_key"`
	EncryptionKeyFile string `yaml:"encryption_key_file"`
}

// Upstream is one account at one provider.
type Upstream struct {
	// Name is the queue's, the metrics' and --upstream's; no merchant ever sees it.
	Name    string `yaml:"name"`
	Driver  string `yaml:"driver"`
	BaseURL string `yaml:"base_url"`
	// Credentials are as the driver asks for them. Any key may end in "_file".
	Credentials map[string]Secret `yaml:"credentials"`
	// Options are the driver's own settings, no secrets among them; its documentation names them.
	Options map[string]string `yaml:"options"`
	Budget  Budget            `yaml:"budget"`
	Timeout time.Duration     `yaml:"timeout"` // 20s, for one call as a whole
	// CallbackTurn gives the address where this upstream posts to us another secret part; the one before is nobody's then.
	CallbackTurn int `yaml:"callback_turn"`
	// Provides limits what is used of this upstream (see the constants); empty means everything its driver can do.
	Provides []string `yaml:"provides"`

	// BuiltIn: the test mode's own source, which is there without being configured (see BuiltInSandbox).
	BuiltIn bool `yaml:"-"`
}

// Budget is a promise to an upstream: never more than Requests arrivals in any window of Per. Where both are 0 the
// driver's documented limit counts.
type Budget struct {
	Requests int           `yaml:"requests"`
	Per      time.Duration `yaml:"per"`
}

// Webhooks says when endpoints that only fail are switched off. The other two open the dial guard of outgoing webhooks, for
// tests and closed networks only.
type Webhooks struct {
	SuspendAfter    time.Duration `yaml:"suspend_after"`    // 120h with nothing but failures
	SuspendAttempts int           `yaml:"suspend_attempts"` // 10 of them at least

	AllowHTTP  bool           `yaml:"allow_http"`
	AllowCIDRs []netip.Prefix `yaml:"allow_cidrs"`
}

// Worker is what one worker process runs side by side. Upstream timeout < ShutdownTimeout < the pod's grace period.
type Worker struct {
	MetricsListen      string        `yaml:"metrics_listen"`      // :9091; "off" for none
	BuyConcurrency     int           `yaml:"buy_concurrency"`     // 32: purchases, and calls that a merchant waits for
	PollConcurrency    int           `yaml:"poll_concurrency"`    // 4: polls, balance, catalogue
	WebhookConcurrency int           `yaml:"webhook_concurrency"` // 64
	ShutdownTimeout    time.Duration `yaml:"shutdown_timeout"`    // 30s
}

// Scheduler finds what is due.
type Scheduler struct {
	MetricsListen string `yaml:"metrics_listen"` // :9092; "off" for none
}

// Operator acts upon the Upstream resources of a Kubernetes namespace.
type Operator struct {
	MetricsListen string `yaml:"metrics_listen"` // :9093; "off" for none
}

// Orders is the policy of orders.
type Orders struct {
	// LateSuccess says who pays when a source reports success after it had reported failure: "keep" (the merchant keeps the
	// refund and the loss is ours; the default) or "recharge" (the price is taken again if the balance allows).
	LateSuccess string `yaml:"late_success"`
	// HoldLongest bounds how long purchases at an upstream that tells of a lost one by its balance alone are kept back while
	// the outcome of one is open: 10m. After that an operator is told and purchases go on.
	HoldLongest time.Duration `yaml:"hold_longest"`
	// DebitLongest is how long after it was sent such an upstream may still take the money of a purchase that would be
	// delivered twice if it were called not bought too soon: 3m. What stands in front of a provider may give up after 100 s
	// while the provider goes on.
	DebitLongest time.Duration `yaml:"debit_longest"`
}

// Catalog is the policy of prices, in whole rupiah.
type Catalog struct {
	Step        int64 `yaml:"step"`         // 1: prices are rounded up to a multiple of it
	Floor       int64 `yaml:"floor"`        // 0: no price is under cost + floor
	JumpPercent int   `yaml:"jump_percent"` // 30: a cost that moves further in one import waits for an operator
}

// Log is how lines are written to standard error.
type Log struct {
	Level  string `yaml:"level"`  // info; debug, warn, error
	Format string `yaml:"format"` // json; text
}

// Trace sends OpenTelemetry spans; none without an endpoint.
type Trace struct {
	Endpoint string  `yaml:"endpoint"` // an OTLP/HTTP collector's URL
	Ratio    float64 `yaml:"ratio"`    // 1 when 0: the share of new traces that are kept
}

// DriverSandbox is the driver of the test mode.
const DriverSandbox = "sandbox"

// What an upstream may provide.
const (
	ProvidesOTP      = "otp"
	ProvidesPPOB     = "ppob"
	ProvidesSMM      = "smm"
	ProvidesDeposit  = "deposit"
	ProvidesWithdraw = "withdraw"
	ProvidesCheck    = "check"
)

// The policies of late success.
const (
	LateKeep     = "keep"
	LateRecharge = "recharge"
)

// Who sees the price list.
const (
	PricelistPublic = "public"
	PricelistOff    = Off
)

// BuiltInSandbox is what the test mode's source is called where the file names no upstream of driver sandbox. Its worker is
// started as any other's: muara worker --upstream sandbox.
const BuiltInSandbox = "sandbox"

// Off turns a listener off.
const Off = "off"

// defaultBudget is what a driver's provider allows.
func defaultBudget(driver string) Budget {
	k, _ := drivers.ByName(driver) // an unknown one is refused
	return Budget{Requests: k.Limit.Requests, Per: k.Limit.Per}
}

func or[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}

// addSandbox provides the test mode with its source, unless the file does.
func (c *Config) addSandbox() {
	const longest = 10 * time.Second // a call that hangs on purpose lasts as long
	for _, u := range c.Upstreams {
		if u.Driver == DriverSandbox || u.Name == BuiltInSandbox {
			return
		}
	}
	c.Upstreams = append(c.Upstreams, Upstream{
		Name: BuiltInSandbox, Driver: DriverSandbox, Timeout: min(longest, c.Worker.ShutdownTimeout/2), BuiltIn: true,
	})
}

func (c *Config) defaults() {
	or(&c.Brand.Name, "Muara")
	or(&c.Brand.KeyPrefix, "mra")
	or(&c.Brand.IDPrefix, "MRA")
	or(&c.Brand.Timezone, "Asia/Jakarta")
	or(&c.API.Listen, ":8080")
	or(&c.API.AdminListen, ":8081")
	or(&c.API.MetricsListen, ":9090")
	or(&c.API.RateLimit, 120)
	or(&c.API.Pricelist, PricelistPublic)
	or(&c.Database.MaxConns, 32)
	or(&c.Worker.MetricsListen, ":9091")
	or(&c.Worker.BuyConcurrency, 32)
	or(&c.Worker.PollConcurrency, 4)
	or(&c.Worker.WebhookConcurrency, 64)
	or(&c.Worker.ShutdownTimeout, 30*time.Second)
	or(&c.Scheduler.MetricsListen, ":9092")
	or(&c.Operator.MetricsListen, ":9093")
	or(&c.Webhooks.SuspendAfter, 5*24*time.Hour)
	or(&c.Webhooks.SuspendAttempts, 10)
	or(&c.Orders.LateSuccess, LateKeep)
	or(&c.Orders.HoldLongest, 10*time.Minute)
	or(&c.Orders.DebitLongest, 3*time.Minute)
	or(&c.Catalog.Step, 1)
	or(&c.Catalog.JumpPercent, 30)
	or(&c.Log.Level, "info")
	or(&c.Log.Format, "json")
	or(&c.Trace.Ratio, 1)
	c.addSandbox()
	for i := range c.Upstreams {
		u := &c.Upstreams[i]
		or(&u.Timeout, 20*time.Second)
		if u.Budget == (Budget{}) {
			u.Budget = defaultBudget(u.Driver)
		}
	}
	c.depositDefaults()
	c.withdrawalDefaults()
	c.retentionDefaults()
}
