package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/rule"
	"github.com/muarahq/muara/pkg/smm"
)

// The examples of the document are values of the answers' own types, so that they
// cannot say what the API does not.

func exampleTime() time.Time { return time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC) }

func ptr[T any](v T) *T { return &v }

func exampleCommon(c order.Category, sku, name, status string, price int64) order.Common {
	id := int64(113_987_654_321_098)
	out := order.Common{
		Ref: "trx-0001", OrderID: order.PublicID(c, id), Category: c, SKU: sku, Name: name, Status: status,
		Price: price, Quantity: 1, CreatedAt: exampleTime(), UpdatedAt: exampleTime().Add(4 * time.Second),
	}
	if status == "completed" {
		out.CompletedAt = ptr(exampleTime().Add(4 * time.Second))
	}
	return out
}

func examplePPOB(status string) order.View {
	v := order.PPOBView{
		Common:     exampleCommon(order.PPOB, "MLID10", "Mobile Legends 10 Diamond", status, 2750),
		CustomerNo: "081234567890",
	}
	if status == "completed" {
		v.Data.SN = ptr("1234-5678")
	}
	return v
}

func exampleOTP() order.View {
	return order.OTPView{
		Common: exampleCommon(order.OTP, "OTPTGID", "Telegram Indonesia", "completed", 1400),
		Data: order.OTPData{
			PhoneNumber: ptr("+6285644414442"), OTPCode: ptr("482913"), Country: ptr("Indonesia"), Service: ptr("Telegram"), Operator: ptr("any"),
			Messages:  []order.Message{{Code: "482913", Text: "Telegram code: 482913", ReceivedAt: exampleTime().Add(4 * time.Second)}},
			ExpiresAt: ptr(exampleTime().Add(15 * time.Minute)),
		},
	}
}

func exampleSMM() order.View {
	v := order.SMMView{
		Common: exampleCommon(order.SMM, "IGF1", "Instagram Followers", "completed", 15_000), Target: "https://instagram.com/p/AbCd123",
		Data: order.SMMData{StartCount: ptr(int64(3572)), Remains: ptr(int64(0)), RefillStatus: ptr(string(order.RefillPending))},
	}
	v.Quantity = 1000
	return v
}

//nolint:gochecknoglobals // constants that Go cannot write as such; nobody changes them
var (
	examplePing = pingData{
		Merchant: pingMerchant{ID: "MRA-M-7K2Q9XW4TB", Name: "Toko Pulsa", Status: merchant.Active, Mode: merchant.Live},
		Tier:     1, TierName: "Bronze", Time: exampleTime(), Timezone: "Asia/Jakarta",
	}
	exampleProfile = profileData{
		Balance: 250_000, Held: 2750, Tier: 1, TierName: "Bronze",
		Markup:      profileMarkups{PPOB: markup{Percent: 3, Fixed: 100}, SMM: markup{Percent: 40}, OTP: markup{Percent: 25}},
		Stats:       profileStats{Orders: 120, Completed: 118, Volume: 1_250_000, MonthOrders: 40, MonthVolume: 400_000},
		NextTier:    &nextTier{Tier: 2, Name: "Silver", OrdersNeeded: 382, VolumeNeeded: 8_750_000, Progress: 12},
		IPWhitelist: []string{"203.0.113.7", "2001:db8::/32"}, WebhookURL: ptr("https://merchant.example/hooks"),
	}
	exampleTiers = tiersData{Count: 2, Tiers: []tierRow{
		{Tier: 1, Name: "Bronze"}, {Tier: 2, Name: "Silver", MinOrders: 500, MinVolume: 10_000_000},
	}}
	exampleMutations = mutationsData{Count: 1, Mutations: []mutation{{
		ID: 42, Debit: 2750, Balance: 247_250, Kind: "order", Ref: ptr("trx-0001"),
		OrderID: ptr(exampleCommon(order.PPOB, "", "", "", 0).OrderID), Notes: "Mobile Legends 10 Diamond", CreatedAt: exampleTime(),
	}}}
	examplePlaced   = placedData{Order: examplePPOB("pending"), Balance: 247_250}
	exampleOrder    = orderData{Order: examplePPOB("completed")}
	exampleOTPOrder = orderData{Order: exampleOTP()}
	exampleSMMOrder = orderData{Order: exampleSMM()}
	exampleOrders   = ordersData{
		Count: 2, Orders: []order.View{exampleOTP(), examplePPOB("completed")}, NextCursor: ptr(rest.Cursor(cursorOrders, 113_987_654_321_098)),
	}

	exampleWebhook  = webhookData{URL: ptr("https://merchant.example/hooks"), Events: []string{"order.updated"}, Enabled: true, SecretHint: "whsec_…Qx9="} //nolint:gosec // an example
	exampleSecret   = secretData{Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}                                                                         //nolint:gosec // an example
	exampleDelivery = delivery{
		ID: "1024", EventID: "evt_4T1ZC6Y0Q2RX", Type: "order.updated", Subject: exampleCommon(order.PPOB, "", "", "", 0).OrderID, URL: "https://merchant.example/hooks",
		Status: "delivered", Attempts: 1, ResponseCode: ptr(200), ResponseBody: ptr("ok"), CreatedAt: exampleTime(), LastAttemptAt: ptr(exampleTime().Add(time.Second)),
	}

	examplePPOBProducts = catalog.PPOBProducts{Tier: 1, Count: 1, Products: []catalog.PPOBProduct{{
		SKU: "MLID10", Name: "Mobile Legends 10 Diamond", Price: 2750, Brand: "MOBILE LEGENDS", Category: "games", Type: "prepaid",
		Inputs: []catalog.Input{
			{Name: "customer_no", Label: "User ID", Required: true, Example: "12345678"},
			{Name: "zone_id", Label: "Zone ID", Required: true, Example: "2685"},
		},
		UnlimitedStock: true, Available: true,
	}}}
	examplePPOBCategories = catalog.PPOBCategories{Count: 1, Categories: []catalog.PPOBCategory{{Category: "games", Name: "Games", Type: "prepaid", Products: 120}}}
	examplePPOBBrands     = catalog.PPOBBrands{Count: 1, Brands: []catalog.PPOBBrand{{Brand: "MOBILE LEGENDS", Category: "games", Products: 24}}}
	exampleSMMServices    = catalog.SMMServices{Count: 1, Services: []catalog.SMMService{{
		SKU: "IGF1", Name: "Instagram Followers", Platform: "Instagram", Category: "Followers", Type: string(smm.Default),
		Inputs: []catalog.Input{
			{Name: "target", Label: "Tautan (link)", Required: true, Example: "https://instagram.com/p/AbCd123"},
			{Name: "quantity", Label: "Jumlah", Required: true, Example: "100"},
		},
		Rate: 15_000, Min: 100, Max: 10_000, Refill: true, Cancel: true, AverageTime: ptr("42 minutes"), Available: true,
	}}}
	exampleOTPServices  = catalog.OTPServices{Count: 1, Services: []catalog.OTPService{{Service: "tg", Name: "Telegram"}}}
	exampleOTPCountries = catalog.OTPCountries{Count: 1, Countries: []catalog.OTPCountry{{
		Country: "Indonesia", ISO: "ID", Prefix: "+62", Stock: 103,
		Offers: []catalog.OTPOffer{{SKU: "OTPTGID", Server: "Server 1", Price: 1400, Stock: 103, SuccessRate: 81, Available: true}},
	}}}
	exampleOTPOperators = catalog.OTPOperators{Count: 1, Operators: []catalog.OTPOperator{{OperatorID: anyOperator, Name: "Any"}}}
	exampleProducts     = catalog.PremiumProducts{Count: 1, Products: []catalog.PremiumProduct{{
		Product: "netflix-premium", Name: "Netflix Premium",
		Variants: []catalog.PremiumVariant{{SKU: "NETFLIX1B", Name: "Netflix Premium 1 Bulan", Price: 35_000, Stock: 12}},
	}}}
	examplePrice = catalog.PriceAnswer{SKU: "MLID10", Name: "Mobile Legends 10 Diamond", Price: 2750, Available: true}
)

// examplesOrderBody shows a body for each category.
func examplesOrderBody() map[string]*huma.Example {
	return map[string]*huma.Example{
		"ppob": {Summary: "Phone credit, games, electricity", Value: map[string]any{
			"category": "ppob", "ref": "trx-0001", "sku": "MLID10", "customer_no": "12345678", "zone_id": "2685",
		}},
		"social-media": {Summary: "A social media service", Value: map[string]any{
			"category": "smm", "ref": "smm-0001", "sku": "IGF1", "target": "https://instagram.com/p/AbCd123", "quantity": 1000,
		}},
		"rented-number": {Summary: "A rented number", Value: map[string]any{"category": "otp", "ref": "otp-0001", "sku": "OTPTGID"}},
		"premium": {Summary: "A premium product", Value: map[string]any{
			"category": "product", "ref": "prd-0001", "sku": "NETFLIX1B", "quantity": 2, "max_price": 70_000,
		}},
	}
}

// exampleOf shows a refusal.
func exampleOf(r rest.Refusal) rest.Failure {
	f := rest.Failure{Message: r.Meaning, Code: r.Code}
	switch r.Name {
	case refusals(fault.Invalid).Name:
		f.Message = "sku: is required"
		f.Details = []rest.Problem{{Field: "sku", Message: "is required"}}
	case refusals(fault.Unavailable).Name:
		f.Message = "the product is not available now"
		f.Details = []rest.Problem{{Field: "sku", Message: "temporarily disturbed", Reason: "trouble", Until: &rest.NullTime{Time: exampleTime()}}}
	case refusals(fault.DuplicateOrder).Name:
		f = exampleRefusal(&order.DuplicateError{Ref: "trx-0001", At: exampleTime(), Field: "customer_no"})
	case refusals(fault.LimitExceeded).Name:
		f = exampleRefusal(&rule.LimitError{Limit: rule.PerDay, Allowed: 5_000_000, Left: 12_500, Resets: exampleTime().Add(14 * time.Hour)})
	}
	return f
}

// exampleRefusal shows what becomes of an error.
func exampleRefusal(err error) rest.Failure {
	refused := classify(err)
	f := rest.Failure{Message: refused.Message, Code: refusals(refused.Kind).Code}
	for _, d := range refused.Details {
		p := rest.Problem{Field: d.Field, Message: d.Message, Ref: d.Ref}
		if d.Limit != nil {
			p.Limit, p.Allowed, p.Left = d.Limit.Name, &d.Limit.Allowed, &d.Limit.Left
		}
		f.Details = append(f.Details, p)
	}
	return f
}

const textPlaceOrder = "The price is taken at once. The same `ref` with the same content is the same order, charged once, however often and over however many connections it is sent; " +
	"with other content it is `ref_conflict`. A refused order costs nothing and leaves nothing behind, so its `ref` may be sent again. " +
	"A SKU for a customer or target that it was just ordered for is `duplicate_order`, if your settings say so, unless `allow_duplicate` is set.\n\n" +
	"A social media service takes the fields that its `inputs` name; one that is missing or belongs to another type is `invalid_request`. Its price is ⌈rate × quantity × runs / 1000⌉; " +
	"a package costs its rate once, a subscription the most of each post times its posts. One order is open for a `target` at a service at a time; until it has ended " +
	"a further one is `not_available`. What is not delivered is refunded by `remains`.\n\n" +
	"Premium products are delivered in the answer. Everything else is worked on afterwards: read the order, or let an event tell you.\n\n" +
	"Unknown fields are ignored, and `null` counts as absent."

const textCancelOrder = "otp, before a code came; smm, where the service allows it. It is a request: the order stays `processing` until the source confirms, and what had been " +
	"delivered of a social media order by then is charged. Asking twice is asking once."

const textRefillOrder = "smm, completed, where the service allows it: what was lost since is filled up again. `data.refill_status` tells how it goes, and each change is an event: " +
	"`pending` until the source takes it, which may let a while pass after the last one, `processing`, then `completed` or `rejected`. While one is under way asking again is asking once. " +
	"It costs nothing."

func textIntroduction(brand config.Brand) string {
	return "Every answer is JSON in one envelope: `{\"ok\":true,\"data\":{…}}`, or `{\"ok\":false,\"error\":\"…\",\"code\":\"…\"}`. Act on `code`; `error` is for people.\n\n" +
		"Money is whole rupiah. Times are RFC 3339; a bare date is a day in " + brand.Timezone + ". Lists that are paged take `limit` and `cursor` and give `next_cursor`.\n\n" +
		"A route that does not exist is `not_found`, a method that it does not take `method_not_allowed`, both in the same envelope.\n\n" +
		"A balance pays for everything: an order is accepted only with its whole price, and what is not delivered is given back."
}
