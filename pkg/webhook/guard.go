package webhook

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	lookupTimeout = 5 * time.Second
	dialTimeout   = 10 * time.Second
	maxURL        = 2048
	httpsPort     = 443
)

// RefusedError says why an address is not dialled, in words that the merchant may read.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "webhook: refused: " + e.Reason }

func refuse(reason string) error { return &RefusedError{Reason: reason} }

// GuardOptions open the guard, for tests and closed networks only.
type GuardOptions struct {
	// AllowHTTP admits http beside https, and any port.
	AllowHTTP bool
	// AllowCIDRs admits these networks whatever they are, at any port.
	AllowCIDRs []netip.Prefix
	// Lookup resolves a host name to all its addresses; nil asks the system.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Guard keeps deliveries on the public internet. Whoever names the URL chooses where
// we connect to, so everything behind the name is checked: once when it is set, for
// the merchant's sake, and again when it is dialled, since names change. What is
// dialled is the address that was checked, not the name. It fails closed.
type Guard struct {
	allowHTTP bool
	addresses *addresses
	lookup    func(ctx context.Context, host string) ([]netip.Addr, error)
	dialer    net.Dialer
}

// NewGuard makes a guard; the zero options are the strict ones.
func NewGuard(o GuardOptions) *Guard {
	g := &Guard{allowHTTP: o.AllowHTTP, addresses: newAddresses(o.AllowCIDRs), lookup: o.Lookup}
	if g.lookup == nil {
		g.lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	g.dialer = net.Dialer{Timeout: dialTimeout, Control: g.control}
	return g
}

// CheckURL tells whether events may go to raw, with a [RefusedError] when not. It
// resolves the host, which must have an address now.
func (g *Guard) CheckURL(ctx context.Context, raw string) error {
	u, port, err := g.parse(raw)
	if err != nil {
		return err
	}
	_, err = g.resolve(ctx, u.Hostname(), port)
	return err
}

// parse checks what can be seen without asking anybody.
func (g *Guard) parse(raw string) (*url.URL, uint16, error) {
	if len(raw) > maxURL {
		return nil, 0, refuse("the URL is longer than " + strconv.Itoa(maxURL) + " bytes")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return nil, 0, refuse("not an absolute URL")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !g.allowHTTP) {
		return nil, 0, refuse("the URL must start with https://")
	}
	if u.User != nil {
		return nil, 0, refuse("the URL must not hold a user name or password")
	}
	if !isHost(u.Hostname()) {
		return nil, 0, refuse("the host must be an IP address or a name in ASCII (punycode)")
	}
	port := uint64(httpsPort)
	switch text := u.Port(); {
	case text != "":
		if port, err = strconv.ParseUint(text, 10, 16); err != nil || port == 0 {
			return nil, 0, refuse("no such port")
		}
	case u.Scheme == "http":
		port = 80
	}
	return u, uint16(port), nil
}

// isHost tells whether a host is one that we, net/http and the resolver read alike:
// an address without a zone, or letters, digits, hyphens, underscores and dots.
func isHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == ""
	}
	return !strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}

// resolve gives the addresses of host. One that may not be dialled refuses them
// all: a name that points inside as well is no receiver's.
func (g *Guard) resolve(ctx context.Context, host string, port uint16) ([]netip.Addr, error) {
	ips, err := g.ips(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, ip := range ips {
		if !g.addresses.public(ip) {
			return nil, refuse("the host is at a private or reserved address")
		}
		if port != httpsPort && !g.allowHTTP && !g.addresses.opened(ip) {
			return nil, refuse("the port must be 443")
		}
	}
	return ips, nil
}

func (g *Guard) ips(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ips, err := g.lookup(ctx, host)
	if err != nil || len(ips) == 0 {
		return nil, &lookupError{cause: err}
	}
	return ips, nil
}

// lookupError is a refusal whose cause may pass.
type lookupError struct{ cause error }

func (e *lookupError) Error() string { return "webhook: the host does not resolve" }

func (e *lookupError) Unwrap() []error {
	return []error{e.cause, &RefusedError{Reason: "the host does not resolve"}}
}

// DialContext resolves, checks and connects; it is an http.Transport's.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refuse("not an address")
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, refuse("no such port")
	}
	ips, err := g.resolve(ctx, host, uint16(port))
	if err != nil {
		return nil, err
	}
	var failed error
	for _, ip := range ips {
		conn, err := g.dialer.DialContext(ctx, network, netip.AddrPortFrom(ip, uint16(port)).String())
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// control is the last look, at what the socket is really about to connect to.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !g.addresses.public(ap.Addr()) {
		return refuse("the host is at a private or reserved address")
	}
	return nil
}
