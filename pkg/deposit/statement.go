package deposit

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
)

// Outcome is what became of a line of a statement.
type Outcome string

// The outcomes. Seen is a line that was read before.
const (
	LineCredited  Outcome = "credited"
	LineKnown     Outcome = "known"
	LineAmbiguous Outcome = "ambiguous"
	LineUnmatched Outcome = "unmatched"
	LineResolved  Outcome = "resolved"
	LineSeen      Outcome = "seen"
)

// Line is a payment to our own code, as its acquirer's statement lists it. Money is
// whole rupiah.
type Line struct {
	ID      int64  `db:"id" json:"id"`
	Gateway string `db:"gateway" json:"gateway"`
	// Key tells the line from all others of the gateway.
	Key       string    `db:"key" json:"key"`
	Amount    int64     `db:"amount" json:"amount"`
	PaidAt    time.Time `db:"paid_at" json:"paid_at"`
	Note      string    `db:"note" json:"note"`
	Outcome   Outcome   `db:"outcome" json:"outcome"`
	DepositID *int64    `db:"deposit_id" json:"deposit_id"`
}

func lines(ctx context.Context, db querier, where string, args ...any) ([]Line, error) {
	rows, err := db.Query(ctx, `SELECT l.id, l.gateway, l.key, l.amount, l.paid_at, l.note, l.outcome, l.deposit_id FROM deposit_lines l WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("deposit: lines: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByName[Line])
	if err != nil {
		return nil, fmt.Errorf("deposit: lines: %w", err)
	}
	return out, nil
}

// OpenLines are those that wait for a person, newest first: in suspense, and on request also
// what matched nothing. They are older than the line before; zero begins at the newest.
func (k *Keeper) OpenLines(ctx context.Context, unmatched bool, before int64, limit int) ([]Line, error) {
	return lines(ctx, k.Pool, `(l.outcome = 'ambiguous' OR l.outcome = 'unmatched' AND $1) AND ($2 = 0 OR l.id < $2) ORDER BY l.id DESC LIMIT $3`, unmatched, before, limit)
}

const (
	// clockSlack is how much a statement's clock may be behind ours.
	clockSlack = 5 * time.Minute
	maxNote    = 200
	// maxLines bounds a statement.
	maxLines = 100_000
)

// ReadStatement reads a statement: CSV with a header that names time and amount,
// and may name id and note (in English or Indonesian). Times without a zone are of
// loc; amounts are whole rupiah without separators. The error names the line.
func ReadStatement(r io.Reader, loc *time.Location) ([]Line, error) {
	in := csv.NewReader(r)
	in.TrimLeadingSpace = true
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("statement: header: %w", err)
	}
	at := map[string]int{}
	for i, name := range head {
		if column := columnOf(name); column != "" {
			if _, twice := at[column]; twice {
				return nil, fmt.Errorf("statement: two columns of %s", column)
			}
			at[column] = i
		}
	}
	for _, need := range []string{"time", "amount"} {
		if _, ok := at[need]; !ok {
			return nil, fmt.Errorf("statement: no column %q", need)
		}
	}
	field := func(row []string, column string) string {
		if i, ok := at[column]; ok {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	var out []Line
	alike := map[string]int{}
	for n := 2; ; n++ {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("statement: %w", err)
		}
		if len(out) == maxLines {
			return nil, fmt.Errorf("statement: more than %d lines", maxLines)
		}
		l := Line{Note: clip(field(row, "note"))}
		if l.Amount, err = wholeRupiah(field(row, "amount")); err != nil {
			return nil, fmt.Errorf("statement: line %d: %w", n, err)
		}
		if l.PaidAt, err = readTime(field(row, "time"), loc); err != nil {
			return nil, fmt.Errorf("statement: line %d: %w", n, err)
		}
		if l.Key = field(row, "id"); l.Key == "" {
			// Two payments of the same amount in the same second are two lines.
			content := strings.Join([]string{l.PaidAt.UTC().Format(time.RFC3339Nano), strconv.FormatInt(l.Amount, 10), l.Note}, "\n")
			alike[content]++
			sum := sha256.Sum256([]byte(content + "\n" + strconv.Itoa(alike[content])))
			l.Key = "sha256:" + hex.EncodeToString(sum[:16])
		}
		out = append(out, l)
	}
}

// columnOf gives our name of a statement's column; empty for one that says nothing
// to us.
func columnOf(name string) string {
	name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
	for column, names := range map[string][]string{
		"time":   {"time", "paid_at", "date", "datetime", "waktu", "tanggal"},
		"amount": {"amount", "credit", "nominal", "jumlah"},
		"id":     {"id", "key", "ref", "reference", "transaction_id", "rrn"},
		"note":   {"note", "notes", "description", "keterangan"},
	} {
		if slices.Contains(names, name) {
			return column
		}
	}
	return ""
}

func clip(s string) string {
	if r := []rune(s); len(r) > maxNote {
		return string(r[:maxNote])
	}
	return s
}

// wholeRupiah reads an amount that leaves no doubt.
func wholeRupiah(s string) (int64, error) {
	whole, fraction, dotted := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n <= 0 || whole[0] == '+' || dotted && fraction != "0" && fraction != "00" {
		return 0, fmt.Errorf("amount %q is no number of whole rupiah (write 100347, without separators)", s)
	}
	return n, nil
}

func readTime(s string, loc *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("time %q is neither RFC 3339 nor YYYY-MM-DD HH:MM:SS", s)
}

const candidatesSQL = `SELECT d.id FROM deposits d WHERE d.gateway = $1 AND d.mode = 'live' AND d.total = $2 AND d.upstream_ref = ''
	AND d.state IN ('pending', 'expired', 'canceled', 'paid') AND d.created_at <= $3::timestamptz + $4::interval AND d.expires_at >= $3::timestamptz - $5::interval
	AND NOT EXISTS (SELECT FROM deposit_lines l WHERE l.deposit_id = d.id) ORDER BY d.id`

func candidates(ctx context.Context, db querier, l *Line) ([]int64, error) {
	rows, err := db.Query(ctx, candidatesSQL, l.Gateway, l.Amount, l.PaidAt, clockSlack, Grace)
	if err != nil {
		return nil, fmt.Errorf("deposit: match: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("deposit: match: %w", err)
	}
	return ids, nil
}

const lineSQL = `INSERT INTO deposit_lines (gateway, key, amount, paid_at, note, outcome, deposit_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
	ON CONFLICT (gateway, key) DO NOTHING RETURNING id`

// errSeen: the line was read before.
var errSeen = errors.New("deposit: line was read before")

func (l *Line) insert(ctx context.Context, tx pgx.Tx, now time.Time) error {
	err := tx.QueryRow(ctx, lineSQL, l.Gateway, l.Key, l.Amount, l.PaidAt, l.Note, l.Outcome, l.DepositID, now).Scan(&l.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return errSeen
	}
	return err
}

// Match finds whose payment a line is. Exactly one deposit of its total whose time
// fits is credited; of several none is, and the money goes to suspense; what fits
// none is kept and moves nothing. The same line counts once. Whose word it was, actor, is
// in the audit log with the money, in one commit.
func (k *Keeper) Match(ctx context.Context, l Line, actor string) (*Line, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	const tries = 5 // another line may take the deposit that was found
	for range tries {
		ids, err := candidates(ctx, k.Pool, &l)
		if err != nil {
			return nil, err
		}
		if len(ids) == 1 {
			err = k.matchOne(ctx, &l, ids[0], actor)
		} else {
			err = k.matchNone(ctx, &l, len(ids) > 1, actor)
		}
		switch {
		case errors.Is(err, ErrStale):
			continue
		case errors.Is(err, errSeen):
			return k.seen(ctx, &l)
		case err != nil:
			return nil, err
		}
		return &l, nil
	}
	return nil, ErrStale
}

// seen gives a line as it was read before. Another payment under its key is an
// error: one of them would be lost.
func (k *Keeper) seen(ctx context.Context, l *Line) (*Line, error) {
	before, err := lines(ctx, k.Pool, `l.gateway = $1 AND l.key = $2`, l.Gateway, l.Key)
	if err != nil {
		return nil, err
	}
	if len(before) == 0 {
		return nil, fmt.Errorf("%w: id %q is another payment's already", ErrNotResolvable, l.Key)
	}
	return l.Again(&before[0])
}

// Again is what a line comes to that was read before: nothing. Another amount than before
// is [ErrNotResolvable].
func (l *Line) Again(before *Line) (*Line, error) {
	if before.Amount != l.Amount {
		return nil, fmt.Errorf("%w: id %q is another payment's already", ErrNotResolvable, l.Key)
	}
	out := *before
	out.Outcome = LineSeen
	return &out, nil
}

// ReadBefore gives those of a gateway's lines that were read before, by key, as they stand now.
func (k *Keeper) ReadBefore(ctx context.Context, gateway string, ls []Line) (map[string]Line, error) {
	keys := make([]string, len(ls))
	for i := range ls {
		keys[i] = ls[i].Key
	}
	found, err := lines(ctx, k.Pool, `l.gateway = $1 AND l.key = ANY ($2)`, gateway, keys)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Line, len(found))
	for _, l := range found {
		out[l.Key] = l
	}
	return out, nil
}

func (k *Keeper) matchOne(ctx context.Context, l *Line, n int64, actor string) error {
	_, err := k.change(ctx, n, func(ctx context.Context, tx pgx.Tx, c *change) error {
		ids, err := candidates(ctx, tx, l)
		if err != nil {
			return err
		}
		if len(ids) != 1 || ids[0] != n {
			return ErrStale
		}
		l.DepositID, l.Outcome = &n, LineCredited
		if c.d.State == Paid {
			l.Outcome, c.quiet = LineKnown, true
		}
		if err := l.insert(ctx, tx, c.now); err != nil {
			return err
		}
		if c.quiet {
			return nil
		}
		c.audited(k, "deposit.line", Decision{Actor: actor}, map[string]any{"line": l.ID, "key": l.Key, "amount": l.Amount, "paid_at": l.PaidAt})
		return c.see(&Sighting{Seen: SeenPaid, Paid: &l.Amount, PaidAt: l.PaidAt, Cause: "statement", Detail: l.Key})
	})
	return err
}

// matchNone keeps a line that is nobody's, or that may be several deposits'.
func (k *Keeper) matchNone(ctx context.Context, l *Line, ambiguous bool, actor string) error {
	b, err := k.open(ctx, "live", l.Gateway)
	if err != nil {
		return err
	}
	l.DepositID, l.Outcome = nil, LineUnmatched
	if ambiguous {
		l.Outcome = LineAmbiguous
	}
	now := k.now()
	return pg.InTx(ctx, k.Pool, func(tx pgx.Tx) error {
		if err := l.insert(ctx, tx, now); err != nil || !ambiguous {
			return err
		}
		book := ledger.NewBook()
		err := book.Post(ledger.Entry{
			Subject: lineSubject, SubjectID: l.ID, Kind: ledger.KindSuspense, Debit: b.clearing, Credit: b.suspense, Amount: l.Amount, Notes: notes,
		})
		if err != nil {
			return err
		}
		if err := book.Write(ctx, tx, now); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Entry{
			Actor: actor, Action: "deposit.suspense", Subject: lineSubject + ":" + strconv.FormatInt(l.ID, 10),
			Detail: map[string]any{"amount": l.Amount, "paid_at": l.PaidAt}, At: now,
		})
	})
}
