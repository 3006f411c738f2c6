package catalog

// The rows of the merchant API's lists. Their tags describe them in the OpenAPI
// document, too.

// PPOBProducts is the answer of GET /ppob/products.
type PPOBProducts struct {
	Tier     int           `json:"tier" doc:"The tier whose prices these are." example:"1"`
	Count    int           `json:"count" doc:"Rows in this answer." example:"1"`
	Products []PPOBProduct `json:"products" nullable:"false"`
}

// PPOBProduct is a row of it.
type PPOBProduct struct {
	SKU            string  `json:"sku" doc:"What to order." example:"MLID10"`
	Name           string  `json:"name" example:"Mobile Legends 10 Diamond"`
	Price          int64   `json:"price" doc:"Rupiah at this tier; for a postpaid product our fee on top of the bill." example:"2750"`
	Brand          string  `json:"brand" example:"MOBILE LEGENDS"`
	Category       string  `json:"category" doc:"A key of GET /ppob/categories." example:"games"`
	Type           string  `json:"type" enum:"prepaid,postpaid" example:"prepaid"`
	Description    *string `json:"description"`
	Inputs         []Input `json:"inputs" nullable:"false" doc:"The fields that an order needs."`
	Stock          int64   `json:"stock" doc:"Means nothing while unlimited_stock is true." example:"0"`
	UnlimitedStock bool    `json:"unlimited_stock" example:"true"`
	Available      bool    `json:"available" example:"true"`
	Reason         *Reason `json:"reason" enum:"closed,out_of_stock,trouble,cut_off,paused" doc:"Why it cannot be ordered now."`
	Image          *string `json:"image"`
}

// PPOBCategories is the answer of GET /ppob/categories.
type PPOBCategories struct {
	Count      int            `json:"count" example:"1"`
	Categories []PPOBCategory `json:"categories" nullable:"false"`
}

// PPOBCategory is a row of it.
type PPOBCategory struct {
	Category string `json:"category" doc:"The key to filter by." example:"games"`
	Name     string `json:"name" example:"Games"`
	Type     string `json:"type" enum:"prepaid,postpaid" example:"prepaid"`
	Products int    `json:"products" doc:"How many products it has." example:"120"`
}

// PPOBBrands is the answer of GET /ppob/brands.
type PPOBBrands struct {
	Count  int         `json:"count" example:"1"`
	Brands []PPOBBrand `json:"brands" nullable:"false"`
}

// PPOBBrand is a row of it.
type PPOBBrand struct {
	Brand    string `json:"brand" example:"MOBILE LEGENDS"`
	Category string `json:"category" example:"games"`
	Products int    `json:"products" example:"24"`
}

// SMMServices is the answer of GET /smm/services.
type SMMServices struct {
	Count    int          `json:"count" example:"0"`
	Services []SMMService `json:"services" nullable:"false"`
}

// SMMService is a row of it.
type SMMService struct {
	SKU         string  `json:"sku" example:"IGF1"`
	Name        string  `json:"name" example:"Instagram Followers"`
	Platform    string  `json:"platform" example:"Instagram"`
	Category    string  `json:"category" example:"Followers"`
	Type        string  `json:"type" doc:"Decides the fields of an order: see inputs." example:"default"`
	Inputs      []Input `json:"inputs" nullable:"false"`
	Rate        int64   `json:"rate" doc:"Rupiah per 1000 at this tier; of a package rupiah for one." example:"15000"`
	Min         int64   `json:"min" doc:"The least quantity of an order; of a subscription for each post." example:"100"`
	Max         int64   `json:"max" example:"10000"`
	Refill      bool    `json:"refill" doc:"Whether a completed order may be filled up again: POST /order/{ref}/refill."`
	Cancel      bool    `json:"cancel" doc:"Whether an order may be canceled: POST /order/{ref}/cancel."`
	AverageTime *string `json:"average_time" example:"42 minutes"`
	Description *string `json:"description"`
	Available   bool    `json:"available" example:"true"`
	Reason      *Reason `json:"reason" enum:"closed,out_of_stock,trouble,cut_off,paused"`
}

// OTPServices is the answer of GET /otp/services.
type OTPServices struct {
	Count    int          `json:"count" example:"1"`
	Services []OTPService `json:"services" nullable:"false"`
}

// OTPService is a row of it.
type OTPService struct {
	Service string  `json:"service" doc:"The key for GET /otp/countries." example:"tg"`
	Name    string  `json:"name" example:"Telegram"`
	Image   *string `json:"image"`
}

// OTPCountries is the answer of GET /otp/countries.
type OTPCountries struct {
	Count     int          `json:"count" example:"1"`
	Countries []OTPCountry `json:"countries" nullable:"false"`
}

// OTPCountry is a row of it.
type OTPCountry struct {
	Country string     `json:"country" example:"Indonesia"`
	ISO     string     `json:"iso" example:"ID"`
	Prefix  string     `json:"prefix" example:"+62"`
	Image   *string    `json:"image"`
	Stock   int64      `json:"stock" doc:"Numbers of all its offers." example:"103"`
	Offers  []OTPOffer `json:"offers" nullable:"false"`
}

// OTPOffer is one server's numbers of a country.
type OTPOffer struct {
	SKU         string `json:"sku" doc:"What to order." example:"OTPTGID"`
	Server      string `json:"server" example:"Server 1"`
	Price       int64  `json:"price" doc:"Rupiah at this tier." example:"1400"`
	Stock       int64  `json:"stock" example:"103"`
	SuccessRate int    `json:"success_rate" doc:"Percent of orders that got a code." minimum:"0" maximum:"100" example:"81"`
	Available   bool   `json:"available" example:"true"`
}

// OTPOperators is the answer of GET /otp/operators.
type OTPOperators struct {
	Count     int           `json:"count" example:"1"`
	Operators []OTPOperator `json:"operators" nullable:"false"`
}

// OTPOperator is a row of it.
type OTPOperator struct {
	OperatorID string  `json:"operator_id" doc:"What to name in an order." example:"any"`
	Name       string  `json:"name" example:"Any"`
	Image      *string `json:"image"`
}

// PremiumProducts is the answer of GET /products.
type PremiumProducts struct {
	Count    int              `json:"count" example:"1"`
	Products []PremiumProduct `json:"products" nullable:"false"`
}

// PremiumProduct is a row of it.
type PremiumProduct struct {
	Product     string           `json:"product" doc:"The product's key." example:"netflix-premium"`
	Name        string           `json:"name" example:"Netflix Premium"`
	Description *string          `json:"description"`
	Image       *string          `json:"image"`
	Variants    []PremiumVariant `json:"variants" nullable:"false"`
}

// PremiumVariant is what can be ordered of it.
type PremiumVariant struct {
	SKU   string `json:"sku" example:"NETFLIX1B"`
	Name  string `json:"name" example:"Netflix Premium 1 Bulan"`
	Price int64  `json:"price" doc:"Rupiah, the same for all tiers." example:"35000"`
	Stock int64  `json:"stock" example:"12"`
}

// PriceAnswer is the answer of GET /price.
type PriceAnswer struct {
	SKU       string  `json:"sku" example:"MLID10"`
	Name      string  `json:"name" example:"Mobile Legends 10 Diamond"`
	Price     int64   `json:"price" doc:"Rupiah at this tier; for smm per 1000." example:"2750"`
	Available bool    `json:"available" example:"true"`
	Reason    *Reason `json:"reason" enum:"closed,out_of_stock,trouble,cut_off,paused"`
	Until     *string `json:"until" format:"date-time" doc:"When that ends, if it is known."`
}
