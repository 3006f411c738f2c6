package intake

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/upstream"
)

func ppobItem(t require.TestingT, o upstream.Offer, forbidden ...string) *item {
	o.Category = "ppob"
	if o.Code == "" {
		o.Code = "X1"
	}
	if o.Cost == 0 {
		o.Cost = 1000
	}
	it := (&converter{clean: newCleaner(forbidden), brands: newBrands()}).item(&o, "", "", "")
	require.NotNil(t, it)
	return it
}

func TestASKUTellsBrandCountryAndNominal(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, brand, group, kind, sku, display string }{
		{"Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games", "", "MLID10", "Mobile Legends 10 Diamond"},
		{"50 Diamond", "freefire", "game", "", "FFID50", "Free Fire 50 Diamond"},
		{"INDOSAT SMS 5.000", "INDOSAT", "PULSA", "prepaid", "ISATIDSMS5K", "Indosat SMS 5.000"},
		{"INDOSAT 5.000", "INDOSAT", "PULSA", "prepaid", "ISATID5K", "Indosat 5.000"},
		{"Telkomsel Data 5 GB 30 Hari", "TELKOMSEL", "Data", "", "TSELIDDATA5GB30H", "Telkomsel Data 5 GB 30 Hari"},
		{"Token PLN 20rb", "PLN", "PLN", "", "PLNID20K", "Token PLN 20rb"},
		{"PLN Pascabayar", "PLN", "Tagihan", "postpaid", "PLNIDPASCA", "PLN Pascabayar"},
		{"BPJS Kesehatan", "BPJS KESEHATAN", "Tagihan", "postpaid", "BPJSIDPASCA", "BPJS Kesehatan"},
		{"Telkom Speedy", "TELKOM", "Tagihan", "postpaid", "TLKMIDSPEEPASCA", "Telkom Speedy"},
		{"XL Data 1,5GB", "XL", "Data", "", "XLIDDATA1P5GB", "XL Data 1,5GB"},
		{"Weekly Diamond Pass", "MOBILE LEGENDS", "Games", "", "MLIDWEEKPASS", "Mobile Legends Weekly Diamond Pass"},
		{"Voucher 1.000.000", "Some Brand Ltd", "Voucher", "", "SBLID1M", "Some Brand Ltd Voucher 1.000.000"},
	} {
		it := ppobItem(t, upstream.Offer{Name: tc.name, Brand: tc.brand, Group: tc.group, Type: tc.kind})
		require.Equal(t, tc.sku, it.stem, tc.name)
		require.Equal(t, tc.display, it.name)
	}
	require.Equal(t, "OTPTGID", otpStem("tg", "ID", 1))
	require.Equal(t, "OTPTGID2", otpStem("tg", "ID", 2))
	require.Equal(t, "MLID10V2", variant("live", "MLID10", 2))
	require.Equal(t, "TESTMLID10", variant("test", "MLID10", 1))
}

func TestTheSameThingHasOneKeyHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	key := func(name, brand, group string) string {
		return ppobItem(t, upstream.Offer{Name: name, Brand: brand, Group: group}).matchKey
	}
	require.Equal(t, key("Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games"), key("10 Diamonds", "mobilelegend", "game"))
	require.Equal(t, key("INDOSAT 5.000", "INDOSAT", "PULSA"), key("Indosat 5rb", "Indosat Ooredoo", "Pulsa"))
	require.Equal(t, key("Pulsa Tri Rp5.000", "TRI", "Pulsa"), key("Tri 5.000", "three", "PULSA"))
	require.Equal(t, key("DANA TopUp Rp10.000", "DANA", "E-Money"), key("DANA 10.000", "DANA", "ewallet"))
	require.NotEqual(t, key("Tri Pulsa 5.000", "TRI", "Paket Data"), key("Tri 5.000", "TRI", "Paket Data"))
	for name, other := range map[string]string{
		"another nominal": key("Mobile Legends 12 Diamond", "MOBILE LEGENDS", "Games"),
		"another word":    key("Mobile Legends 10 Diamond Promo", "MOBILE LEGENDS", "Games"),
		"another group":   key("Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Voucher"),
		"another brand":   key("10 Diamond", "FREE FIRE", "Games"),
	} {
		require.NotEqual(t, key("Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games"), other, name)
	}
	require.Empty(t, key("Mobile Legends Weekly", "MOBILE LEGENDS", "Games"), "without a nominal nothing is proved equal")
	require.Empty(t, key("Pulsa 5.000", "", "Pulsa"), "nor without a brand")
	zone := ppobItem(t, upstream.Offer{Name: "10 Diamond", Brand: "ML", Group: "Games", Inputs: []upstream.Input{{Name: "zone_id", Required: true}}})
	require.NotEqual(t, ppobItem(t, upstream.Offer{Name: "10 Diamond", Brand: "ML", Group: "Games"}).matchKey, zone.matchKey)
	require.Len(t, zone.inputs, 2)
}

func TestANameIsReadAsWordsAndNumbers(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"5.000":          "5000",
		"5,000,000 x":    "5000000 x",
		"1.5GB":          "1.5 gb",
		"1,5 GB":         "1.5 gb",
		"10rb":           "10000",
		"2 jt":           "2000000",
		"5kg":            "5 kg",
		"007":            "7",
		"5.0000":         "5.0000",
		"1000.000":       "1000000",
		"12 Diamonds+3":  "12 3 diamond",
		"Rp 25.000 - 30": "25000 30 rp",
		"":               "",
		"«»":             "",
	} {
		require.Equal(t, want, split(name).key(), name)
	}
}

func TestAStemIsAlwaysASKU(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[A-Z0-9]{3,20}$`)
	rapid.Check(t, func(t *rapid.T) {
		o := upstream.Offer{
			Category: "ppob", Code: "C", Cost: 1, Name: rapid.String().Draw(t, "name"), Brand: rapid.String().Draw(t, "brand"),
			Group: rapid.String().Draw(t, "group"), CountryISO: rapid.SampledFrom([]string{"", "id", "SG", "???"}).Draw(t, "iso"),
			Type: rapid.SampledFrom([]string{"", "prepaid", "postpaid"}).Draw(t, "type"),
		}
		cv := &converter{clean: newCleaner([]string{"rumahotp"}), brands: newBrands()}
		it := cv.item(&o, "", "", "")
		if it == nil {
			return
		}
		require.Regexp(t, form, it.stem)
		require.NotEmpty(t, it.name)
		require.NotContains(t, strings.ToLower(it.name), "rumahotp")
		again := cv.item(&o, "", "", "")
		require.Equal(t, it, again, "the rule has no memory")
	})
}

func TestServicesGetShortCodes(t *testing.T) {
	t.Parallel()
	known := knownServices()
	free := func(string) bool { return false }
	require.Equal(t, "tg", serviceCode(known, "Telegram", free))
	require.Equal(t, "wa", serviceCode(known, "WhatsApp", free))
	require.Equal(t, "hf", serviceCode(known, "HappyFresh", free))
	require.Equal(t, "bb", serviceCode(known, "Black Book", free))
	require.Equal(t, "zn", serviceCode(known, "Zenly", free))
	require.Equal(t, "aa", serviceCode(known, "微信", free))
	taken := map[string]bool{}
	for range 800 { // more than there are pairs of letters
		code := serviceCode(known, "Telegram", func(c string) bool { return taken[c] })
		require.Regexp(t, `^[a-z]{2,3}$`, code)
		require.False(t, taken[code])
		taken[code] = true
	}
}

func TestNoTextNamesASource(t *testing.T) {
	t.Parallel()
	c := newCleaner([]string{"RumahOTP", "rumahotp-1", "rqid", "xx", "rqid"})
	require.Len(t, c.words, 3)
	for said, want := range map[string]string{
		"Telegram":                           "Telegram",
		"RumahOTP Telegram":                  "Telegram",
		"Telegram - rumah otp":               "Telegram",
		"Pulsa 5.000 (RQID)":                 "Pulsa 5.000",
		"Diamond www.rumahotp.com":           "Diamond",
		"Diamond https://x.example/a?b=c 10": "Diamond 10",
		"a\x00b\nc":                          "a b c",
		"Order at t.me/someone now":          "Order at now",
		"r u m a h o t p":                    "",
		"RÜMAHOTP":                           "RÜMAHOTP",
		strings.Repeat("x", 500):             strings.Repeat("x", maxName),
	} {
		require.Equal(t, want, c.name(said), said)
	}
	for _, doubtful := range []string{
		"Powered by Rumah-OTP", "see https://x.example", "hubungi WA 0812 3456 7890", "<b>x</b>", "mail a@b.example", "CS: 081234567890", "x\xff", "",
	} {
		require.Empty(t, c.description(doubtful), doubtful)
	}
	require.Equal(t, "50 Diamond untuk pemain Indonesia", c.description(" 50 Diamond untuk pemain Indonesia\r\n"))
	it := ppobItem(t, upstream.Offer{
		Name: "10 Diamond", Brand: "rqid", Group: "Games", Description: "10 diamond",
		Inputs: []upstream.Input{{Name: "customer_no", Label: "rqid number", Example: "https://rqid.example"}},
	}, "rqid")
	require.Equal(t, "GAMES", it.brand)
	require.Empty(t, it.description, "which only repeats the name")
	require.Equal(t, "number", it.inputs[0].Label)
	require.Empty(t, it.inputs[0].Example)
	require.Equal(t, "PRDID", ppobItem(t, upstream.Offer{Name: "ab10", Brand: "AB", Group: "x"}, "abid").stem)
}
