package invoice

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/muarahq/muara/pkg/upstream"
)

// InvoiceImage fetches the image of an invoice's QR code. An address elsewhere than on
// the gateway's own host and the hosts of image_hosts is refused, unsent.
func (d *Driver) InvoiceImage(ctx context.Context, inv *upstream.Invoice) ([]byte, error) {
	u, own, err := d.address(inv.ImageURL)
	if err != nil {
		return nil, upstream.Reject(upstream.ReasonProduct, "", err.Error())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, unasked("request could not be built")
	}
	req.Header.Set("Accept", "image/png, image/jpeg, image/gif")
	resp, err := d.cfg.HTTP.Money(ctx, req)
	if err != nil {
		e := upstream.AsError(err)
		e.Pause = e.Pause && own // another host's page says nothing of the gateway
		return nil, e
	}
	switch {
	case resp.Status != http.StatusOK:
		return nil, &upstream.Error{Class: upstream.Unknown, Code: resp.Code(), Err: errors.New("no image")}
	case !picture(resp.Body):
		return nil, upstream.Malformed(resp.Code(), errors.New("not a PNG, JPEG or GIF"))
	}
	return resp.Body, nil
}

// address checks where an image lies; own is whether that is the gateway's host, which
// alone may be told our key again.
func (d *Driver) address(raw string) (u *url.URL, own bool, err error) {
	u, err = url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, false, errors.New("the image's address is no URL")
	case u.User != nil:
		return nil, false, errors.New("the image's address has a user")
	}
	own = u.Scheme == d.base.Scheme && authority(u) == authority(d.base)
	switch {
	case own:
		key := d.cfg.Credentials[credential]
		u, err = url.Parse(strings.NewReplacer(keyHere, url.QueryEscape(key), url.PathEscape(keyHere), url.QueryEscape(key)).Replace(u.String()))
		if err != nil {
			return nil, false, errors.New("the image's address is no URL")
		}
	case u.Scheme != "https" && u.Scheme != d.base.Scheme || u.Scheme != "http" && u.Scheme != "https":
		return nil, false, errors.New("the image's address is not of https")
	case !slices.ContainsFunc(d.hosts, func(h string) bool { return authority(&url.URL{Scheme: u.Scheme, Host: h}) == authority(u) }):
		return nil, false, errors.New("the image lies on a host that image_hosts does not name")
	}
	return u, own, nil
}

// authority is a URL's host with its port.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// picture is whether a body begins as a picture that can be decoded does.
func picture(body []byte) bool {
	for _, magic := range []string{"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF87a", "GIF89a"} {
		if bytes.HasPrefix(body, []byte(magic)) {
			return true
		}
	}
	return false
}
