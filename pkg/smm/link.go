package smm

import (
	"net/url"
	"strings"
)

// Link is a target as it is compared with others: two orders for one link at one
// service would take from each other. Scheme, "www.", a slash at the end, fragments
// and what only tells who shared a link do not count; a bare user name counts
// without its @ and without case. Paths keep their case: short links differ by it.
func Link(target string) string {
	target = strings.TrimSpace(target)
	bare := target
	if _, rest, found := strings.Cut(target, "://"); found {
		bare = rest
	}
	if !strings.ContainsAny(bare, "/.") {
		return strings.ToLower(strings.TrimPrefix(bare, "@"))
	}
	u, err := url.Parse("https://" + bare)
	if err != nil || u.Host == "" {
		return bare
	}
	host := strings.ToLower(u.Host)
	for _, prefix := range []string{"www.", "m.", "mobile."} {
		host = strings.TrimPrefix(host, prefix)
	}
	out := host + strings.TrimRight(u.EscapedPath(), "/")
	query := u.Query()
	for name := range query {
		if shared(name) {
			query.Del(name)
		}
	}
	if len(query) > 0 {
		out += "?" + query.Encode() // sorted
	}
	return out
}

// shared tells which parameters of a link say who shared it, and not what it leads to.
func shared(name string) bool {
	switch name = strings.ToLower(name); name {
	case "igsh", "igshid", "fbclid", "gclid", "si", "feature", "_r", "_t", "is_from_webapp", "sender_device", "mibextid", "ref_src", "ref_url":
		return true
	}
	return strings.HasPrefix(name, "utm_")
}
