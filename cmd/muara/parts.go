package main

import (
	"fmt"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/webhook"
)

// newSealer seals and opens what is encrypted at rest.
func newSealer(cfg *config.Config) (*seal.Sealer, error) {
	key, err := cfg.Secrets.Key()
	if err != nil {
		return nil, err
	}
	sealer, err := seal.New(key)
	if err != nil {
		return nil, fmt.Errorf("secrets.encryption_key: %w", err)
	}
	return sealer, nil
}

// newGuard keeps webhooks on the public internet, as far as the configuration does not open it.
func newGuard(cfg *config.Config) *webhook.Guard {
	return webhook.NewGuard(webhook.GuardOptions{AllowHTTP: cfg.Webhooks.AllowHTTP, AllowCIDRs: cfg.Webhooks.AllowCIDRs})
}
