package main

import (
	"fmt"
	"io"
	"time"

	"github.com/muarahq/muara/pkg/merchant"
)

type keyCmd struct {
	Create keyCreateCmd `cmd:"" help:"Give a merchant a further key."`
	List   keyListCmd   `cmd:"" help:"List a merchant's keys."`
	Revoke keyRevokeCmd `cmd:"" help:"End a key, for ever and at once."`
}

type keyCreateCmd struct {
	Merchant string `arg:"" help:"The merchant's id."`
	Name     string `required:"" help:"What the key is for."`
	Mode     string `enum:"live,test" default:"live" help:"live or test."`
}

func (c *keyCreateCmd) Run(e *env) error {
	store, err := e.merchants()
	if err != nil {
		return err
	}
	key, err := store.CreateKey(e.ctx, c.Merchant, merchant.Mode(c.Mode), c.Name, e.Actor())
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"key_id": key.ID, "merchant_id": c.Merchant, "mode": key.Mode, "name": key.Name, "key": key.Secret}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "key\t%d\n%s\t(shown once)\n", key.ID, key.Secret)
	})
}

type keyListCmd struct {
	Merchant string `arg:"" help:"The merchant's id."`
}

type keyRow struct {
	ID         int64         `json:"key_id"`
	Name       string        `json:"name"`
	Mode       merchant.Mode `json:"mode"`
	Hint       string        `json:"hint"`
	CreatedAt  time.Time     `json:"created_at"`
	RevokedAt  *time.Time    `json:"revoked_at"`
	LastUsedAt *time.Time    `json:"last_used_at"`
}

func (c *keyListCmd) Run(e *env) error {
	store, err := e.merchants()
	if err != nil {
		return err
	}
	keys, err := store.Keys(e.ctx, c.Merchant)
	if err != nil {
		return err
	}
	rows := make([]keyRow, len(keys))
	for i, k := range keys {
		rows[i] = keyRow{ID: k.ID, Name: k.Name, Mode: k.Mode, Hint: k.Hint, CreatedAt: k.CreatedAt, RevokedAt: k.RevokedAt, LastUsedAt: k.LastUsedAt}
	}
	return e.Print(map[string]any{"count": len(rows), "keys": rows}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "ID\tNAME\tMODE\tKEY\tSTATUS")
		for _, r := range rows {
			status := "active"
			if r.RevokedAt != nil {
				status = "revoked " + r.RevokedAt.Format(time.RFC3339)
			}
			_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", r.ID, r.Name, r.Mode, r.Hint, status)
		}
	})
}

type keyRevokeCmd struct {
	KeyID int64 `arg:"" help:"The key's id, as key list shows it."`
}

func (c *keyRevokeCmd) Run(e *env) error {
	store, err := e.merchants()
	if err != nil {
		return err
	}
	if err := store.RevokeKey(e.ctx, c.KeyID, e.Actor()); err != nil {
		return err
	}
	return e.Print(map[string]any{"key_id": c.KeyID, "revoked": true}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "key %d is revoked\n", c.KeyID)
	})
}
