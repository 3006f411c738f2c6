// Package standard signs and verifies webhooks as Standard Webhooks 1.0.0 has it, for
// the side that sends them and the side that receives them alike. It has no other
// dependency than the standard library.
package standard

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers of a delivery.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// SecretPrefix begins every secret; base64 follows.
const SecretPrefix = "whsec_"

// tolerance is how far a delivery's time may be from its receiver's.
const tolerance = 5 * time.Minute

var (
	// ErrSecret says that a secret is not in the form of the standard.
	ErrSecret = errors.New("webhook: a secret is whsec_ and base64")
	// ErrSignature says that a delivery was not signed with the secret, or not for these
	// bytes, or too long ago.
	ErrSignature = errors.New("webhook: the signature does not verify")
)

// Sign gives the webhook-signature of a delivery: one signature a secret, in the
// order given, so that a receiver that knows any of them accepts it.
func Sign(id string, at time.Time, body []byte, secrets ...string) (string, error) {
	signed := make([]string, len(secrets))
	for i, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, SecretPrefix))
		if err != nil || len(key) == 0 {
			return "", ErrSecret
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signed[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signed, " "), nil
}

// Verify checks a delivery as its receiver: the id, the time and the exact bytes are
// signed with one of the secrets, within five minutes of now. Its errors are
// [ErrSignature] and [ErrSecret].
func Verify(h http.Header, body []byte, now time.Time, secrets ...string) error {
	id, seconds := h.Get(HeaderID), h.Get(HeaderTimestamp)
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || id == "" || strconv.FormatInt(unix, 10) != seconds {
		return ErrSignature
	}
	at := time.Unix(unix, 0)
	if now.Sub(at).Abs() > tolerance {
		return ErrSignature
	}
	for _, secret := range secrets {
		want, err := Sign(id, at, body, secret)
		if err != nil {
			return err
		}
		for got := range strings.FieldsSeq(h.Get(HeaderSignature)) {
			if hmac.Equal([]byte(got), []byte(want)) {
				return nil
			}
		}
	}
	return ErrSignature
}
