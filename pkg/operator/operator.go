// Package operator is what is alike about everything that operators look at and
// decide, be it orders, deposits or withdrawals: a list over all merchants, newest
// first, page by page; what a thing is called; and its history. What may be decided is
// each one's own.
package operator

import (
	"strconv"
	"time"

	"github.com/uptrace/bun"
)

// Filter selects rows of every merchant, of whatever states S. Empty fields select all.
type Filter[S ~string] struct {
	// Flagged: only those that wait for a person.
	Flagged    bool
	States     []S
	MerchantID string
	Mode       string
	// Source is the upstream or gateway that they are of.
	Source string
	// Ref is the merchant's own name of it.
	Ref string
	// Before is the id that the page ends before; zero starts at the newest.
	Before int64
	Limit  int
}

// Apply narrows a query over a table whose alias is given, newest first, and adds the
// merchant's id to its columns; source is the column that says where a row went.
func (f *Filter[S]) Apply(q *bun.SelectQuery, alias, source string) *bun.SelectQuery {
	column := func(name string) bun.Ident { return bun.Ident(alias + "." + name) }
	q = q.ColumnExpr("?TableColumns").ColumnExpr("whose.merchant_id").Join("JOIN wallets AS whose ON whose.id = ?", column("wallet_id")).
		OrderExpr("? DESC", column("id")).Limit(int64(f.Limit))
	if f.Flagged {
		q = q.Where("? <> ''", column("flag"))
	}
	if len(f.States) > 0 {
		q = q.Where("? IN ?", column("state"), bun.Tuple(f.States))
	}
	for _, c := range []struct {
		column bun.Ident
		value  string
	}{{"whose.merchant_id", f.MerchantID}, {column("mode"), f.Mode}, {column(source), f.Source}, {column("ref"), f.Ref}} {
		if c.value != "" {
			q = q.Where("? = ?", c.column, c.value)
		}
	}
	if f.Before != 0 {
		q = q.Where("? < ?", column("id"), f.Before)
	}
	return q
}

// ParseID reads what an operator calls a row: its public id, as parse reads it, or the
// number that logs, tasks and rows know it by.
func ParseID(s string, parse func(string) (int64, bool)) (int64, bool) {
	if n, ok := parse(s); ok {
		return n, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0
}

// Event is one change of a row, and who or what caused it.
type Event[S ~string] struct {
	Version   int64     `db:"version" json:"version"`
	FromState S         `db:"from_state" json:"from"`
	ToState   S         `db:"to_state" json:"to"`
	Cause     string    `db:"cause" json:"cause"`
	Detail    string    `db:"detail" json:"detail"`
	CreatedAt time.Time `db:"created_at" json:"at"`
}

// EventColumns are those of an [Event], in whatever table of changes.
const EventColumns = `version, from_state, to_state, cause, detail, created_at`
