package config

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

const sentinelPort = "26379"

var errRedisURL = errors.New("must be redis://, rediss://, unix:// or redis+sentinel://host,host/master/db")

// Options reads the URL:
//
//	redis://user:password@host:6379/0        rediss:// the same over TLS
//	unix:///path/to/redis.sock?db=0
//	redis+sentinel://user:password@host1:26379,host2:26379/master/0   (rediss+sentinel:// over TLS)
//
// The user and password of a sentinel URL are the master's; ?sentinel_username= and ?sentinel_password= are the
// sentinels' own. Redis Cluster is not supported: all keys of a queue are in one slot anyway. No error names the password.
func (r Redis) Options() (*redis.UniversalOptions, error) {
	raw := r.URL.Reveal()
	scheme, _, _ := strings.Cut(raw, "://")
	var opts *redis.UniversalOptions
	var err error
	switch scheme {
	case "redis", "rediss", "unix":
		opts, err = single(raw)
	case "redis+sentinel", "rediss+sentinel":
		opts, err = sentinel(raw)
	default:
		err = errRedisURL
	}
	if err != nil {
		return nil, err
	}
	// Without this a context's deadline does not end a read, and a stuck Redis holds its caller for the read timeout.
	opts.ContextTimeoutEnabled = true
	return opts, nil
}

func single(raw string) (*redis.UniversalOptions, error) {
	o, err := redis.ParseURL(raw)
	if err != nil {
		// The library quotes parts of the URL in its errors, among them the password.
		return nil, errRedisURL
	}
	return &redis.UniversalOptions{
		Addrs: []string{o.Addr}, DB: o.DB, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
		Protocol: o.Protocol, ClientName: o.ClientName,
		MaxRetries: o.MaxRetries, MinRetryBackoff: o.MinRetryBackoff, MaxRetryBackoff: o.MaxRetryBackoff,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		PoolFIFO: o.PoolFIFO, PoolSize: o.PoolSize, PoolTimeout: o.PoolTimeout,
		MinIdleConns: o.MinIdleConns, MaxIdleConns: o.MaxIdleConns, MaxActiveConns: o.MaxActiveConns,
		ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime,
	}, nil
}

func sentinel(raw string) (*redis.UniversalOptions, error) {
	// net/url refuses a list of hosts with ports, so the list is cut out first.
	scheme, rest, _ := strings.Cut(raw, "://")
	authority, tail, _ := strings.Cut(rest, "/")
	user, hosts := "", authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, hosts = authority[:at+1], authority[at+1:]
	}
	u, err := url.Parse("redis://" + user + "sentinels/" + tail)
	if err != nil {
		return nil, errRedisURL
	}
	master, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	opts := &redis.UniversalOptions{
		MasterName:       master,
		SentinelUsername: u.Query().Get("sentinel_username"),
		SentinelPassword: u.Query().Get("sentinel_password"),
	}
	if u.User != nil {
		opts.Username = u.User.Username()
		opts.Password, _ = u.User.Password()
	}
	if db != "" {
		if opts.DB, err = strconv.Atoi(db); err != nil || opts.DB < 0 {
			return nil, errors.New("the database after the master's name must be a number")
		}
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), sentinelPort)
		}
		if strings.HasPrefix(host, ":") {
			return nil, errRedisURL
		}
		opts.Addrs = append(opts.Addrs, host)
	}
	if master == "" {
		return nil, errors.New("the sentinels' master is not named: redis+sentinel://host,host/master/db")
	}
	if scheme == "rediss+sentinel" {
		opts.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return opts, nil
}
