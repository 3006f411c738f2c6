package seal_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/seal"
)

func sealer(t testing.TB) *seal.Sealer {
	t.Helper()
	key := make([]byte, seal.KeySize)
	_, _ = rand.Read(key)
	s, err := seal.New(key)
	require.NoError(t, err)
	return s
}

func TestWhatIsSealedOpensForItsContextOnly(t *testing.T) {
	t.Parallel()
	s := sealer(t)
	for _, plain := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("user@example.com:secret\n"), 1000)} {
		sealed := s.Seal(plain, "stock")
		if len(plain) > 0 {
			require.NotContains(t, string(sealed), string(plain))
		}
		opened, err := s.Open(sealed, "stock")
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, opened))
		_, err = s.Open(sealed, "stoc")
		require.ErrorIs(t, err, seal.ErrOpen)
		_, err = sealer(t).Open(sealed, "stock")
		require.ErrorIs(t, err, seal.ErrOpen, "another key")
	}
}

func TestTheSameTextIsNeverSealedAlike(t *testing.T) {
	t.Parallel()
	s := sealer(t)
	first, second := s.Seal([]byte("a"), "c"), s.Seal([]byte("a"), "c")
	require.NotEqual(t, first, second)
}

func TestAChangedByteDoesNotOpen(t *testing.T) {
	t.Parallel()
	s := sealer(t)
	sealed := s.Seal([]byte("content"), "stock")
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		_, err := s.Open(changed, "stock")
		require.ErrorIs(t, err, seal.ErrOpen, "byte %d", i)
	}
	for n := range sealed {
		_, err := s.Open(sealed[:n], "stock")
		require.ErrorIs(t, err, seal.ErrOpen, "%d bytes", n)
	}
}

func TestAKeyHas32Bytes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 24, 31, 33} {
		_, err := seal.New(make([]byte, n))
		require.Error(t, err, n)
	}
}

func FuzzOpen(f *testing.F) {
	s := sealer(f)
	f.Add(s.Seal([]byte("x"), "c"), "c")
	f.Add([]byte{1}, "")
	f.Fuzz(func(t *testing.T, sealed []byte, context string) {
		plain, err := s.Open(sealed, context)
		if err != nil {
			require.ErrorIs(t, err, seal.ErrOpen)
			require.Nil(t, plain)
		}
	})
}
