package emulator

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// demoServices are the applications of the demo catalogue, in order of their codes.
func demoServices() []string {
	return []string{
		"KakaoTalk", "Naver", "Tinder", "Telegram", "WhatsApp", "Google", "Facebook", "Instagram", "TikTok", "Shopee",
		"Gojek", "Grab", "Tokopedia", "Lazada", "Discord", "Steam", "Microsoft", "Apple", "Netflix", "LinkedIn",
		"Signal", "Viber", "LINE", "Twitter",
	}
}

// land is a country in which numbers are for rent; percent scales its prices.
type land struct {
	name, prefix, iso string
	percent           int64
	operators         []string
}

func demoLands() []land {
	return []land{
		{"Indonesia", "+62", "id", 100, []string{"Telkomsel", "Indosat", "XL", "AXIS", "3 (Three)", "Smartfren"}},
		{"Malaysia", "+60", "my", 160, []string{"Maxis", "Celcom", "DiGi"}},
		{"Philippines", "+63", "ph", 130, []string{"Globe", "Smart"}},
		{"Vietnam", "+84", "vn", 110, []string{"Viettel", "Vinaphone"}},
		{"Thailand", "+66", "th", 180, []string{"AIS", "DTAC"}},
		{"India", "+91", "in", 120, []string{"Airtel", "Jio"}},
		{"Hong Kong", "+852", "hk", 260, []string{"CSL"}},
		{"China", "+86", "cn", 320, []string{"China Mobile", "China Unicom"}},
		{"United States", "+1", "us", 420, []string{"T-Mobile", "AT&T"}},
		{"United Kingdom", "+44", "gb", 380, []string{"EE", "Vodafone"}},
		{"Brazil", "+55", "br", 240, []string{"Vivo", "Claro"}},
		{"Nigeria", "+234", "ng", 150, []string{"MTN", "Airtel"}},
	}
}

// line is a family of products that differ by their size.
type line struct {
	prefix, brand, category, kind string
	name, note                    string // with %s for the size
	unit                          int64  // rupiah of one
	sizes                         []int64
}

func demoLines() []line {
	nominal := []int64{5, 10, 20, 25, 50, 100}
	return []line{
		{"FF", "freefire", "game", "diamond", "%s Diamond", "%s Diamond Free Fire", 114, []int64{5, 12, 50, 70, 140, 355, 720}},
		{"ML", "mobilelegends", "game", "diamond", "%s Diamond", "%s Diamond Mobile Legends", 265, []int64{5, 10, 19, 50, 86, 172, 257, 706}},
		{"PUBG", "pubgm", "game", "uc", "%s UC", "%s UC PUBG Mobile", 240, []int64{60, 325, 660}},
		{"GI", "genshin", "game", "crystal", "%s Genesis Crystals", "%s Genesis Crystals Genshin Impact", 245, []int64{60, 330, 1090}},
		{"DN", "dana", "ewallet", "topup_saldo", "Rp%s.000", "DANA TopUp Rp%s.000", 1050, []int64{10, 20, 50, 100, 200}},
		{"GP", "gopay", "ewallet", "topup_saldo", "Rp%s.000", "GoPay TopUp Rp%s.000", 1055, []int64{10, 20, 50, 100}},
		{"OV", "ovo", "ewallet", "topup_saldo", "Rp%s.000", "OVO TopUp Rp%s.000", 1060, []int64{10, 20, 50, 100}},
		{"S", "telkomsel", "pulsa", "pulsa", "Pulsa %s.000", "Pulsa Telkomsel %s.000", 1040, nominal},
		{"IR", "indosat", "pulsa", "pulsa", "Pulsa %s.000", "Pulsa Indosat %s.000", 1060, nominal},
		{"XL", "xl", "pulsa", "pulsa", "Pulsa %s.000", "Pulsa XL %s.000", 1050, nominal},
		{"AX", "axis", "pulsa", "pulsa", "Pulsa %s.000", "Pulsa AXIS %s.000", 1055, nominal},
		{"T", "three", "pulsa", "pulsa", "Pulsa %s.000", "Pulsa Tri %s.000", 1045, nominal},
		{"SD", "telkomsel", "data", "paket_data", "%s GB", "Telkomsel Data %s GB 30 Hari", 11500, []int64{1, 3, 5, 10}},
		{"PLN", "pln", "pln", "token", "Token Rp%s.000", "Token Listrik Rp%s.000", 1012, []int64{20, 50, 100, 200, 500}},
		{"GPL", "googleplay", "voucher", "voucher", "Rp%s.000", "Voucher Google Play Rp%s.000", 1080, []int64{5, 20, 50, 100}},
	}
}

// newProducts makes size products, the demo's first; zero makes the demo's only.
func newProducts(rng *rand.Rand, size int) []wire.Product {
	var out []wire.Product
	for _, l := range demoLines() {
		for _, n := range l.sizes {
			out = append(out, newProduct(rng, l, n, fmt.Sprintf("%s%d", l.prefix, n)))
		}
	}
	if size == 0 {
		return out
	}
	lines := demoLines()
	for i := len(out); i < size; i++ {
		l := lines[i%len(lines)]
		out = append(out, newProduct(rng, l, int64(i), fmt.Sprintf("%sG%05d", l.prefix, i)))
	}
	return out[:size]
}

func newProduct(rng *rand.Rand, l line, n int64, code string) wire.Product {
	shown := fmt.Sprint(n)
	price := l.unit * n * int64(100-rng.IntN(4)) / 100
	price = max(price, 500)
	original := price * 13 / 10
	return wire.Product{
		Code: lenient.Text(code), Name: lenient.Text(strings.Replace(l.name, "%s", shown, 1)),
		Note: lenient.Text(strings.Replace(l.note, "%s", shown, 1)), Type: lenient.Text(l.kind),
		Brand: lenient.Text(l.brand), Category: lenient.Text(l.category),
		ImgURL: lenient.Text("https://assets.rumahotp.com/h2h/" + l.category + "/" + l.brand + "/" + l.kind + ".webp"),
		Price:  lenient.Int(price), PriceInfo: &wire.PriceInfo{Original: lenient.Int(original), Discount: lenient.Int(price), DiscountPercent: 30},
	}
}
