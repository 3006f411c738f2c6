package wire

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // their signature
	"crypto/sha1" //nolint:gosec // their webhooks' signature
	"encoding/hex"
	"strings"
)

// What is signed besides user name and key where a request has no reference and no
// customer of its own.
const (
	SignBalance = "depo"
	SignPrices  = "pricelist"
	SignDeposit = "deposit"
)

// Sign is a request's signature: md5 of user name, key and what the path asks for (a
// ref_id, a customer_no, or one of the words above), in hex.
func Sign(username, key, what string) string {
	sum := md5.Sum([]byte(username + key + what)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// Headers of a webhook. The signature is there only where a secret is set.
const (
	HeaderEvent     = "X-Digiflazz-Event"
	HeaderSignature = "X-Hub-Signature"
)

// The events and the senders of webhooks.
const (
	EventCreate   = "create"
	EventUpdate   = "update"
	AgentPrepaid  = "Digiflazz-Hookshot"
	AgentPostpaid = "Digiflazz-Pasca-Hookshot"
)

const hookScheme = "sha1="

// HookSignature is the X-Hub-Signature of a webhook's body.
func HookSignature(secret string, body []byte) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(body)
	return hookScheme + hex.EncodeToString(mac.Sum(nil))
}

// HookSigned tells whether a signature is that of the body, byte for byte as it came.
// Nothing is signed by an empty secret. It takes as long whatever differs.
func HookSigned(secret, signature string, body []byte) bool {
	if secret == "" {
		return false
	}
	want := HookSignature(secret, body)
	return hmac.Equal([]byte(want), []byte(strings.ToLower(strings.TrimSpace(signature))))
}
