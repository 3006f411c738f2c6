package webhook_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/webhook"
)

// names resolves from a table and from nothing else.
func names(table map[string][]string) func(context.Context, string) ([]netip.Addr, error) {
	return func(_ context.Context, host string) ([]netip.Addr, error) {
		var out []netip.Addr
		for _, s := range table[host] {
			out = append(out, netip.MustParseAddr(s))
		}
		if out == nil {
			return nil, errors.New("no such host")
		}
		return out, nil
	}
}

func strict(table map[string][]string) *webhook.Guard {
	return webhook.NewGuard(webhook.GuardOptions{Lookup: names(table)})
}

func TestAddressesThatNoReceiverLivesAt(t *testing.T) {
	t.Parallel()
	for network, ips := range map[string][]string{
		"this host":                 {"0.0.0.0", "0.255.255.255", "::"},
		"private 10/8":              {"10.0.0.0", "10.255.255.255"},
		"shared (CGNAT)":            {"100.64.0.0", "100.127.255.255"},
		"loopback":                  {"127.0.0.1", "127.255.255.255", "::1"},
		"link-local, metadata":      {"169.254.0.0", "169.254.169.254", "fe80::1", "febf::1"},
		"private 172.16/12":         {"172.16.0.0", "172.31.255.255"},
		"protocols":                 {"192.0.0.1", "192.0.0.170"},
		"documentation":             {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"},
		"6to4 relays":               {"192.88.99.1"},
		"private 192.168/16":        {"192.168.0.0", "192.168.255.255"},
		"benchmarks":                {"198.18.0.0", "198.19.255.255", "2001:2::1"},
		"multicast":                 {"224.0.0.1", "239.255.255.255", "ff02::1"},
		"reserved":                  {"240.0.0.1", "254.1.1.1"},
		"broadcast":                 {"255.255.255.255"},
		"unique local":              {"fc00::1", "fdff::1", "fd00:ec2::254"},
		"site local":                {"fec0::1"},
		"IPv4-mapped":               {"::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254"},
		"IPv4-compatible":           {"::127.0.0.1", "::8.8.8.8"},
		"IPv4-translated":           {"::ffff:0:7f00:1"},
		"6to4":                      {"2002:7f00:1::", "2002:808:808::"},
		"NAT64":                     {"64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1"},
		"Teredo":                    {"2001::1", "2001:0:5ef5:79fd::1"},
		"ORCHID":                    {"2001:10::1", "2001:20::1"},
		"discard":                   {"100::1"},
		"segment routing":           {"5f00::1"},
		"AS112":                     {"192.31.196.1", "192.175.48.1", "2620:4f:8000::1"},
		"multicast relays":          {"192.52.193.1"},
		"outside of global unicast": {"4000::1", "8000::1", "e000::1"},
	} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			for _, ip := range ips {
				g := strict(map[string][]string{"inside.example": {ip}, "both.example": {"8.8.8.8", ip}})
				host := ip
				if strings.Contains(ip, ":") {
					host = "[" + ip + "]"
				}
				for _, u := range []string{"https://inside.example/x", "https://both.example/", "https://" + host + "/"} {
					var refused *webhook.RefusedError
					require.ErrorAs(t, g.CheckURL(t.Context(), u), &refused, "%s %s", ip, u)
					require.NotContains(t, refused.Reason, ip)
				}
				for _, address := range []string{"inside.example:443", "both.example:443", host + ":443"} {
					_, err := g.DialContext(t.Context(), "tcp", address)
					var refused *webhook.RefusedError
					require.ErrorAs(t, err, &refused, address)
				}
			}
		})
	}
}

func TestAddressesOfTheInternet(t *testing.T) {
	t.Parallel()
	for _, ip := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2606:4700::1111", "2001:4860:4860::8888", "2a00::1", "2400:3200::1", "::ffff:8.8.8.8",
	} {
		require.NoError(t, strict(map[string][]string{"a.example": {ip}}).CheckURL(t.Context(), "https://a.example/hook?x=1"), ip)
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	t.Parallel()
	g := strict(map[string][]string{"a.example": {"8.8.8.8"}})
	for _, u := range []string{
		"", "a.example", "/hook", "//a.example/", "https:a.example", "https://", "https:///x", "http://a.example/", "ftp://a.example/", "file:///etc/passwd",
		"gopher://a.example/", "javascript:alert(1)", "https://user@a.example/", "https://user:pw@a.example/", "https://@a.example/",
		"https://a.example:80/", "https://a.example:8443/", "https://a.example:0/", "https://a.example:65536/", "https://a.example:x/",
		"https://nobody.example/", "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "https://localhost/", "https://localhost./",
		"https://[fe80::1%25eth0]/", "https://[::ffff:127.0.0.1]/", "https://bücher.example/", "https://a.example\\@b.example/", "https://a .example/", "https://a.example\n/",
		"https://a.example/" + strings.Repeat("x", 2048),
	} {
		var refused *webhook.RefusedError
		require.ErrorAs(t, g.CheckURL(t.Context(), u), &refused, "%q", u)
	}
	for _, u := range []string{"https://a.example", "https://a.example:443/x", "HTTPS://a.example/"} {
		require.NoError(t, g.CheckURL(t.Context(), u), u)
	}
}

func TestTheConfigurationOpensNetworksAndHTTP(t *testing.T) {
	t.Parallel()
	table := names(map[string][]string{"in.example": {"10.1.2.3"}, "out.example": {"8.8.8.8"}, "mixed.example": {"10.1.2.3", "8.8.8.8"}})
	open := webhook.NewGuard(webhook.GuardOptions{AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Lookup: table})
	mapped := webhook.NewGuard(webhook.GuardOptions{AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("::ffff:10.1.0.0/112")}, Lookup: table})
	plain := webhook.NewGuard(webhook.GuardOptions{AllowHTTP: true, Lookup: table})
	for name, tc := range map[string]struct {
		guard *webhook.Guard
		url   string
		ok    bool
	}{
		"an opened network, at any port":       {open, "https://in.example:8443/", true},
		"written as IPv4 in IPv6":              {mapped, "https://in.example/", true},
		"asked for as IPv4 in IPv6":            {open, "https://[::ffff:10.1.2.3]/", true},
		"others at 443 only":                   {open, "https://out.example:8443/", false},
		"and not when only some of it is open": {open, "https://mixed.example:8443/", false},
		"outside of it nothing is open":        {open, "https://10.2.0.1/", false},
		"a network does not open http":         {open, "http://in.example/", false},
		"http, when that is open, at any port": {plain, "http://out.example:8080/", true},
		"and at its own":                       {plain, "http://out.example/", true},
		"but not to where nobody lives":        {plain, "http://in.example/", false},
		"and no other scheme":                  {plain, "ftp://out.example/", false},
	} {
		err := tc.guard.CheckURL(t.Context(), tc.url)
		require.Equal(t, tc.ok, err == nil, "%s: %v", name, err)
	}
}

func TestANameThatHasMovedInsideIsNotDialled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	// The first answer is harmless, the next is this machine: DNS rebinding.
	answers := []string{"8.8.8.8", "127.0.0.1"}
	g := webhook.NewGuard(webhook.GuardOptions{AllowHTTP: true, Lookup: func(context.Context, string) ([]netip.Addr, error) {
		ip := answers[0]
		answers = answers[1:]
		return []netip.Addr{netip.MustParseAddr(ip)}, nil
	}})
	url := strings.Replace(r.URL, "127.0.0.1", "rebind.example", 1)
	require.NoError(t, g.CheckURL(t.Context(), url))
	e := w.event(w.merchant("M1", ""), "a", 1)
	e.URL = url
	id := w.insert(e)[0]
	require.NoError(t, webhook.NewDeliverer(w.db.Pool, w.sealer, g, webhook.Options{Now: w.clock.now}).Deliver(t.Context(), id))
	require.Equal(t, "refused", w.get(id).Failure)
	require.Empty(t, r.arrivals())
}

func TestTheCheckedAddressIsDialledAndNotTheName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	asked := 0
	g := webhook.NewGuard(webhook.GuardOptions{
		AllowHTTP: true, AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			asked++ // 127.9.9.9 does not answer: the next of the addresses is tried
			return []netip.Addr{netip.MustParseAddr("127.9.9.9"), netip.MustParseAddr("127.0.0.1")}, nil
		},
	})
	e := w.event(w.merchant("M1", ""), "a", 1)
	e.URL = strings.Replace(r.URL, "127.0.0.1", "known-to-nobody.example", 1)
	id := w.insert(e)[0]
	require.NoError(t, webhook.NewDeliverer(w.db.Pool, w.sealer, g, webhook.Options{Now: w.clock.now}).Deliver(t.Context(), id))
	require.Equal(t, webhook.Delivered, w.get(id).Status)
	require.Equal(t, 1, asked)
}

func TestDialRefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	g := strict(map[string][]string{"a.example": {"8.8.8.8"}})
	for _, address := range []string{"", "a.example", "a.example:http", "a.example:99999", "a.example:25", "nobody.example:443"} {
		_, err := g.DialContext(t.Context(), "tcp", address)
		var refused *webhook.RefusedError
		require.ErrorAs(t, err, &refused, address)
	}
}

// FuzzCheckURL looks for a URL that passes the guard and would make net/http
// connect to somewhere that the guard has not seen.
func FuzzCheckURL(f *testing.F) {
	for _, u := range []string{
		"https://a.example/", "https://user@a.example/", "https://[::ffff:10.0.0.1]/", "https://0x7f000001/", "https://a.example#@10.0.0.1/",
		"https://a.example\\@10.0.0.1", "https://10.0.0.1:443@a.example/", "http://a.example", "https://%31%30.0.0.1/", "https://a.example:443:443/",
	} {
		f.Add(u)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var seen []string
		g := webhook.NewGuard(webhook.GuardOptions{Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			seen = append(seen, host)
			return []netip.Addr{netip.MustParseAddr("8.8.8.8")}, nil
		}})
		if err := g.CheckURL(t.Context(), raw); err != nil {
			var refused *webhook.RefusedError
			require.ErrorAs(t, err, &refused)
			return
		}
		target, ok := dialled(t, raw)
		if !ok {
			return // net/http would not send it at all
		}
		host, port, found := cutPort(target)
		require.True(t, found)
		require.Equal(t, "443", port)
		if ip, err := netip.ParseAddr(host); err == nil {
			require.True(t, ip.IsGlobalUnicast() && !ip.IsPrivate() && !ip.IsLoopback(), "%q dials %s", raw, target)
			return
		}
		require.Equal(t, []string{host}, seen, "%q dials %s", raw, target)
	})
}

// FuzzAddress holds the guard against what Go itself knows of addresses.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"\x7f\x00\x00\x01", "\x0a\x00\x00\x01", strings.Repeat("\x00", 15) + "\x01", "\x20\x02\x7f\x00\x00\x01" + strings.Repeat("\x00", 10)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ip, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		g := webhook.NewGuard(webhook.GuardOptions{Lookup: func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{ip}, nil }})
		if g.CheckURL(t.Context(), "https://a.example/") != nil {
			return
		}
		ip = ip.Unmap()
		require.True(t, ip.IsGlobalUnicast(), ip)
		require.False(t, ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified(), ip)
	})
}
