package callback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
)

// Path is what the address of a callback begins with; a token follows.
const Path = "/callback/"

// Token is the secret part of a source's address: 32 characters that nobody can guess
// and that name nobody. Another turn gives another one.
func Token(key []byte, upstream string, turn int) string {
	mac := hmac.New(sha256.New, key)
	// The length keeps a name and a turn from reading as another name's.
	mac.Write([]byte("callback\x00" + strconv.Itoa(len(upstream)) + "\x00" + upstream + "\x00" + strconv.Itoa(turn)))
	const bytes = 24
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:bytes])
}
