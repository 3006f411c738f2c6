package merchant

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/pg"
)

// keyAlphabet has 32 characters, so that a random byte maps onto it evenly.
const keyAlphabet = "abcdefghijkmnpqrstuvwxyz23456789"

// keyLength of 32 characters is 160 random bits.
const keyLength = 32

// Key lets a program act for a merchant in one mode.
type Key struct {
	ID         int64
	MerchantID string
	Mode       Mode
	Name       string
	// Secret is the key itself; known only to the call that made it.
	Secret string
	// Hint tells keys apart without being one.
	Hint       string
	CreatedAt  time.Time
	RevokedAt  *time.Time
	LastUsedAt *time.Time
}

// CreateKey gives a merchant a further key.
func (s *Store) CreateKey(ctx context.Context, merchantID string, mode Mode, name, actor string) (*Key, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > maxName {
		return nil, fmt.Errorf("%w: name: 1 to %d characters", ErrInvalid, maxName)
	}
	if mode != Live && mode != Test {
		return nil, fmt.Errorf("%w: mode: live or test", ErrInvalid)
	}
	var key *Key
	err := pg.InTx(ctx, s.db.Pool, func(tx pgx.Tx) error {
		var one int
		err := tx.QueryRow(ctx, `SELECT 1 FROM merchants WHERE id = $1`, merchantID).Scan(&one)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("merchant: key: %w", err)
		}
		if key, err = s.insertKey(ctx, tx, merchantID, mode, name, s.opts.Now()); err != nil {
			return err
		}
		return s.audit(ctx, tx, actor, "key.create", merchantID, map[string]any{"key_id": key.ID, "name": name, "mode": mode})
	})
	return key, err
}

func (s *Store) insertKey(ctx context.Context, tx pgx.Tx, merchantID string, mode Mode, name string, now time.Time) (*Key, error) {
	start := s.opts.KeyPrefix + "_" + string(mode) + "_"
	secret := start + randomText(keyAlphabet, keyLength)
	k := &Key{
		MerchantID: merchantID, Mode: mode, Name: name, Secret: secret,
		Hint: start + "…" + secret[len(secret)-4:], CreatedAt: now,
	}
	sum := sha256.Sum256([]byte(secret))
	err := tx.QueryRow(ctx, `INSERT INTO api_keys (merchant_id, mode, name, hash, hint, created_at)
		VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`, merchantID, mode, name, sum[:], k.Hint, now).Scan(&k.ID)
	if err != nil {
		return nil, fmt.Errorf("merchant: key: %w", err)
	}
	return k, nil
}

// Keys lists a merchant's keys, oldest first, revoked ones too.
func (s *Store) Keys(ctx context.Context, merchantID string) ([]Key, error) {
	if _, err := s.Get(ctx, merchantID); err != nil {
		return nil, err
	}
	rows, err := s.db.Pool.Query(ctx, `SELECT id, merchant_id, mode, name, hint, created_at, revoked_at, last_used_at
		FROM api_keys WHERE merchant_id = $1 ORDER BY id`, merchantID)
	if err != nil {
		return nil, fmt.Errorf("merchant: keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Key, error) {
		var k Key
		err := row.Scan(&k.ID, &k.MerchantID, &k.Mode, &k.Name, &k.Hint, &k.CreatedAt, &k.RevokedAt, &k.LastUsedAt)
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("merchant: keys: %w", err)
	}
	return keys, nil
}

// RevokeKey ends a key, for ever and in every process at once.
func (s *Store) RevokeKey(ctx context.Context, id int64, actor string) error {
	return pg.InTx(ctx, s.db.Pool, func(tx pgx.Tx) error {
		var merchantID string
		var revoked *time.Time
		err := tx.QueryRow(ctx, `SELECT merchant_id, revoked_at FROM api_keys WHERE id = $1 FOR UPDATE`, id).Scan(&merchantID, &revoked)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrKeyNotFound
		}
		if err != nil {
			return fmt.Errorf("merchant: revoke: %w", err)
		}
		if revoked != nil {
			return ErrKeyRevoked
		}
		if _, err := tx.Exec(ctx, `UPDATE api_keys SET revoked_at = $2 WHERE id = $1`, id, s.opts.Now()); err != nil {
			return fmt.Errorf("merchant: revoke: %w", err)
		}
		return s.audit(ctx, tx, actor, "key.revoke", merchantID, map[string]any{"key_id": id})
	})
}
