package rumahotp

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// CheckTargets lists the banks and e-wallets, or the games, whose accounts can be
// checked.
func (d *Driver) CheckTargets(ctx context.Context, kind string) ([]upstream.CheckTarget, error) {
	switch kind {
	case upstream.CheckBank:
		return targets(ctx, d, wire.PathListBanks, wire.DecodeBanks, func(b *wire.Bank) upstream.CheckTarget {
			return upstream.CheckTarget{Code: string(b.Code), Name: string(b.Name), Type: sortOf(string(b.Type), "bank", "ewallet")}
		})
	case upstream.CheckGame:
		return targets(ctx, d, wire.PathListGames, wire.DecodeGames, func(g *wire.Game) upstream.CheckTarget {
			return upstream.CheckTarget{Code: string(g.Code), Name: string(g.Name), Type: "game"}
		})
	}
	return nil, errKind()
}

// targets reads a list of what can be checked.
func targets[T any](
	ctx context.Context, d *Driver, target string, decode func([]byte) (wire.List[T], error), convert func(*T) upstream.CheckTarget,
) ([]upstream.CheckTarget, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, target)
	if err != nil {
		return nil, err
	}
	list, err := decode(resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	out := make([]upstream.CheckTarget, 0, len(list.Rows))
	for i := range list.Rows {
		if t := convert(&list.Rows[i]); !named(t) {
			out = append(out, t)
		}
	}
	return out, nil
}

// named is whether a target bears the provider's own name, which no merchant may read.
func named(t upstream.CheckTarget) bool {
	return strings.Contains(strings.ToLower(strings.ReplaceAll(t.Code+" "+t.Name, " ", "")), driverName)
}

// sortOf gives a word of ours for the provider's: the first where it is none of them.
func sortOf(word string, ours ...string) string {
	word = strings.ToLower(strings.TrimSpace(word))
	for _, w := range ours {
		if w == word {
			return w
		}
	}
	return ours[0]
}

// CheckAccount looks an account up.
func (d *Driver) CheckAccount(ctx context.Context, kind, code, number string) (*upstream.Account, error) {
	var target string
	switch kind {
	case upstream.CheckBank:
		target = wire.CheckAccount(code, number)
	case upstream.CheckGame:
		target = wire.CheckUsername(code, number)
	default:
		return nil, errKind()
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, target)
	if err != nil {
		return nil, err
	}
	c, err := wire.DecodeChecked(resp.Body)
	if nobodys(resp, err) {
		return &upstream.Account{Number: number}, nil
	}
	if err != nil {
		return nil, d.explain(resp, err)
	}
	valid, known := c.Valid()
	if !known {
		return nil, upstream.Malformed(resp.Code(), errors.New("status is not a documented one"))
	}
	account := &upstream.Account{Valid: valid, Number: string(c.Number), Name: strings.TrimSpace(string(c.Name))}
	if account.Number == "" {
		account.Number = number
	}
	if !valid {
		account.Name = ""
	}
	return account, nil
}

// nobodys is whether a check was refused because the account does not exist: the
// document has a status for that, and such checks are refused elsewhere.
func nobodys(resp *upstream.Response, err error) bool {
	refusal, ok := wire.AsRefusal(err)
	if !ok || !refusal.Definite(resp.Status) || resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden {
		return false
	}
	message := strings.ToLower(refusal.Message)
	return !upstream.Doubtful(message) && says(message, "rekening", "nomor", "account number", "user id", "akun", "username", "player") &&
		says(message, "tidak ditemukan", "not found", "tidak terdaftar", "tidak valid", "invalid", "salah") &&
		!says(message, "key", "akun anda", "parameter", "kode", "code", "bank ", "endpoint")
}

func errKind() *upstream.Error {
	return &upstream.Error{Class: upstream.NotSent, Err: errors.New("no such kind of account")}
}
