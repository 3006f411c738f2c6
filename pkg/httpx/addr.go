// Package httpx is the small part of serving HTTP that knows neither routes nor
// merchants: who is calling, and what a request is called.
package httpx

import (
	"net/http"
	"net/netip"
	"strings"
)

// ClientAddr is the address of whoever sent the request. The peer of the
// connection is believed; a peer inside trusted is a proxy of ours, and what it
// appended to X-Forwarded-For is believed instead, and so on from right to left
// until an address is not a trusted proxy's. What stands further left was
// written by the caller itself and counts for nothing.
//
// The result is invalid when the peer has no IP address (a Unix socket) and is
// matched by no list.
func ClientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	addr := parseAddr(r.RemoteAddr)
	if !contains(trusted, addr) {
		return addr
	}
	hops := forwardedFor(r)
	for i := len(hops) - 1; i >= 0; i-- {
		hop := parseAddr(hops[i])
		if !hop.IsValid() {
			// A proxy of ours passed on what is no address: the last one known is all there is.
			return addr
		}
		addr = hop
		if !contains(trusted, addr) {
			break
		}
	}
	return addr
}

// forwardedFor gives every element of every X-Forwarded-For header, in order.
func forwardedFor(r *http.Request) []string {
	var hops []string
	for _, line := range r.Header.Values("X-Forwarded-For") {
		for hop := range strings.SplitSeq(line, ",") {
			hops = append(hops, strings.TrimSpace(hop))
		}
	}
	return hops
}

// parseAddr reads an address with or without port and brackets; IPv4 inside IPv6
// is IPv4, and a zone is dropped, so that one address has one form.
func parseAddr(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	if !a.IsValid() {
		return false
	}
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
