package backoffice

import (
	"time"

	"github.com/muarahq/muara/pkg/ledger"
)

// EntryRow is an entry of the books.
type EntryRow struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Kind    string    `json:"kind" example:"settle"`
	N       int       `json:"n" doc:"Tells entries of one kind apart; of costs, the attempt."`
	Debit   string    `json:"debit" doc:"The account that the money leaves."`
	Credit  string    `json:"credit" doc:"The account that it reaches."`
	Amount  int64     `json:"amount"`
	Balance *int64    `json:"balance" doc:"The wallet's after it; null where no wallet is touched."`
}

// NewEntryRows shows entries, oldest first.
func NewEntryRows(entries []ledger.Posted) []EntryRow {
	out := make([]EntryRow, 0, len(entries))
	for i := range entries {
		x := &entries[i]
		out = append(out, EntryRow{ID: x.ID, At: x.CreatedAt.UTC(), Kind: x.Kind, N: x.N, Debit: x.Debit, Credit: x.Credit, Amount: x.Amount, Balance: x.Balance})
	}
	return out
}
