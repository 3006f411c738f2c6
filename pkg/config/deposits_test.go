package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
)

const staticQRIS = "00020101021126570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI5204481253033605802ID5911TOKO CONTOH6007JAKARTA61051234563041D84"

const threeUpstreams = `upstreams:
  - {name: one, driver: rumahotp, base_url: "https://one.test"}
  - {name: two, driver: rqid, base_url: "https://two.test"}
  - {name: three, driver: rumahotp, base_url: "https://three.test", provides: [otp]}
`

func TestDepositsHaveGatewaysByThemselves(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(threeUpstreams+"deposits: {static_qris: {payload_file: /qris}}"), source(nil, map[string]string{"/qris": staticQRIS + "\n"}))
	require.NoError(t, err)
	require.Equal(t, []config.DepositGateway{{Name: "one", FeeBy: "merchant"}, {Name: "static-qris", FeeBy: "merchant"}}, c.Deposits.Gateways)
	require.Equal(t, staticQRIS, c.Deposits.StaticQRIS.Payload)
	require.EqualValues(t, 10_000, c.Deposits.Min)
	require.EqualValues(t, 10_000_000, c.Deposits.Max)
	require.Equal(t, 12*time.Second, c.Deposits.Patience)

	c, err = config.Parse([]byte(threeUpstreams), source(map[string]string{
		"MUARA_DEPOSITS_MIN": "20000", "MUARA_DEPOSITS_GATEWAYS": "x", "MUARA_DEPOSITS_STATIC_QRIS": "y",
	}, nil))
	require.NoError(t, err)
	require.EqualValues(t, 20_000, c.Deposits.Min)
	require.Len(t, c.Deposits.Gateways, 1, "what is no single value is not taken from the environment")
}

func TestDepositGatewaysAreWhatThereIs(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(threeUpstreams+`deposits:
  min: 5000
  gateways: [{name: dana, fee_bp: 70, fee_by: us}, {name: one, fee_bp: 30, fee_fixed: 750}]
  static_qris: {payload: "`+staticQRIS+`", name: dana, codes: 50, life: 10m}`), source(nil, nil))
	require.NoError(t, err)
	require.Equal(t, []config.DepositGateway{{Name: "dana", FeeBP: 70, FeeBy: "us"}, {Name: "one", FeeBP: 30, FeeFixed: 750, FeeBy: "merchant"}}, c.Deposits.Gateways)

	_, err = config.Parse([]byte(threeUpstreams+`deposits:
  min: -1
  max: 0
  patience: 1m
  gateways:
    - {name: two}
    - {name: three}
    - {name: one, fee_bp: 20000, fee_fixed: -1, fee_by: nobody}
    - {name: one}
    - {name: static-qris}
    - {name: sandbox}
  static_qris: {payload: "", codes: 100000, life: 1s}`), source(nil, nil))
	require.Error(t, err)
	for _, want := range []string{
		"deposits.min: must be from 1 to", "deposits.patience: must be from 1s to 15s",
		`gateways[0].name: upstream "two" makes no invoices`, `gateways[1].name: upstream "three" makes no invoices, or does not provide`,
		"gateways[2].fee_bp: must", "gateways[2].fee_fixed: must", `gateways[2].fee_by: must be one of merchant, us`,
		`gateways[3].name: "one" is there twice`, `gateways[4].name: "static-qris" is neither`, `gateways[5].name: "sandbox" is a source of the test mode`,
		"static_qris.codes: must", "static_qris.life: must",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = config.Parse([]byte(`deposits: {static_qris: {payload: "`+strings.Replace(staticQRIS, "TOKO", "TAKO", 1)+`", name: X}}`), source(nil, nil))
	require.ErrorContains(t, err, "static_qris.payload: qris: its sum is")
	require.ErrorContains(t, err, "static_qris.name: must be 1 to 31")
	_, err = config.Parse([]byte(threeUpstreams+`deposits: {static_qris: {payload: "`+staticQRIS+`", name: one}}`), source(nil, nil))
	require.ErrorContains(t, err, "is there twice")
	_, err = config.Parse([]byte(threeUpstreams+`deposits: {static_qris: {payload: "`+staticQRIS+`", name: two}}`), source(nil, nil))
	require.ErrorContains(t, err, "static_qris.name: \"two\" is an upstream's already")
	_, err = config.Parse([]byte(`deposits: {static_qris: {payload: "`+staticQRIS+`", payload_file: /qris}}`), source(nil, map[string]string{"/qris": "x"}))
	require.ErrorContains(t, err, "given twice")
}
