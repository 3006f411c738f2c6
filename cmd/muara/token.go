package main

import (
	"fmt"
	"io"
	"time"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/token"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Let somebody call the admin API."`
	List   tokenListCmd   `cmd:"" help:"List the tokens of the admin API."`
	Revoke tokenRevokeCmd `cmd:"" help:"End a token, for ever and at once."`
}

type tokenCreateCmd struct {
	Name    string         `required:"" help:"Whose it is; the audit log says token:NAME. A name is given once."`
	Role    string         `required:"" enum:"viewer,operator,finance" help:"viewer reads, customers' numbers masked; operator runs the place; finance moves money, too."`
	Expires *time.Duration `placeholder:"720h" help:"How long it lives; left out, until it is revoked."`
}

func (c *tokenCreateCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	n := token.New{Name: c.Name, Role: token.Role(c.Role), Actor: by}
	if c.Expires != nil {
		if n.Expires = *c.Expires; n.Expires <= 0 {
			return wrongUsage("--expires is longer than nothing; leave it out for a token that lives until it is revoked")
		}
	}
	t, err := o.Tokens().Create(e.ctx, n)
	if err != nil {
		return err
	}
	out := struct {
		backoffice.TokenRow
		Token string `json:"token"`
	}{backoffice.NewTokenRow(t), t.Secret}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "token\t%d\t%s, %s\n%s\t(shown once)\n", t.ID, t.Name, t.Role, t.Secret)
	})
}

type tokenListCmd struct{}

func (tokenListCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	tokens, err := o.Tokens().List(e.ctx)
	if err != nil {
		return err
	}
	list := backoffice.NewTokenList(tokens)
	return e.Print(list, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "ID\tNAME\tROLE\tTOKEN\tEXPIRES\tUSED\tREVOKED")
		for _, r := range list.Tokens {
			_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Name, r.Role, r.Hint, timeOrDash(r.ExpiresAt), timeOrDash(r.LastUsedAt), timeOrDash(r.RevokedAt))
		}
	})
}

type tokenRevokeCmd struct {
	ID int64 `arg:"" help:"The token's id, as token list shows it."`
}

func (c *tokenRevokeCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	t, err := o.Tokens().Revoke(e.ctx, c.ID, by)
	if err != nil {
		return err
	}
	return e.Print(backoffice.NewTokenRow(t), func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "token %d (%s) is revoked\n", t.ID, t.Name)
	})
}
