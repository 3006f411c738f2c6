package merchant

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/rule"
)

// Mode is live or test. The two never mix: keys, wallets, orders and limits are of one mode.
type Mode string

// The modes.
const (
	Live Mode = "live"
	Test Mode = "test"
)

// Status of a merchant.
type Status string

// A suspended merchant is answered with 403, whatever it asks.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
)

// TestBalance is what a new test wallet holds, in rupiah ("Test mode" of the merchant API).
const TestBalance = 10_000_000

// What operators are refused with.
var (
	// ErrNotFound: there is no such merchant.
	ErrNotFound = errors.New("no such merchant")
	// ErrKeyNotFound: there is no such key.
	ErrKeyNotFound = errors.New("no such key")
	// ErrKeyRevoked: the key was revoked before.
	ErrKeyRevoked = errors.New("the key is revoked already")
	// ErrNoTier: there is no such tier.
	ErrNoTier = errors.New("no such tier")
	// ErrInvalid is what every complaint about an argument wraps.
	ErrInvalid = errors.New("invalid")
)

const maxName = 100

// Merchant is a customer of ours who sells on.
type Merchant struct {
	ID        string
	Name      string
	Status    Status
	Tier      int
	TierName  string
	IPs       []netip.Prefix
	CreatedAt time.Time
	UpdatedAt time.Time
	// Balances of its wallets, in rupiah.
	LiveBalance int64
	TestBalance int64
	// N numbers merchants in the order of their making: it is their live wallet's id.
	N int64
}

// Store changes merchants. Every change leaves an audit row in the same transaction.
type Store struct {
	db       *pg.DB
	accounts *ledger.Accounts
	opts     Options
}

// Options of a [Store].
type Options struct {
	// IDPrefix starts merchant ids: MRA gives MRA-M-….
	IDPrefix string
	// KeyPrefix starts keys: mra gives mra_live_….
	KeyPrefix string
	Now       func() time.Time
	// OnCreate runs inside the transaction that creates a merchant: what else
	// belongs to it from the start (its webhook endpoint). It may be nil.
	OnCreate func(ctx context.Context, tx pgx.Tx, merchantID string) error
}

// NewStore works on db.
func NewStore(db *pg.DB, accounts *ledger.Accounts, opts Options) *Store {
	return &Store{db: db, accounts: accounts, opts: opts}
}

// New is what a merchant starts with. Tier zero is the lowest.
type New struct {
	Name string
	Tier int
	IPs  []netip.Prefix
	// Mode of its first key.
	Mode  Mode
	Actor string
}

// Create makes a merchant with a wallet per mode and a first key, which is shown
// here and never again.
func (s *Store) Create(ctx context.Context, n New) (*Merchant, *Key, error) {
	n.Name = strings.TrimSpace(n.Name)
	if n.Name == "" || len(n.Name) > maxName {
		return nil, nil, fmt.Errorf("%w: name: 1 to %d characters", ErrInvalid, maxName)
	}
	if n.Tier == 0 {
		n.Tier = 1
	}
	if n.Mode != Live && n.Mode != Test {
		return nil, nil, fmt.Errorf("%w: mode: live or test", ErrInvalid)
	}
	now := s.opts.Now()
	m := &Merchant{ID: s.newID(), Name: n.Name, Status: Active, Tier: n.Tier, IPs: n.IPs, CreatedAt: now, UpdatedAt: now}
	var key *Key
	err := pg.InTx(ctx, s.db.Pool, func(tx pgx.Tx) error {
		if err := s.insert(ctx, tx, m, n.Actor, now); err != nil {
			return err
		}
		var err error
		if key, err = s.insertKey(ctx, tx, m.ID, n.Mode, "first", now); err != nil {
			return err
		}
		return s.audit(ctx, tx, n.Actor, "merchant.create", m.ID, map[string]any{
			"name": m.Name, "tier": m.Tier, "ip": m.IPs, "key_id": key.ID, "mode": n.Mode,
		})
	})
	if err != nil {
		return nil, nil, err
	}
	m.TestBalance = TestBalance
	return m, key, nil
}

func (s *Store) insert(ctx context.Context, tx pgx.Tx, m *Merchant, actor string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5::text[]::cidr[], $6, $6)`, m.ID, m.Name, m.Status, m.Tier, cidrs(m.IPs), now)
	if err != nil {
		return fmt.Errorf("merchant: create: %w", tierError(err))
	}
	if _, err := ledger.CreateWallet(ctx, tx, m.ID, string(Live), now); err != nil {
		return err
	}
	wallet, err := ledger.CreateWallet(ctx, tx, m.ID, string(Test), now)
	if err != nil {
		return err
	}
	if _, err := ledger.Adjust(ctx, tx, s.accounts, wallet, TestBalance, "Test balance", actor, now); err != nil {
		return err
	}
	if s.opts.OnCreate == nil {
		return nil
	}
	return s.opts.OnCreate(ctx, tx, m.ID)
}

const selectMerchant = `SELECT m.id, m.name, m.status, m.tier, t.name, m.ip_whitelist::text[], m.created_at, m.updated_at,
	COALESCE(live.balance, 0), COALESCE((SELECT balance FROM wallets w WHERE w.merchant_id = m.id AND w.mode = 'test'), 0), COALESCE(live.id, 0)
	FROM merchants m JOIN tiers t USING (tier) LEFT JOIN wallets live ON live.merchant_id = m.id AND live.mode = 'live'`

func scanMerchant(row pgx.CollectableRow) (Merchant, error) {
	var m Merchant
	var ips []string
	if err := row.Scan(&m.ID, &m.Name, &m.Status, &m.Tier, &m.TierName, &ips, &m.CreatedAt, &m.UpdatedAt, &m.LiveBalance, &m.TestBalance, &m.N); err != nil {
		return m, err
	}
	var err error
	m.IPs, err = parseCIDRs(ips)
	return m, err
}

// Get reads one merchant.
func (s *Store) Get(ctx context.Context, id string) (*Merchant, error) {
	rows, err := s.db.Pool.Query(ctx, selectMerchant+` WHERE m.id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("merchant: %w", err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, scanMerchant)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("merchant: %w", err)
	}
	return &m, nil
}

// List reads all merchants, oldest first.
func (s *Store) List(ctx context.Context) ([]Merchant, error) {
	return s.read(ctx, selectMerchant+` ORDER BY m.created_at, m.id`)
}

// Page reads up to limit merchants, newest first, that were made before the one whose N is
// before; zero is from the newest.
func (s *Store) Page(ctx context.Context, before int64, limit int) ([]Merchant, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return s.read(ctx, selectMerchant+` WHERE live.id < $1 ORDER BY live.id DESC LIMIT $2`, before, limit)
}

func (s *Store) read(ctx context.Context, sql string, args ...any) ([]Merchant, error) {
	rows, err := s.db.Pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("merchant: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanMerchant)
	if err != nil {
		return nil, fmt.Errorf("merchant: %w", err)
	}
	return list, nil
}

// SetStatus suspends a merchant or lets it go on.
func (s *Store) SetStatus(ctx context.Context, id string, status Status, actor string) error {
	action := "merchant.resume"
	if status == Suspended {
		action = "merchant.suspend"
	}
	return s.change(ctx, id, actor, action, map[string]any{"status": status},
		`UPDATE merchants SET status = $2, updated_at = $3 WHERE id = $1`, status)
}

// SetTier moves a merchant to a tier. Held there it does not rise by itself.
func (s *Store) SetTier(ctx context.Context, id string, tier int, held bool, actor string) error {
	sql := `UPDATE merchants SET tier = $2, tier_held = false, updated_at = $3 WHERE id = $1`
	if held {
		sql = `UPDATE merchants SET tier = $2, tier_held = true, updated_at = $3 WHERE id = $1`
	}
	return s.change(ctx, id, actor, "merchant.tier", map[string]any{"tier": tier, "held": held}, sql, tier)
}

// SetIPs replaces the address list; an empty one means any address.
func (s *Store) SetIPs(ctx context.Context, id string, ips []netip.Prefix, actor string) error {
	return s.change(ctx, id, actor, "merchant.ip", map[string]any{"ip": ips},
		`UPDATE merchants SET ip_whitelist = $2::text[]::cidr[], updated_at = $3 WHERE id = $1`, cidrs(ips))
}

func (s *Store) change(ctx context.Context, id, actor, action string, detail map[string]any, sql string, value any) error {
	return pg.InTx(ctx, s.db.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, id, value, s.opts.Now())
		if err != nil {
			return fmt.Errorf("merchant: %w", tierError(err))
		}
		if tag.RowsAffected() == 0 {
			return ErrNotFound
		}
		return s.audit(ctx, tx, actor, action, id, detail)
	})
}

// Wallet gives the id of a merchant's wallet.
func (s *Store) Wallet(ctx context.Context, id string, mode Mode) (int64, error) {
	return wallet(ctx, s.db.Pool, id, mode)
}

func wallet(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, merchantID string, mode Mode) (id int64, err error) {
	err = db.QueryRow(ctx, `SELECT id FROM wallets WHERE merchant_id = $1 AND mode = $2`, merchantID, mode).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("merchant: %w", err)
	}
	return id, nil
}

// Adjust credits (amount above zero) or debits a wallet by an operator's hand and
// gives the balance after. It fails with [ledger.ErrInsufficient] when the wallet
// does not hold what is to be taken.
func (s *Store) Adjust(ctx context.Context, id string, mode Mode, amount int64, note, actor string) (int64, error) {
	return s.AdjustOnce(ctx, id, mode, ledger.ByHand{Amount: amount, Note: note, Actor: actor})
}

// maxRef is how many characters the ref of an adjustment may have.
const maxRef = 100

// AdjustOnce is [Store.Adjust] that its ref makes safe to ask for again: the same ref, amount and
// note once more move nothing, leave no audit row and give the balance that was then.
// [ledger.ErrRefTaken] where the ref is another adjustment's of that wallet.
func (s *Store) AdjustOnce(ctx context.Context, id string, mode Mode, a ledger.ByHand) (int64, error) {
	switch {
	case strings.TrimSpace(a.Note) == "":
		return 0, fmt.Errorf("%w: a note is needed", ErrInvalid)
	case a.Amount == 0:
		return 0, fmt.Errorf("%w: amount: whole rupiah above zero", ErrInvalid)
	case a.Ref != strings.TrimSpace(a.Ref) || utf8.RuneCountInString(a.Ref) > maxRef:
		return 0, fmt.Errorf("%w: ref: up to %d characters, none of them a space at its ends", ErrInvalid, maxRef)
	}
	var balance int64
	err := pg.InTx(ctx, s.db.Pool, func(tx pgx.Tx) error {
		w, err := wallet(ctx, tx, id, mode)
		if err != nil {
			return err
		}
		var done bool
		if balance, done, err = ledger.AdjustOnce(ctx, tx, s.accounts, w, a, s.opts.Now()); err != nil || !done {
			return err
		}
		action := "merchant.credit"
		if a.Amount < 0 {
			action = "merchant.debit"
		}
		return s.audit(ctx, tx, a.Actor, action, id, map[string]any{"mode": mode, "amount": a.Amount, "note": a.Note, "ref": a.Ref, "balance": balance})
	})
	return balance, err
}

// SetLimits changes what a merchant may spend in a mode and gives the limits that hold from
// then on.
func (s *Store) SetLimits(ctx context.Context, id string, mode Mode, c rule.Change, actor string) (rule.Limits, error) {
	w, err := s.Wallet(ctx, id, mode)
	if err != nil {
		return rule.Limits{}, err
	}
	return rule.SetLimits(ctx, s.db.Pool, w, c, audit.Entry{Actor: actor, Action: "merchant.limit", Subject: id, At: s.opts.Now()})
}

func (s *Store) audit(ctx context.Context, tx pgx.Tx, actor, action, subject string, detail any) error {
	return audit.Write(ctx, tx, audit.Entry{Actor: actor, Action: action, Subject: subject, Detail: detail, At: s.opts.Now()})
}

// idAlphabet is Crockford's: nothing in it is misread for something else.
const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func (s *Store) newID() string { return s.opts.IDPrefix + "-M-" + randomText(idAlphabet, 10) }

// randomText draws n characters from an alphabet of 32.
func randomText(alphabet string, n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return string(b)
}

// tierError puts the one foreign key of a merchant into words.
func tierError(err error) error {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.ConstraintName == "merchants_tier_fkey" {
		return ErrNoTier
	}
	return err
}

// ParseIPs reads an address list as an operator writes it: addresses and CIDR
// networks, IPv4 and IPv6, separated by commas. An address is a network of one;
// host bits of a network are dropped. Empty text is the empty list.
func ParseIPs(text string) ([]netip.Prefix, error) {
	out := []netip.Prefix{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		p, err := parseIP(part)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func parseIP(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%w: %q is neither an IP address nor a CIDR network", ErrInvalid, text)
	}
	return p.Masked(), nil
}

func cidrs(ips []netip.Prefix) []string {
	out := make([]string, len(ips))
	for i, p := range ips {
		out[i] = p.String()
	}
	return out
}

func parseCIDRs(texts []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}
