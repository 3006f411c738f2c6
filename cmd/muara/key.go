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
	o, err := e.office()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	key, err := o.CreateKey(e.ctx, c.Merchant, merchant.Mode(c.Mode), c.Name, by)
	if err != nil {
		return err
	}
	return e.Print(key, func(w io.Writer) { _, _ = fmt.Fprintf(w, "key\t%d\n%s\t(shown once)\n", key.ID, key.Key) })
}

type keyListCmd struct {
	Merchant string `arg:"" help:"The merchant's id."`
}

func (c *keyListCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	list, err := o.ListKeys(e.ctx, c.Merchant)
	if err != nil {
		return err
	}
	return e.Print(list, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "ID\tNAME\tMODE\tKEY\tSTATUS")
		for _, r := range list.Keys {
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
	o, err := e.office()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	done, err := o.RevokeKey(e.ctx, c.KeyID, by)
	if err != nil {
		return err
	}
	return e.Print(done, func(w io.Writer) { _, _ = fmt.Fprintf(w, "key %d is revoked\n", c.KeyID) })
}
