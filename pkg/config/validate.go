package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/drivers"
)

var (
	upstreamName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)
	keyPrefix    = regexp.MustCompile(`^[a-z0-9]{2,10}$`)
	idPrefix     = regexp.MustCompile(`^[A-Z0-9]{2,10}$`)

	kinds = []string{ProvidesOTP, ProvidesPPOB, ProvidesSMM, ProvidesDeposit, ProvidesWithdraw, ProvidesCheck}
)

// keyBytes is the size of the encryption key: AES-256.
const keyBytes = 32

func (c *Config) validate(errs *errorList) {
	c.validateBrand(errs)
	c.validateAPI(errs)
	c.validateServers(errs)
	c.validateWorker(errs)
	c.validatePolicy(errs)
	c.validateDeposits(errs)
	c.validateWithdrawals(errs)
	c.validateRetention(errs)
	seen := map[string]int{}
	for i, u := range c.Upstreams {
		path := fmt.Sprintf("upstreams[%d]", i)
		u.validate(path, c.Worker.ShutdownTimeout, errs)
		if first, twice := seen[u.Name]; twice && u.Name != "" {
			errs.add(path+".name", "%q is upstreams[%d] already", u.Name, first)
		} else {
			seen[u.Name] = i
		}
	}
}

func (c *Config) validateBrand(errs *errorList) {
	if !keyPrefix.MatchString(c.Brand.KeyPrefix) {
		errs.add("brand.key_prefix", "must be 2 to 10 of a-z and 0-9, not %q", c.Brand.KeyPrefix)
	}
	if !idPrefix.MatchString(c.Brand.IDPrefix) {
		errs.add("brand.id_prefix", "must be 2 to 10 of A-Z and 0-9, not %q", c.Brand.IDPrefix)
	}
	if _, err := time.LoadLocation(c.Brand.Timezone); err != nil {
		errs.add("brand.timezone", "is not a time zone: %q", c.Brand.Timezone)
	}
}

func (c *Config) validateAPI(errs *errorList) {
	listen(errs, "api.listen", c.API.Listen, false)
	listen(errs, "api.admin_listen", c.API.AdminListen, true)
	listen(errs, "api.metrics_listen", c.API.MetricsListen, true)
	if c.API.PublicURL != "" {
		webURL(errs, "api.public_url", c.API.PublicURL)
	}
	oneOf(errs, "api.pricelist", c.API.Pricelist, []string{PricelistPublic, PricelistOff})
}

func (c *Config) validateServers(errs *errorList) {
	if raw := c.Database.URL.Reveal(); raw != "" {
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			errs.add("database.url", "must be a postgres:// URL")
		}
	}
	between(errs, "database.max_conns", c.Database.MaxConns, 2, 10_000)
	if c.Redis.URL != "" {
		if _, err := c.Redis.Options(); err != nil {
			errs.add("redis.url", "%v", err)
		}
	}
	if c.Secrets.EncryptionKey != "" {
		if _, err := c.Secrets.Key(); err != nil {
			errs.add("secrets.encryption_key", "%v", err)
		}
	}
	if c.Trace.Endpoint != "" {
		webURL(errs, "trace.endpoint", c.Trace.Endpoint)
	}
	if c.Trace.Ratio < 0 || c.Trace.Ratio > 1 {
		errs.add("trace.ratio", "must be from 0 to 1, not %v", c.Trace.Ratio)
	}
	oneOf(errs, "log.level", c.Log.Level, []string{"debug", "info", "warn", "error"})
	oneOf(errs, "log.format", c.Log.Format, []string{"json", "text"})
}

func (c *Config) validateWorker(errs *errorList) {
	listen(errs, "worker.metrics_listen", c.Worker.MetricsListen, true)
	listen(errs, "scheduler.metrics_listen", c.Scheduler.MetricsListen, true)
	listen(errs, "operator.metrics_listen", c.Operator.MetricsListen, true)
	between(errs, "worker.buy_concurrency", c.Worker.BuyConcurrency, 1, 10_000)
	between(errs, "worker.poll_concurrency", c.Worker.PollConcurrency, 1, 10_000)
	between(errs, "worker.webhook_concurrency", c.Worker.WebhookConcurrency, 1, 10_000)
	duration(errs, "worker.shutdown_timeout", c.Worker.ShutdownTimeout, time.Second, time.Hour)
	duration(errs, "webhooks.suspend_after", c.Webhooks.SuspendAfter, time.Hour, 10*365*24*time.Hour)
	if c.Webhooks.SuspendAttempts < 1 {
		errs.add("webhooks.suspend_attempts", "must be 1 at least, not %d", c.Webhooks.SuspendAttempts)
	}
}

func (c *Config) validatePolicy(errs *errorList) {
	oneOf(errs, "orders.late_success", c.Orders.LateSuccess, []string{LateKeep, LateRecharge})
	duration(errs, "orders.hold_longest", c.Orders.HoldLongest, time.Minute, 24*time.Hour)
	duration(errs, "orders.debit_longest", c.Orders.DebitLongest, time.Second, time.Hour)
	const most = 1_000_000 // rupiah; more is a slip of the finger
	between(errs, "catalog.step", c.Catalog.Step, 1, most)
	between(errs, "catalog.floor", c.Catalog.Floor, 0, most)
	between(errs, "catalog.jump_percent", c.Catalog.JumpPercent, 1, 10_000)
}

func (u Upstream) validate(path string, shutdown time.Duration, errs *errorList) {
	if !upstreamName.MatchString(u.Name) {
		errs.add(path+".name", "must be 1 to 31 of a-z, 0-9 and -, beginning with a letter or digit, not %q", u.Name)
	}
	oneOf(errs, path+".driver", u.Driver, drivers.Names())
	if u.Name == BuiltInSandbox && u.Driver != DriverSandbox {
		errs.add(path+".name", "%q is the test mode's own source", u.Name)
	}
	if u.BaseURL != "" || u.Driver != DriverSandbox {
		webURL(errs, path+".base_url", u.BaseURL)
	}
	u.Budget.validate(path+".budget", errs)
	duration(errs, path+".timeout", u.Timeout, time.Millisecond, 10*time.Minute)
	between(errs, path+".callback_turn", u.CallbackTurn, 0, 1_000_000)
	if u.Timeout >= shutdown && shutdown > 0 {
		errs.add(path+".timeout", "%s must be shorter than worker.shutdown_timeout (%s), so that a call can end before its worker does", u.Timeout, shutdown)
	}
	for i, kind := range u.Provides {
		oneOf(errs, fmt.Sprintf("%s.provides[%d]", path, i), kind, kinds)
	}
}

// Key is the 32 bytes that encrypt product content and webhook secrets at rest, written as base64 (any kind) or hex.
func (s Secrets) Key() ([]byte, error) {
	raw := s.EncryptionKey.Reveal()
	decoders := []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	}
	for _, decode := range decoders {
		if key, err := decode(raw); err == nil && len(key) == keyBytes {
			return key, nil
		}
	}
	return nil, errors.New("must be 32 bytes as base64 or hex (make one with: openssl rand -base64 32)")
}

func listen(errs *errorList, path, addr string, mayBeOff bool) {
	if mayBeOff && addr == Off {
		return
	}
	_, port, err := net.SplitHostPort(addr)
	if n, badPort := strconv.ParseUint(port, 10, 16); err != nil || badPort != nil || n > 65535 {
		errs.add(path, "must be host:port or :port, not %q", addr)
	}
}

func webURL(errs *errorList, path, raw string) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		errs.add(path, "must be an http:// or https:// URL")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		errs.add(path, "must not have a user, a query or a fragment")
	}
}

func oneOf(errs *errorList, path, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		errs.add(path, "must be one of %s, not %q", strings.Join(allowed, ", "), value)
	}
}

func between[T int | int64](errs *errorList, path string, value, least, most T) {
	if value < least || value > most {
		errs.add(path, "must be from %d to %d, not %d", least, most, value)
	}
}

func duration(errs *errorList, path string, value, least, most time.Duration) {
	if value < least || value > most {
		errs.add(path, "must be from %s to %s, not %s", least, most, value)
	}
}
