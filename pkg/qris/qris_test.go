package qris_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/qris"
)

const (
	static  = "00020101021126570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI5204481253033605802ID5911TOKO CONTOH6007JAKARTA61051234563041D84"
	dynamic = "00020101021226570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI52044812530336054061003475802ID5911TOKO CONTOH6007JAKARTA61051234563049AED"
)

func TestTheSumIsTheOneOfTheStandard(t *testing.T) {
	t.Parallel()
	require.Equal(t, "29B1", qris.Sum("123456789"))
}

func TestAStaticCodeBecomesOneForAnAmount(t *testing.T) {
	t.Parallel()
	s, err := qris.Import("\n" + static + " \n")
	require.NoError(t, err)
	require.Equal(t, qris.Code{Name: "TOKO CONTOH", City: "JAKARTA", NMID: "ID1020000000000", Summed: true}, s.Code)
	got, err := s.Dynamic(100_347)
	require.NoError(t, err)
	require.Equal(t, dynamic, got)
	c, err := qris.Read(got)
	require.NoError(t, err)
	require.Equal(t, &qris.Code{Dynamic: true, Amount: 100_347, Name: "TOKO CONTOH", City: "JAKARTA", NMID: "ID1020000000000", Summed: true}, c)
	for _, amount := range []int64{0, -1, 10_000_000_000_000} {
		_, err := s.Dynamic(amount)
		require.ErrorIs(t, err, qris.ErrAmount)
	}
}

// code puts fields together with their sum.
func code(t require.TestingT, fields ...string) string {
	var p qris.Payload
	for _, f := range fields {
		p = append(p, qris.Field{Tag: f[:2], Value: f[2:]})
	}
	text, err := p.Text()
	require.NoError(t, err)
	return text
}

// sound are the fields of a static code that lacks nothing.
func sound() []string {
	return []string{"0001", "0111", "260011ID.DANA.WWW", "524812", "53360", "58ID", "59TOKO 5802ID", "60JAKARTA"}
}

func TestATipIsLeftOutAndAValueIsNotMistakenForATag(t *testing.T) {
	t.Parallel()
	s, err := qris.Import(code(t, append(slices.Insert(sound(), 5, "5503", "561000", "5705"), "62070303A01")...))
	require.NoError(t, err)
	got, err := s.Dynamic(25_000)
	require.NoError(t, err)
	p, err := qris.Parse(got)
	require.NoError(t, err)
	var tags []string
	for _, f := range p {
		tags = append(tags, f.Tag)
	}
	require.Equal(t, []string{"00", "01", "26", "52", "53", "54", "58", "59", "60", "62", "63"}, tags)
	name, _ := p.Get(qris.TagName)
	require.Equal(t, "TOKO 5802ID", name)
}

func TestWhatIsReadMayBeAsTheWildHasIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want qris.Code
	}{
		"a wrong sum": {static[:len(static)-4] + "0000", qris.Code{Name: "TOKO CONTOH", City: "JAKARTA", NMID: "ID1020000000000"}},
		"no sum":      {static[:len(static)-8], qris.Code{Name: "TOKO CONTOH", City: "JAKARTA", NMID: "ID1020000000000"}},
		"a sum in lower case": {
			static[:len(static)-4] + "1d84", qris.Code{Name: "TOKO CONTOH", City: "JAKARTA", NMID: "ID1020000000000", Summed: true},
		},
		"static with an amount": {code(t, "0001", "0111", "54100003.00"), qris.Code{Amount: 100_003, Summed: true}},
		"no initiation":         {code(t, "0001", "545000"), qris.Code{Amount: 5_000, Dynamic: true, Summed: true}},
		"a long name":           {code(t, "0001", "0112", "59"+strings.Repeat("N", 44)), qris.Code{Name: strings.Repeat("N", 44), Dynamic: true, Summed: true}},
		"lengths in characters": {"000201" + "5904CAFÉ" + "5802ID", qris.Code{Name: "CAFÉ"}},
		"lengths in bytes":      {"000201" + "5905CAFÉ" + "5802ID", qris.Code{Name: "CAFÉ"}},
	} {
		got, err := qris.Read(c.text)
		require.NoError(t, err, name)
		require.Equal(t, &c.want, got, name)
	}
}

func TestWhatIsNoQRISIsNotRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "x", "0002", "00020", "0002011", "000201590", "00020159", "0002015999SHORT", "0x657DfFE6Cd343dC21645b221f8cC2AAc6A8fc20A",
		"https://provider.example/qr/1", "5802ID000201", "0003012", "000201\xff", strings.Repeat("0", 3000),
	} {
		_, err := qris.Read(text)
		require.ErrorIs(t, err, qris.ErrMalformed, "%q", text)
	}
	for _, amount := range []string{"0", "1.5", "1,5", "-5", "1e3", " 5", "", "12345678901234"} {
		_, err := qris.Read(code(t, "0001", "54"+amount))
		require.ErrorIs(t, err, qris.ErrAmount, "%q", amount)
	}
}

func TestAnOwnCodeIsImportedOnlyWhenItIsSound(t *testing.T) {
	t.Parallel()
	_, err := qris.Import(code(t, sound()...))
	require.NoError(t, err)
	change := func(i int, field string) []string {
		f := sound()
		f[i] = field
		return f
	}
	for why, text := range map[string]string{
		"should be":      static[:len(static)-4] + "1D85",
		"lost or":        strings.Replace(static, "TOKO CONTOH", "TOKO CANTOH", 1),
		"with its sum":   static[:len(static)-8],
		"ASCII":          code(t, change(6, "59CAFÉ")...),
		"twice":          code(t, append(sound(), "59OTHER")...),
		"cannot be read": code(t, change(2, "26garbage")...),
		"no payee":       code(t, slices.Delete(sound(), 2, 3)...),
		"tag 01":         dynamic,
		"tag 53":         code(t, change(4, "53840")...),
		"tag 58":         code(t, change(5, "58SG")...),
		"tag 00":         code(t, change(0, "0002")...),
		"amount already": code(t, slices.Insert(sound(), 5, "545000")...),
		"four digits":    code(t, change(3, "5248")...),
		"tag 59":         code(t, change(6, "59 ")...),
		"tag 60":         code(t, slices.Delete(sound(), 7, 8)...),
		"begin with":     code(t, slices.Insert(slices.Delete(sound(), 0, 1), 1, "0001")...),
		"not a QRIS":     "hello",
	} {
		_, err := qris.Import(text)
		require.ErrorContains(t, err, why)
	}
	_, err = qris.Import(strings.Replace(static, "1D84", "1d84", 1))
	require.ErrorContains(t, err, "should be")
}

func TestAFieldThatCannotBeWrittenIsRefused(t *testing.T) {
	t.Parallel()
	for _, f := range []qris.Field{{"5", "x"}, {"5a", "x"}, {"590", "x"}, {"59", strings.Repeat("x", 100)}} {
		_, err := qris.Payload{f}.Text()
		require.Error(t, err)
	}
}

// drawStatic draws a sound static code.
func drawStatic(t *rapid.T) string {
	value := func(name string, most int) string {
		return rapid.StringMatching(fmt.Sprintf(`[A-Z0-9][A-Z0-9 .]{0,%d}`, most-1)).Draw(t, name)
	}
	fields := []string{"0001", "0111"}
	for _, tag := range []string{"26", "27", "45"} {
		if tag == "26" || rapid.Bool().Draw(t, "has "+tag) {
			host := value("host", 20)
			fields = append(fields, fmt.Sprintf("%s00%02d%s", tag, len(host), host))
		}
	}
	fields = append(fields, "52"+rapid.StringMatching(`[0-9]{4}`).Draw(t, "mcc"), "53360")
	if rapid.Bool().Draw(t, "tip") {
		fields = append(fields, "5502", "56"+rapid.StringMatching(`[1-9][0-9]{0,4}`).Draw(t, "fixed"))
	}
	fields = append(fields, "58ID", "59"+value("name", 44), "60"+value("city", 15))
	if rapid.Bool().Draw(t, "postal") {
		fields = append(fields, "61"+rapid.StringMatching(`[0-9]{5}`).Draw(t, "code"))
	}
	return code(t, fields...)
}

func TestConvertingChangesNothingButTheAmount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := drawStatic(t)
		amount := rapid.Int64Range(1, 9_999_999_999_999).Draw(t, "amount")
		s, err := qris.Import(text)
		require.NoError(t, err)
		got, err := s.Dynamic(amount)
		require.NoError(t, err)
		before, err := qris.Parse(text)
		require.NoError(t, err)
		after, err := qris.Parse(got)
		require.NoError(t, err)
		moved := func(f qris.Field) bool { return slices.Contains([]string{"01", "54", "55", "56", "57", "63"}, f.Tag) }
		require.Equal(t, slices.DeleteFunc(slices.Clone(before), moved), slices.DeleteFunc(slices.Clone(after), moved))
		require.True(t, slices.IsSortedFunc(after, func(a, b qris.Field) int { return strings.Compare(a.Tag, b.Tag) }))
		raw, _ := after.Get(qris.TagAmount)
		require.Equal(t, strconv.FormatInt(amount, 10), raw)
		c, err := qris.Read(got)
		require.NoError(t, err)
		require.True(t, c.Dynamic && c.Summed)
		require.Equal(t, amount, c.Amount)
		_, tip := after.Get(qris.TagTip)
		require.False(t, tip)
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{static, dynamic, "0002015904CAFÉ", "000201", "63041D84", "0000", "5999x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := qris.Parse(text)
		if err != nil {
			return
		}
		if s, err := qris.Import(text); err == nil {
			if _, err := s.Dynamic(12_345); err != nil {
				t.Fatalf("imported and not convertible: %v", err)
			}
		}
		again, err := p.Text()
		if err != nil {
			return // lengths in characters may exceed what bytes can say
		}
		back, err := qris.Parse(again)
		if err != nil {
			t.Fatalf("written and not readable: %q: %v", again, err)
		}
		sum := func(f qris.Field) bool { return f.Tag == qris.TagSum }
		if !slices.Equal(slices.DeleteFunc(slices.Clone(p), sum), slices.DeleteFunc(slices.Clone(back), sum)) {
			t.Fatalf("%v became %v", p, back)
		}
	})
}
