// Package backoffice is what operators see and do, the same for the commands of muara
// and for the admin API: rows and pages in their JSON form, and the functions that read
// and change what is behind them.
//
// Decisions that bind this package:
//
//   - A view is for operators: upstreams are named in it. It holds no credential and no
//     hash; a secret is in it only where it has just been made.
//   - Whoever may not see what belongs to merchants' customers gets the view after its
//     Mask.
//   - It decides nothing: the domain's packages refuse, guard against two operators at
//     once, and write the audit row with the change.
package backoffice

import (
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/token"
)

// Office is what the back office works with.
type Office struct {
	Config *config.Config
	DB     *pg.DB
	// Redis is asked for where a budget is looked at or reopened, and only there.
	Redis func() (redis.UniversalClient, error)
	// Sealer seals the webhook secret of a new merchant; nil where none is made.
	Sealer *seal.Sealer
	Now    func() time.Time
}

// Tokens are who may call the admin API.
func (o *Office) Tokens() *token.Store {
	return &token.Store{Pool: o.DB.Pool, KeyPrefix: o.Config.Brand.KeyPrefix, Now: o.Now}
}

// TokenRow is a token of the admin API as operators see it.
type TokenRow struct {
	ID         int64      `json:"token_id"`
	Name       string     `json:"name"`
	Role       token.Role `json:"role" enum:"viewer,operator,finance"`
	Hint       string     `json:"hint" doc:"Its beginning and its last characters." example:"mra_admin_…k7qp"`
	CreatedBy  string     `json:"created_by" example:"cli:root"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at" doc:"Null where it never does."`
	RevokedAt  *time.Time `json:"revoked_at"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"To the minute."`
}

// NewTokenRow shows a token.
func NewTokenRow(t *token.Token) TokenRow {
	return TokenRow{
		ID: t.ID, Name: t.Name, Role: t.Role, Hint: t.Hint, CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt.UTC(), ExpiresAt: t.ExpiresAt,
		RevokedAt: t.RevokedAt, LastUsedAt: t.LastUsedAt,
	}
}

// TokenList is every token.
type TokenList struct {
	Count  int        `json:"count"`
	Tokens []TokenRow `json:"tokens" nullable:"false"`
}

// NewTokenList shows tokens.
func NewTokenList(tokens []token.Token) TokenList {
	out := TokenList{Count: len(tokens), Tokens: make([]TokenRow, len(tokens))}
	for i := range tokens {
		out.Tokens[i] = NewTokenRow(&tokens[i])
	}
	return out
}

// AuditEntry is a row of the audit log itself.
type AuditEntry struct {
	ID      int64  `json:"id"`
	Subject string `json:"subject" doc:"What was changed, by its id." example:"MRA-M-0G3ZK4T8M1"`
	AuditRow
}

// NewAuditEntry shows a row of the log.
func NewAuditEntry(e *audit.Entry) AuditEntry {
	return AuditEntry{ID: e.ID, Subject: e.Subject, AuditRow: AuditRow{At: e.At.UTC(), Actor: e.Actor, Action: e.Action, Detail: e.Detail}}
}
