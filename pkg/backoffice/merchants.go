package backoffice

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/rule"
	"github.com/muarahq/muara/pkg/webhook"
)

// Merchants opens the store that merchants are changed through.
func (o *Office) Merchants() *merchant.Store { return o.merchants(nil) }

func (o *Office) merchants(onCreate func(ctx context.Context, tx pgx.Tx, merchantID string) error) *merchant.Store {
	return merchant.NewStore(o.DB, ledger.NewAccounts(o.DB.Pool), merchant.Options{
		IDPrefix: o.Config.Brand.IDPrefix, KeyPrefix: o.Config.Brand.KeyPrefix, Now: o.Now, OnCreate: onCreate,
	})
}

// MerchantRow is a merchant as operators see it; money is whole rupiah.
type MerchantRow struct {
	ID          string          `json:"merchant_id" example:"MRA-M-0G3ZK4T8M1"`
	Name        string          `json:"name"`
	Status      merchant.Status `json:"status" enum:"active,suspended"`
	Tier        int             `json:"tier"`
	TierName    string          `json:"tier_name"`
	IPs         []netip.Prefix  `json:"ip_whitelist" nullable:"false" doc:"Networks that may call; empty for any."`
	Balance     int64           `json:"balance"`
	TestBalance int64           `json:"test_balance"`
	CreatedAt   time.Time       `json:"created_at"`
}

// NewMerchantRow shows a merchant.
func NewMerchantRow(m *merchant.Merchant) MerchantRow {
	return MerchantRow{
		ID: m.ID, Name: m.Name, Status: m.Status, Tier: m.Tier, TierName: m.TierName, IPs: m.IPs, Balance: m.LiveBalance,
		TestBalance: m.TestBalance, CreatedAt: m.CreatedAt,
	}
}

// MerchantList is merchants in some order.
type MerchantList struct {
	Count     int           `json:"count"`
	Merchants []MerchantRow `json:"merchants" nullable:"false"`
}

// NewMerchantList shows merchants.
func NewMerchantList(list []merchant.Merchant) *MerchantList {
	out := &MerchantList{Count: len(list), Merchants: make([]MerchantRow, len(list))}
	for i := range list {
		out.Merchants[i] = NewMerchantRow(&list[i])
	}
	return out
}

// ListMerchants gives all of them, oldest first.
func (o *Office) ListMerchants(ctx context.Context) (*MerchantList, error) {
	list, err := o.Merchants().List(ctx)
	if err != nil {
		return nil, err
	}
	return NewMerchantList(list), nil
}

// ShowMerchant gives a merchant as it stands now. merchant.ErrNotFound.
func (o *Office) ShowMerchant(ctx context.Context, id string) (*MerchantRow, error) {
	m, err := o.Merchants().Get(ctx, id)
	if err != nil {
		return nil, err
	}
	row := NewMerchantRow(m)
	return &row, nil
}

// MerchantCreated is a new merchant with what is shown once.
type MerchantCreated struct {
	MerchantID string        `json:"merchant_id"`
	KeyID      int64         `json:"key_id"`
	Key        string        `json:"key" doc:"Shown here and never again."`
	Mode       merchant.Mode `json:"mode" enum:"live,test" doc:"What the key is for."`
	// WebhookSecret is empty where it is not to be shown.
	WebhookSecret string `json:"webhook_secret,omitempty" doc:"Not in this API: the merchant makes its own."`
}

var errNoSealer = errors.New("a merchant is made where webhook secrets can be sealed")

// CreateMerchant makes a merchant with its wallets, its webhook endpoint and a first key.
func (o *Office) CreateMerchant(ctx context.Context, n merchant.New) (*MerchantCreated, error) {
	if o.Sealer == nil {
		return nil, errNoSealer
	}
	out := &MerchantCreated{}
	store := o.merchants(func(ctx context.Context, tx pgx.Tx, merchantID string) (err error) {
		out.WebhookSecret, err = webhook.CreateEndpoint(ctx, tx, merchantID, o.Sealer, o.Now())
		return err
	})
	m, key, err := store.Create(ctx, n)
	if err != nil {
		return nil, err
	}
	out.MerchantID, out.KeyID, out.Key, out.Mode = m.ID, key.ID, key.Secret, key.Mode
	return out, nil
}

// SetStatus suspends a merchant or lets it go on, and gives how it stands then.
func (o *Office) SetStatus(ctx context.Context, id string, status merchant.Status, actor string) (*MerchantRow, error) {
	if err := o.Merchants().SetStatus(ctx, id, status, actor); err != nil {
		return nil, err
	}
	return o.ShowMerchant(ctx, id)
}

// SetTier moves a merchant to a tier; held there it does not rise by itself.
func (o *Office) SetTier(ctx context.Context, id string, tier int, held bool, actor string) (*MerchantRow, error) {
	if err := o.Merchants().SetTier(ctx, id, tier, held, actor); err != nil {
		return nil, err
	}
	return o.ShowMerchant(ctx, id)
}

// SetIPs replaces the networks that may call; none means any.
func (o *Office) SetIPs(ctx context.Context, id string, ips []netip.Prefix, actor string) (*MerchantRow, error) {
	if err := o.Merchants().SetIPs(ctx, id, ips, actor); err != nil {
		return nil, err
	}
	return o.ShowMerchant(ctx, id)
}

// MerchantLimits are what bounds a merchant in a mode.
type MerchantLimits struct {
	MerchantID string        `json:"merchant_id"`
	Mode       merchant.Mode `json:"mode" enum:"live,test"`
	Limits     rule.Limits   `json:"limits"`
}

// SetLimits bounds what a merchant may order and withdraw; what a change leaves out stays,
// and one that leaves out all of them reads.
func (o *Office) SetLimits(ctx context.Context, id string, mode merchant.Mode, c rule.Change, actor string) (*MerchantLimits, error) {
	store := o.Merchants()
	wallet, err := store.Wallet(ctx, id, mode)
	if err != nil {
		return nil, err
	}
	if c.PerOrder != nil || c.PerDay != nil || c.WithdrawPerDay != nil {
		if _, err := store.SetLimits(ctx, id, mode, c, actor); err != nil {
			return nil, err
		}
	}
	set, err := rule.Read(ctx, o.DB.Pool, wallet)
	if err != nil {
		return nil, err
	}
	return &MerchantLimits{MerchantID: id, Mode: mode, Limits: set.Limits}, nil
}

// Adjusted is a balance that was moved by hand; money is whole rupiah.
type Adjusted struct {
	MerchantID string        `json:"merchant_id"`
	Mode       merchant.Mode `json:"mode" enum:"live,test"`
	Ref        string        `json:"ref" doc:"The caller's own; asked for again under it, nothing moves and the answer is this one."`
	Amount     int64         `json:"amount" doc:"Below zero where it was taken."`
	Balance    int64         `json:"balance" doc:"After it."`
}

// Adjust adds to a balance by hand, or takes from it where the amount is below zero, once for
// each ref.
func (o *Office) Adjust(ctx context.Context, id string, mode merchant.Mode, a ledger.ByHand) (*Adjusted, error) {
	if a.Ref == "" {
		return nil, fault.Field("ref", "is required")
	}
	balance, err := o.Merchants().AdjustOnce(ctx, id, mode, a)
	if err != nil {
		return nil, err
	}
	return &Adjusted{MerchantID: id, Mode: mode, Ref: a.Ref, Amount: a.Amount, Balance: balance}, nil
}

// KeyRow is a key of a merchant as operators see it.
type KeyRow struct {
	ID         int64         `json:"key_id"`
	Name       string        `json:"name"`
	Mode       merchant.Mode `json:"mode" enum:"live,test"`
	Hint       string        `json:"hint" doc:"Its beginning and its last characters." example:"mra_live_…k7qp"`
	CreatedAt  time.Time     `json:"created_at"`
	RevokedAt  *time.Time    `json:"revoked_at"`
	LastUsedAt *time.Time    `json:"last_used_at"`
}

// KeyList is a merchant's keys, oldest first, revoked ones too.
type KeyList struct {
	Count int      `json:"count"`
	Keys  []KeyRow `json:"keys" nullable:"false"`
}

// ListKeys gives a merchant's keys.
func (o *Office) ListKeys(ctx context.Context, merchantID string) (*KeyList, error) {
	keys, err := o.Merchants().Keys(ctx, merchantID)
	if err != nil {
		return nil, err
	}
	out := &KeyList{Count: len(keys), Keys: make([]KeyRow, len(keys))}
	for i, k := range keys {
		out.Keys[i] = KeyRow{ID: k.ID, Name: k.Name, Mode: k.Mode, Hint: k.Hint, CreatedAt: k.CreatedAt, RevokedAt: k.RevokedAt, LastUsedAt: k.LastUsedAt}
	}
	return out, nil
}

// KeyCreated is a further key with what is shown once.
type KeyCreated struct {
	ID         int64         `json:"key_id"`
	MerchantID string        `json:"merchant_id"`
	Mode       merchant.Mode `json:"mode" enum:"live,test"`
	Name       string        `json:"name"`
	Key        string        `json:"key" doc:"Shown here and never again."`
}

// CreateKey gives a merchant a further key.
func (o *Office) CreateKey(ctx context.Context, merchantID string, mode merchant.Mode, name, actor string) (*KeyCreated, error) {
	key, err := o.Merchants().CreateKey(ctx, merchantID, mode, name, actor)
	if err != nil {
		return nil, err
	}
	return &KeyCreated{ID: key.ID, MerchantID: merchantID, Mode: key.Mode, Name: key.Name, Key: key.Secret}, nil
}

// KeyRevoked is a key that opens nothing any more.
type KeyRevoked struct {
	ID      int64 `json:"key_id"`
	Revoked bool  `json:"revoked"`
}

// RevokeKey ends a key, for ever and at once.
func (o *Office) RevokeKey(ctx context.Context, id int64, actor string) (*KeyRevoked, error) {
	if err := o.Merchants().RevokeKey(ctx, id, actor); err != nil {
		return nil, err
	}
	return &KeyRevoked{ID: id, Revoked: true}, nil
}
