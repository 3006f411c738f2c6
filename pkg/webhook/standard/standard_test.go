package standard_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/webhook/standard"
)

// The published vector of the standard's libraries, computed anew.
const (
	secret    = "whsec_plJ3nmyCDGBKInavdOK15jsl"
	id        = "msg_loFOjxBNrRLzqYUf"
	stamp     = 1731705121
	body      = `{"event_type":"ping","data":{"success":true}}`
	signature = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
)

func header(id, at, signature string) http.Header {
	h := http.Header{}
	h.Set(standard.HeaderID, id)
	h.Set(standard.HeaderTimestamp, at)
	h.Set(standard.HeaderSignature, signature)
	return h
}

func TestTheVector(t *testing.T) {
	t.Parallel()
	got, err := standard.Sign(id, time.Unix(stamp, 0), []byte(body), secret)
	require.NoError(t, err)
	require.Equal(t, signature, got)
}

func TestOnlyWhatWasSignedVerifies(t *testing.T) {
	t.Parallel()
	now, at := time.Unix(stamp, 0), strconv.Itoa(stamp)
	other := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	two, err := standard.Sign(id, now, []byte(body), other, secret)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		header  http.Header
		body    string
		now     time.Time
		secrets []string
		err     error
	}{
		"as sent":                       {header(id, at, signature), body, now, []string{secret}, nil},
		"four minutes late":             {header(id, at, signature), body, now.Add(4 * time.Minute), []string{secret}, nil},
		"signed by two, one of them":    {header(id, at, two), body, now, []string{secret}, nil},
		"two known, signed by one":      {header(id, at, signature), body, now, []string{other, secret}, nil},
		"six minutes late":              {header(id, at, signature), body, now.Add(6 * time.Minute), []string{secret}, standard.ErrSignature},
		"six minutes early":             {header(id, at, signature), body, now.Add(-6 * time.Minute), []string{secret}, standard.ErrSignature},
		"another secret":                {header(id, at, signature), body, now, []string{other}, standard.ErrSignature},
		"another body":                  {header(id, at, signature), body + " ", now, []string{secret}, standard.ErrSignature},
		"another id":                    {header(id+"x", at, signature), body, now, []string{secret}, standard.ErrSignature},
		"another time":                  {header(id, strconv.Itoa(stamp+1), signature), body, now, []string{secret}, standard.ErrSignature},
		"a time written otherwise":      {header(id, "+"+at, signature), body, now, []string{secret}, standard.ErrSignature},
		"no id":                         {header("", at, signature), body, now, []string{secret}, standard.ErrSignature},
		"no signature":                  {header(id, at, ""), body, now, []string{secret}, standard.ErrSignature},
		"a signature without a version": {header(id, at, signature[3:]), body, now, []string{secret}, standard.ErrSignature},
		"a secret that is none":         {header(id, at, signature), body, now, []string{"whsec_%"}, standard.ErrSecret},
		"no secret":                     {header(id, at, signature), body, now, nil, standard.ErrSignature},
	} {
		require.ErrorIs(t, standard.Verify(c.header, []byte(c.body), c.now, c.secrets...), c.err, name)
	}
}
