// Package seal encrypts what must not be readable in the database: premium product
// content and webhook secrets.
//
// Decisions that bind this package:
//
//   - AES-256-GCM with a random 96-bit nonce a value. Under one key that is sound for
//     2^32 values; a gateway that nears that number changes its key.
//   - The context (who or what the value belongs to) is authenticated, so that a sealed
//     value copied to another row or another purpose does not open.
//   - The first byte is the format, so that another algorithm or a second key can
//     come without touching what is stored.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// format1 is one byte of format, 12 of nonce, the ciphertext and 16 of tag.
const format1 = 1

// ErrOpen says that a value was not sealed with this key for this context, or was
// changed since. It never says which.
var ErrOpen = errors.New("seal: the value does not open")

// Sealer seals and opens under one key. It may be used by many at once.
type Sealer struct {
	aead cipher.AEAD
}

// New takes a key of [KeySize] bytes.
func New(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("seal: a key has %d bytes, not %d", KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &Sealer{aead: aead}, nil
}

// Seal encrypts plain for context. Two sealings of the same text differ.
func (s *Sealer) Seal(plain []byte, context string) []byte {
	head := 1 + s.aead.NonceSize()
	out := make([]byte, head, head+len(plain)+s.aead.Overhead())
	out[0] = format1
	_, _ = rand.Read(out[1:head]) // never fails, see crypto/rand
	return s.aead.Seal(out, out[1:head], plain, bound(out[0], context))
}

// Open gives back what was sealed for context, or [ErrOpen].
func (s *Sealer) Open(sealed []byte, context string) ([]byte, error) {
	head := 1 + s.aead.NonceSize()
	if len(sealed) < head+s.aead.Overhead() || sealed[0] != format1 {
		return nil, ErrOpen
	}
	plain, err := s.aead.Open(nil, sealed[1:head], sealed[head:], bound(sealed[0], context))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// bound is what is authenticated beside the text: the format too, so that a value
// cannot be passed off as one of another format.
func bound(format byte, context string) []byte {
	return append([]byte{format}, context...)
}
