package wire

import (
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Balance is /v1/user/balance. Every field but the first two is private: none
// of them may be logged or stored. Balance is in rupiah.
type Balance struct {
	Balance   *lenient.Int `json:"balance"`
	Formated  lenient.Text `json:"formated"`
	APIKey    lenient.Text `json:"apikey"`
	Username  lenient.Text `json:"username"`
	FirstName lenient.Text `json:"first_name"`
	LastName  lenient.Text `json:"last_name"`
	Email     lenient.Text `json:"email"`
	WhatsApp  lenient.Text `json:"whatsapp"`
	Telegram  lenient.Int  `json:"telegram"`
}

// DecodeBalance reads the balance in rupiah and leaves the private fields behind.
func DecodeBalance(body []byte) (int64, error) {
	type balance struct {
		Balance *lenient.Int `json:"balance"`
	}
	b, err := one(body, func(b *balance) error {
		if b.Balance == nil {
			return lenient.Lacks("balance")
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int64(*b.Balance), nil
}

// Bank is a bank or e-wallet whose accounts can be checked (/v1/h2h/list/rekening).
type Bank struct {
	ID   lenient.Text `json:"id"`
	Code lenient.Text `json:"bank_code"`
	Name lenient.Text `json:"bank_name"`
	Type lenient.Text `json:"type"`
}

// Game is a game whose accounts can be checked (/v1/h2h/list/username).
type Game struct {
	ID   lenient.Text `json:"id"`
	Code lenient.Text `json:"account_code"`
	Name lenient.Text `json:"account_name"`
	Type lenient.Text `json:"type"`
}

// Checked is the result of an account check; Status is valid or invalid.
type Checked struct {
	Status lenient.Text `json:"status"`
	Number lenient.Text `json:"account_number"`
	Name   lenient.Text `json:"account_name"`
}

// Valid is whether the account exists; known is whether the status is a documented one.
func (c *Checked) Valid() (valid, known bool) {
	switch strings.ToLower(strings.TrimSpace(string(c.Status))) {
	case "valid":
		return true, true
	case "invalid":
		return false, true
	}
	return false, false
}

// DecodeBanks reads the list of banks.
func DecodeBanks(body []byte) (List[Bank], error) {
	return many(body, func(b *Bank) error { return need("bank_code", b.Code) })
}

// DecodeGames reads the list of games.
func DecodeGames(body []byte) (List[Game], error) {
	return many(body, func(g *Game) error { return need("account_code", g.Code) })
}

// DecodeChecked reads the result of either check.
func DecodeChecked(body []byte) (*Checked, error) {
	return one(body, func(c *Checked) error { return need("status", c.Status) })
}
