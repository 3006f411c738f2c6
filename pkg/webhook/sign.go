package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/webhook/standard"
)

// Headers of a delivery (Standard Webhooks 1.0.0).
const (
	HeaderID        = standard.HeaderID
	HeaderTimestamp = standard.HeaderTimestamp
	HeaderSignature = standard.HeaderSignature
)

const (
	secretPrefix = standard.SecretPrefix
	// secretBytes is what we draw; secrets of other length, 24 to 64 bytes by the standard, sign as well.
	secretBytes = 32
)

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

// Sign gives the webhook-signature of a delivery, see [standard.Sign].
func Sign(id string, at time.Time, body []byte, secrets ...string) (string, error) {
	return standard.Sign(id, at, body, secrets...)
}
