// Package token keeps who may call the admin API: named tokens with a role.
//
// Decisions that bind this package:
//
//   - A token is stored as its SHA-256 only and shown once. It holds more than 128 random
//     bits, so a plain hash is enough and can be looked up.
//   - Nothing is remembered between two calls: a token that was revoked or has expired is
//     refused from that moment on, in every process.
//   - A name is given once and never again, not even after its token was revoked: the
//     audit log knows a token by its name.
//   - Roles are a closed set in an order: each may do what those below it may.
package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/pg"
)

// Role is what a token may do.
type Role string

// The roles. A viewer reads, and sees what belongs to merchants' customers masked. An
// operator sees it in full and runs the place: orders, upstreams, catalogue, webhooks,
// merchants. Finance moves money besides, and revokes tokens.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Finance  Role = "finance"
)

// Roles lists all of them, the least first.
func Roles() []Role { return []Role{Viewer, Operator, Finance} }

// May tells whether the role may do what needs another.
func (r Role) May(needs Role) bool {
	have, need := slices.Index(Roles(), r), slices.Index(Roles(), needs)
	return have >= 0 && need >= 0 && have >= need
}

// What callers and operators are refused with.
var (
	// ErrUnknown: it is no token of ours.
	ErrUnknown = errors.New("no such token")
	// ErrRevoked: the token was revoked.
	ErrRevoked = errors.New("the token is revoked")
	// ErrExpired: the token's time is over.
	ErrExpired = errors.New("the token has expired")
	// ErrTaken: there is a token of that name, or was.
	ErrTaken = errors.New("a token has or had this name")
	// ErrInvalid is what every complaint about an argument wraps.
	ErrInvalid = errors.New("invalid")
)

// Token lets a person or a program call the admin API.
type Token struct {
	ID   int64
	Name string
	Role Role
	// Secret is the token itself; known only to the call that made it.
	Secret string
	// Hint tells tokens apart without being one.
	Hint      string
	CreatedBy string
	CreatedAt time.Time
	// ExpiresAt is nil where it never does.
	ExpiresAt  *time.Time
	RevokedAt  *time.Time
	LastUsedAt *time.Time
}

// Actor is what the audit log calls whoever used the token.
func (t *Token) Actor() string { return "token:" + t.Name }

// Store keeps tokens. Every change leaves an audit row in the same transaction.
type Store struct {
	Pool *pgxpool.Pool
	// KeyPrefix starts tokens: mra gives mra_admin_….
	KeyPrefix string
	Now       func() time.Time
}

// New is what a token starts with.
type New struct {
	Name string
	Role Role
	// Expires is how long it lives; zero for ever.
	Expires time.Duration
	Actor   string
}

// secretLength is that of rand.Text, in characters.
const secretLength = 26

var named = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,59}$`)

func (n New) validate() error {
	switch {
	case !named.MatchString(n.Name):
		return fmt.Errorf("%w: name: 1 to 60 of a-z 0-9 . _ -, a letter or digit first", ErrInvalid)
	case !slices.Contains(Roles(), n.Role):
		return fmt.Errorf("%w: role: viewer, operator or finance", ErrInvalid)
	case n.Expires < 0:
		return fmt.Errorf("%w: expires: a time ahead", ErrInvalid)
	}
	return nil
}

// Create makes a token, which is shown here and never again. ErrInvalid, ErrTaken.
func (s *Store) Create(ctx context.Context, n New) (*Token, error) {
	if err := n.validate(); err != nil {
		return nil, err
	}
	start := s.KeyPrefix + "_admin_"
	secret := start + strings.ToLower(rand.Text())
	t := &Token{
		Name: n.Name, Role: n.Role, Secret: secret, Hint: start + "…" + secret[len(secret)-4:], CreatedBy: n.Actor, CreatedAt: s.now(),
	}
	if n.Expires > 0 {
		at := t.CreatedAt.Add(n.Expires)
		t.ExpiresAt = &at
	}
	sum := sha256.Sum256([]byte(secret))
	err := pg.InTx(ctx, s.Pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO admin_tokens (name, role, hash, hint, created_by, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`, t.Name, t.Role, sum[:], t.Hint, t.CreatedBy, t.CreatedAt, t.ExpiresAt).Scan(&t.ID)
		if pg.IsUnique(err, "admin_tokens_name") {
			return ErrTaken
		}
		if err != nil {
			return fmt.Errorf("token: create: %w", err)
		}
		return s.audit(ctx, tx, n.Actor, "token.create", t, map[string]any{"token_id": t.ID, "role": t.Role, "expires_at": t.ExpiresAt})
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

const columns = `id, name, role, hint, created_by, created_at, expires_at, revoked_at, last_used_at`

func scan(row pgx.CollectableRow) (Token, error) {
	var t Token
	err := row.Scan(&t.ID, &t.Name, &t.Role, &t.Hint, &t.CreatedBy, &t.CreatedAt, &t.ExpiresAt, &t.RevokedAt, &t.LastUsedAt)
	return t, err
}

// List gives all tokens, oldest first, those that were revoked too.
func (s *Store) List(ctx context.Context) ([]Token, error) {
	rows, err := s.Pool.Query(ctx, `SELECT `+columns+` FROM admin_tokens ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("token: list: %w", err)
	}
	list, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, fmt.Errorf("token: list: %w", err)
	}
	return list, nil
}

// Revoke ends a token, for ever and in every process at once. ErrUnknown, ErrRevoked.
func (s *Store) Revoke(ctx context.Context, id int64, actor string) (*Token, error) {
	var t Token
	err := pg.InTx(ctx, s.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+columns+` FROM admin_tokens WHERE id = $1 FOR UPDATE`, id)
		if err != nil {
			return fmt.Errorf("token: revoke: %w", err)
		}
		t, err = pgx.CollectExactlyOneRow(rows, scan)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return ErrUnknown
		case err != nil:
			return fmt.Errorf("token: revoke: %w", err)
		case t.RevokedAt != nil:
			return ErrRevoked
		}
		now := s.now()
		t.RevokedAt = &now
		if _, err := tx.Exec(ctx, `UPDATE admin_tokens SET revoked_at = $2 WHERE id = $1`, id, now); err != nil {
			return fmt.Errorf("token: revoke: %w", err)
		}
		return s.audit(ctx, tx, actor, "token.revoke", &t, map[string]any{"token_id": t.ID})
	})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// usedEvery bounds how often it is written down that a token is in use.
const usedEvery = time.Minute

// Authenticate gives the token of a secret. It fails with [ErrUnknown], [ErrRevoked] or
// [ErrExpired]; what has not the form of a token costs no question.
func (s *Store) Authenticate(ctx context.Context, secret string) (*Token, error) {
	tail, ok := strings.CutPrefix(secret, s.KeyPrefix+"_admin_")
	if !ok || len(tail) != secretLength {
		return nil, ErrUnknown
	}
	sum := sha256.Sum256([]byte(secret))
	rows, err := s.Pool.Query(ctx, `SELECT `+columns+` FROM admin_tokens WHERE hash = $1`, sum[:])
	if err != nil {
		return nil, fmt.Errorf("token: authenticate: %w", err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, scan)
	now := s.now()
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, ErrUnknown
	case err != nil:
		return nil, fmt.Errorf("token: authenticate: %w", err)
	case t.RevokedAt != nil:
		return nil, ErrRevoked
	case t.ExpiresAt != nil && !now.Before(*t.ExpiresAt):
		return nil, ErrExpired
	}
	if t.LastUsedAt == nil || now.Sub(*t.LastUsedAt) >= usedEvery {
		if _, err := s.Pool.Exec(ctx, `UPDATE admin_tokens SET last_used_at = $2 WHERE id = $1`, t.ID, now); err != nil {
			return nil, fmt.Errorf("token: authenticate: %w", err)
		}
	}
	return &t, nil
}

func (s *Store) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func (s *Store) audit(ctx context.Context, tx pgx.Tx, actor, action string, t *Token, detail any) error {
	return audit.Write(ctx, tx, audit.Entry{Actor: actor, Action: action, Subject: t.Name, Detail: detail, At: s.now()})
}
