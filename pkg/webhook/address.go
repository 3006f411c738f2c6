package webhook

import "net/netip"

// closed4 are the IPv4 networks where no receiver of a merchant's lives: this
// host, private and shared networks, link-local with the clouds' metadata, protocol
// and documentation blocks, multicast, reserved and broadcast (IANA's special-purpose registry).
func closed4() []string {
	return []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
		"192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	}
}

// open6 is global unicast. All else of IPv6 is closed by being outside of it:
// unspecified, loopback, addresses with an IPv4 address inside (compatible, SIIT,
// NAT64 64:ff9b::/96 and 64:ff9b:1::/48), discard, unique local, link-local, site-local, multicast.
const open6 = "2000::/3"

// closed6 is what is special inside open6: IETF protocols with Teredo 2001::/32,
// documentation, 6to4, which carries any IPv4 address, and AS112.
func closed6() []string {
	return []string{"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"}
}

// addresses decides about addresses.
type addresses struct {
	allowed []netip.Prefix
	closed  []netip.Prefix
	open6   netip.Prefix
}

func newAddresses(allowed []netip.Prefix) *addresses {
	a := &addresses{open6: netip.MustParsePrefix(open6)}
	for _, p := range allowed {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		a.allowed = append(a.allowed, p.Masked())
	}
	for _, s := range append(closed4(), closed6()...) {
		a.closed = append(a.closed, netip.MustParsePrefix(s))
	}
	return a
}

// opened tells whether the configuration opens ip by name.
func (a *addresses) opened(ip netip.Addr) bool {
	return contains(a.allowed, ip.Unmap().WithZone(""))
}

// public tells whether a receiver may live at ip: an ordinary address of the
// internet, or one that the configuration opens. An IPv4 address inside an IPv6
// one is judged as IPv4; an address with a zone is never public.
func (a *addresses) public(ip netip.Addr) bool {
	if !ip.IsValid() {
		return false
	}
	if a.opened(ip) {
		return true
	}
	if ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	if ip.Is6() && !a.open6.Contains(ip) {
		return false
	}
	return !contains(a.closed, ip)
}

func contains(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
