package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Operator is a mobile operator that an otp order may name. ID is ours; Code is the
// source's and never leaves us.
type Operator struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Code string `json:"code"`
}

// SaveOperators keeps the operators of an offer as its source just told. Their ids
// are made here, from their names.
func SaveOperators(ctx context.Context, pool *pgxpool.Pool, offerID int64, operators []Operator, now time.Time) error {
	kept := make([]Operator, 0, len(operators))
	taken := map[string]bool{}
	for _, o := range operators {
		base := Slug(o.Name)
		if base == "" {
			base = "operator"
		}
		o.ID = base
		for n := 2; taken[o.ID]; n++ {
			o.ID = fmt.Sprintf("%s-%d", base, n)
		}
		taken[o.ID] = true
		kept = append(kept, o)
	}
	list, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("catalog: operators: %w", err)
	}
	_, err = pool.Exec(ctx, `INSERT INTO otp_operators (offer_id, operators, fetched_at) VALUES ($1, $2, $3)
		ON CONFLICT (offer_id) DO UPDATE SET operators = excluded.operators, fetched_at = excluded.fetched_at`,
		offerID, json.RawMessage(list), now)
	if err != nil {
		return fmt.Errorf("catalog: operators: %w", err)
	}
	return nil
}

// Operators gives an offer's operators as last told, and when; ok is false before that.
func Operators(ctx context.Context, pool *pgxpool.Pool, offerID int64) (operators []Operator, fetchedAt time.Time, ok bool, err error) {
	var list json.RawMessage
	err = pool.QueryRow(ctx, `SELECT operators, fetched_at FROM otp_operators WHERE offer_id = $1`, offerID).Scan(&list, &fetchedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, time.Time{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(list, &operators)
	}
	if err != nil {
		return nil, time.Time{}, false, fmt.Errorf("catalog: operators: %w", err)
	}
	return operators, fetchedAt, true, nil
}

// OperatorCode translates an operator_id of an order into the source's code; ok is
// false when the offer has no such operator.
func OperatorCode(ctx context.Context, pool *pgxpool.Pool, offerID int64, id string) (code string, ok bool, err error) {
	operators, _, _, err := Operators(ctx, pool, offerID)
	for _, o := range operators {
		if o.ID == id {
			return o.Code, true, nil
		}
	}
	return "", false, err
}

// OperatorsBody is the body of GET /otp/operators.
func OperatorsBody(operators []Operator) *Body {
	out := OTPOperators{Count: len(operators), Operators: make([]OTPOperator, 0, len(operators))}
	for _, o := range operators {
		out.Operators = append(out.Operators, OTPOperator{OperatorID: o.ID, Name: o.Name})
	}
	return newBody(out)
}

// Offers gives the ids of a product's offers and their sources, first come first.
func (p *Product) Offers() []OfferRef {
	refs := make([]OfferRef, len(p.offers))
	for i := range p.offers {
		refs[i] = OfferRef{ID: p.offers[i].id, Upstream: p.offers[i].upstream}
	}
	return refs
}

// OfferRef names an offer and its source, inside the gateway only.
type OfferRef struct {
	ID       int64
	Upstream string
}
