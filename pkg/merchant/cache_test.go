package merchant

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sumOf(n int) [sha256.Size]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func TestBothMemoriesAreBounded(t *testing.T) {
	t.Parallel()
	c := newIdentityCache()
	now := time.Unix(0, 0)
	for n := range maxRemembered + 100 {
		c.put(sumOf(n), nil, c.generation(), now)
		c.put(sumOf(-n-1), &Identity{KeyID: int64(n)}, c.generation(), now)
	}
	require.LessOrEqual(t, len(c.unknown), maxRemembered)
	require.LessOrEqual(t, len(c.known), maxRemembered)
	id, known := c.get(sumOf(-maxRemembered-100), now)
	require.True(t, known)
	require.EqualValues(t, maxRemembered+99, id.KeyID, "the newest stays")
}

func TestAnAnswerThatWasAskedForBeforeAChangeIsNotRemembered(t *testing.T) {
	t.Parallel()
	c := newIdentityCache()
	now := time.Unix(0, 0)
	asked := c.generation()
	c.forget("MRA-M-X") // the change comes while the question is on its way
	c.put(sumOf(1), &Identity{MerchantID: "MRA-M-X"}, asked, now)
	_, known := c.get(sumOf(1), now)
	require.False(t, known)
	c.put(sumOf(1), &Identity{MerchantID: "MRA-M-X"}, c.generation(), now)
	_, known = c.get(sumOf(1), now)
	require.True(t, known)
}

func TestAKeyThatWasUnknownIsAskedForAgainWhenAMerchantChanged(t *testing.T) {
	t.Parallel()
	c := newIdentityCache()
	now := time.Unix(0, 0)
	c.put(sumOf(1), nil, c.generation(), now)
	c.put(sumOf(2), &Identity{MerchantID: "MRA-M-Y"}, c.generation(), now)
	c.forget("MRA-M-X")
	_, known := c.get(sumOf(1), now)
	require.False(t, known, "it may be the new key")
	_, known = c.get(sumOf(2), now)
	require.True(t, known)
}
