package wire_test

import (
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

func TestForeignAmountsAreDecodedWithoutLoss(t *testing.T) {
	t.Parallel()
	d, err := wire.DecodeDeposit(read(t, "deposit_v2_create"))
	require.NoError(t, err)
	require.EqualValues(t, "usdt-polygon", d.Method)
	for said, want := range map[wire.Decimal]string{d.Currency.V.Total: "301/100", d.Currency.V.Fee: "1/50", d.Currency.V.Diterima: "299/100"} {
		r, ok := said.Rat()
		require.True(t, ok)
		require.Equal(t, want, r.RatString())
	}
	require.EqualValues(t, "3.01000000", d.Currency.V.Total, "as it was written")
	for _, odd := range []string{`"1e9"`, `"3,01"`, `".5"`, `"5."`, `"+1"`, `"0x1"`, `"NaN"`, `"01"`, `true`, `[]`, `"1 "`} {
		var v wire.Decimal
		require.Error(t, json.Unmarshal([]byte(odd), &v), odd)
	}
	_, ok := wire.Decimal("").Rat()
	require.False(t, ok, "nothing was said")
	odd, err := wire.DecodeDeposit([]byte(`{"success":true,"data":{"id":"R","qr_string":"q","currency":{"total":"1e3"},"total":2}}`))
	require.NoError(t, err)
	require.Nil(t, odd.Currency.V, "it decides nothing")
}

func TestDecimalsAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?`).Draw(t, "decimal")
		want, ok := new(big.Rat).SetString(text)
		require.True(t, ok)
		for _, body := range []string{text, `"` + text + `"`} {
			var d wire.Decimal
			require.NoError(t, json.Unmarshal([]byte(body), &d))
			got, ok := d.Rat()
			require.True(t, ok)
			require.Zero(t, want.Cmp(got))
			require.EqualValues(t, text, d)
		}
	})
}

func TestEitherVersionOfADepositIsRead(t *testing.T) {
	t.Parallel()
	v1, err := wire.ReadDeposit(read(t, "deposit_v1_create"))
	require.NoError(t, err)
	require.Equal(t, &wire.Payment{
		ID: "RO202511091637506040", Status: wire.DepositPending, Method: "qris", Diterima: 2000, Fee: 112, Total: 2112, QR: "...",
		Expires: time.UnixMilli(1762703871947).UTC(),
	}, v1)
	v2, err := wire.ReadDeposit(read(t, "deposit_v2_create"))
	require.NoError(t, err)
	require.Equal(t, "usdt-polygon", v2.Method)
	require.Equal(t, []int64{50000, 376, 50376}, []int64{v2.Diterima, v2.Fee, v2.Total})
	s1, err := wire.ReadDepositStatus(read(t, "deposit_v1_status"))
	require.NoError(t, err)
	require.Equal(t, wire.DepositPending, s1.Status)
	require.Zero(t, s1.Total)
	require.Equal(t, v1.Expires, s1.Expires)
	s2, err := wire.ReadDepositStatus(read(t, "deposit_v2_status"))
	require.NoError(t, err)
	require.Equal(t, wire.DepositSuccess, s2.Status)
	require.Equal(t, []int64{2000, 112, 2112}, []int64{s2.Diterima, s2.Fee, s2.Total})
	require.Equal(t, "DANA NOBU / MU************", s2.Payer)
	local, err := wire.ReadDepositStatus([]byte(`{"success":true,"data":{"id":"R","status":"pending","expired_at":"2025-11-09 22:57:51"}}`))
	require.NoError(t, err)
	require.Equal(t, "2025-11-09T15:57:51Z", local.Expires.Format(time.RFC3339), "local times are WIB")
}

func TestADepositWhoseAmountsAreOddIsMalformed(t *testing.T) {
	t.Parallel()
	for _, amounts := range []string{
		`"total":2112,"fee":112,"diterima":2001`, `"total":0,"fee":0,"diterima":0`, `"total":-1,"fee":0,"diterima":-1`, `"total":1,"fee":-1,"diterima":2`,
		`"total":"2.112","fee":112,"diterima":2000`, `"total":2112.5,"fee":112.5,"diterima":2000`, `"fee":112,"diterima":2000`,
		`"total":-9223372036854775808,"fee":1,"diterima":9223372036854775807`,
		`"total":9223372036854775807,"fee":9223372036854775807,"diterima":-9223372036854775808`,
	} {
		_, err := wire.ReadDeposit([]byte(`{"success":true,"data":{"id":"R","status":"pending","qr_string":"q",` + amounts + `}}`))
		require.ErrorIs(t, err, wire.ErrMalformed, amounts)
	}
	_, err := wire.ReadDepositStatus([]byte(`{"success":true,"data":{"id":"R","status":"success","total":2112,"fee":112,"diterima":2112}}`))
	require.ErrorIs(t, err, wire.ErrMalformed)
}

func TestWordsOfADeposit(t *testing.T) {
	t.Parallel()
	for in, want := range map[lenient.Text]wire.Status{
		" Success ": wire.DepositSuccess, "sukses": wire.DepositSuccess, "paid": wire.DepositSuccess, "PENDING": wire.DepositPending,
		"cancel": wire.DepositCancel, "Canceled": wire.DepositCancel, "cancelled": wire.DepositCancel, "expired": wire.DepositExpired, "dancing": "dancing",
	} {
		require.Equal(t, want, wire.DepositStatusOf(in), in)
	}
}

func TestWordsOfACheck(t *testing.T) {
	t.Parallel()
	for status, want := range map[lenient.Text][2]bool{"valid": {true, true}, " Valid ": {true, true}, "INVALID": {false, true}, "maybe": {false, false}} {
		c := wire.Checked{Status: status}
		valid, known := c.Valid()
		require.Equal(t, want, [2]bool{valid, known}, status)
	}
}

func FuzzDeposits(f *testing.F) {
	for _, name := range []string{"deposit_v1_create", "deposit_v2_create", "deposit_v1_status", "deposit_v2_status", "deposit_v1_cancel", "failure_message"} {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, decode := range []func([]byte) (*wire.Payment, error){wire.ReadDeposit, wire.ReadDepositStatus} {
			p, err := decode(body)
			if err != nil {
				if _, refused := wire.AsRefusal(err); !refused {
					require.ErrorIs(t, err, wire.ErrMalformed)
				}
				continue
			}
			require.NotEmpty(t, p.ID)
			require.Equal(t, p.Total, p.Diterima+p.Fee, "what was understood adds up")
		}
	})
}

func FuzzDecimal(f *testing.F) {
	f.Add([]byte(`"3.01000000"`))
	f.Add([]byte(`-0.5`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var d wire.Decimal
		if json.Unmarshal(body, &d) != nil || d == "" {
			return
		}
		r, ok := d.Rat()
		require.True(t, ok)
		again, err := json.Marshal(d)
		require.NoError(t, err)
		var same wire.Decimal
		require.NoError(t, json.Unmarshal(again, &same))
		require.Equal(t, d, same)
		require.NotNil(t, r)
	})
}
