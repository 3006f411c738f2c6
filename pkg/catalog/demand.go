package catalog

import (
	"context"
	"fmt"
	"time"
)

// fresh is how old a reading may be before demand alone makes it due again.
const fresh = 10 * time.Minute

type demandKey struct{ mode, service string }

// Demand counts that a merchant asked for a service's countries. It is written
// down by Run every few seconds.
func (c *Catalog) Demand(mode, service string) {
	c.demandMu.Lock()
	defer c.demandMu.Unlock()
	c.demand[demandKey{mode, service}]++
}

// FlushDemand writes down what was counted: scopes that merchants ask about are
// read first, and soon if their last reading is not fresh. One that fails keeps
// its back-off.
func (c *Catalog) FlushDemand(ctx context.Context) error {
	c.demandMu.Lock()
	counted := c.demand
	c.demand = map[demandKey]int64{}
	c.demandMu.Unlock()
	if len(counted) == 0 {
		return nil
	}
	var modes, services []string
	var ns []int64
	for k, n := range counted {
		modes, services, ns = append(modes, k.mode), append(services, k.service), append(ns, n)
	}
	// Locked in one order, since every process of the API does this.
	_, err := c.pool.Exec(ctx, `WITH d AS (
			SELECT s.upstream, s.key, d.n FROM unnest($1::text[], $2::text[], $3::bigint[]) AS d (mode, service, n)
				JOIN otp_service_codes c ON c.service = d.service JOIN upstreams u ON u.name = c.upstream AND u.mode = d.mode
				JOIN catalog_scopes s ON s.upstream = c.upstream AND s.service = c.code
			ORDER BY s.upstream, s.key FOR UPDATE OF s)
		UPDATE catalog_scopes s SET demand = s.demand + d.n,
			next_run_at = CASE WHEN s.failures = 0 THEN least(s.next_run_at, greatest(s.last_done_at + $5::interval, $4)) ELSE s.next_run_at END
		FROM d WHERE s.upstream = d.upstream AND s.key = d.key`, modes, services, ns, c.opts.Now(), fresh)
	if err != nil {
		return fmt.Errorf("catalog: demand: %w", err)
	}
	return nil
}
