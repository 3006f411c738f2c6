package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Headers of a delivery (Standard Webhooks 1.0.0).
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

const (
	secretPrefix = "whsec_"
	// secretBytes is what we draw; secrets of other length, 24 to 64 bytes by the standard, sign as well.
	secretBytes = 32
)

var errSecret = errors.New("webhook: a secret is whsec_ and base64")

// newSecret draws a signing secret.
func newSecret() string {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return secretPrefix + base64.StdEncoding.EncodeToString(b)
}

// hint is what tells a person which secret it is.
func hint(secret string) string {
	tail := strings.TrimRight(secret, "=")
	return secretPrefix + "…" + tail[max(len(tail)-4, 0):]
}

// Sign gives the webhook-signature of a delivery: one signature a secret, in the
// order given, so that a receiver that knows any of them accepts it.
func Sign(id string, at time.Time, body []byte, secrets ...string) (string, error) {
	signed := make([]string, len(secrets))
	for i, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
		if err != nil || len(key) == 0 {
			return "", errSecret
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signed[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signed, " "), nil
}
