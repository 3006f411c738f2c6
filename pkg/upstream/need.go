package upstream

import (
	"fmt"
	"net/url"
	"strings"
)

// Need checks what a driver cannot be made without: a base URL and the named
// credentials. The error names every fault, and no value.
func (c Config) Need(credentials ...string) error {
	var faults []string
	u, err := url.Parse(c.BaseURL)
	switch {
	case c.BaseURL == "":
		faults = append(faults, "base_url is missing")
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		faults = append(faults, "base_url is not an http or https URL")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		faults = append(faults, "base_url has a user, a query or a fragment")
	}
	for _, name := range credentials {
		if strings.TrimSpace(c.Credentials[name]) == "" {
			faults = append(faults, "credentials."+name+" is missing")
		}
	}
	if c.HTTP == nil {
		faults = append(faults, "no HTTP sender was given")
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("upstream %s: %s", c.Name, strings.Join(faults, "; "))
}

// Base is the base URL without the slashes at its end.
func (c Config) Base() string { return strings.TrimRight(c.BaseURL, "/") }

// Redact takes every credential out of a provider's text, as it is and as it stands in
// a URL, bounds it and makes it fit for operators.
func (c Config) Redact(text string) string {
	for _, secret := range c.Credentials {
		if len(secret) < 4 { // it would spoil the text and is no secret
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	return Clip(text)
}
