package catalog

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

func TestACodingIsChosenByWeight(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]Encoding{
		"":                              Identity,
		"gzip":                          Gzip,
		"GZIP":                          Gzip,
		"zstd":                          Zstd,
		"gzip, deflate, br":             Gzip,
		"gzip, deflate, br, zstd":       Zstd,
		"gzip;q=1.0, zstd;q=0.5":        Gzip,
		"gzip;q=0, zstd;q=0":            Identity,
		"*":                             Zstd,
		"*;q=0.1, zstd;q=0":             Gzip,
		"identity, gzip;q=0.5":          Identity,
		"identity;q=0.5, gzip":          Gzip,
		"gzip;q=x":                      Identity,
		"gzip;q=2":                      Identity,
		"gzip ; q=0.3 , zstd ; q=0.2,,": Gzip,
		"br":                            Identity,
	} {
		require.Equal(t, want, negotiate(accept), accept)
	}
}

func TestABodyIsTheSameInEveryCoding(t *testing.T) {
	t.Parallel()
	b := newBody(map[string]string{"text": strings.Repeat("harga & <tier> ", 100)})
	plain := b.Negotiate("")
	require.Equal(t, Identity, plain.Encoding)
	require.True(t, bytes.HasPrefix(plain.Bytes, []byte(`{"ok":true,"data":{"text":"harga & <tier> `)))
	gz := b.Negotiate("gzip")
	r, err := gzip.NewReader(bytes.NewReader(gz.Bytes))
	require.NoError(t, err)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, plain.Bytes, out)
	zs := b.Negotiate("zstd")
	d, err := zstd.NewReader(nil)
	require.NoError(t, err)
	defer d.Close()
	out, err = d.DecodeAll(zs.Bytes, nil)
	require.NoError(t, err)
	require.Equal(t, plain.Bytes, out)

	tags := map[string]bool{plain.ETag: true, gz.ETag: true, zs.ETag: true}
	require.Len(t, tags, 3, "a strong tag names the bytes")
	for accept, v := range map[string]Variant{"": plain, "gzip": gz, "zstd": zs} {
		require.Equal(t, v.ETag, b.ETag(accept))
		require.Regexp(t, `^"[A-Za-z0-9_-]+"$`, v.ETag)
	}
	again := newBody(map[string]string{"text": strings.Repeat("harga & <tier> ", 100)})
	require.Equal(t, plain.ETag, again.In(Identity).ETag, "the same content has the same tag in every process")
	other := newBody(map[string]string{"text": strings.Repeat("harga & <tier> ", 101)})
	require.NotEqual(t, plain.ETag, other.In(Identity).ETag)

	small := newBody(1)
	require.Equal(t, `{"ok":true,"data":1}`, string(small.Negotiate("zstd").Bytes))
	require.Equal(t, small.Negotiate("gzip").ETag, small.ETag("gzip"))
}

func TestIfNoneMatch(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		`"a"`: true, `"b", "a"`: true, `W/"a"`: true, `*`: true, `"b"`: false, ``: false, `a`: false,
	} {
		require.Equal(t, want, Matches(header, `"a"`), header)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCache(10_000)
	made := map[string]int{}
	get := func(key string, size int) *Body {
		return c.get(key, func() *Body {
			made[key]++
			return newBody(strings.Repeat("x", size))
		})
	}
	get("a", 2000)
	get("b", 2000)
	get("a", 2000)
	require.Equal(t, map[string]int{"a": 1, "b": 1}, made)
	get("c", 2000)
	get("a", 2000)
	get("d", 2000) // over the limit: b was used least recently
	get("a", 2000)
	require.Equal(t, 1, made["a"])
	get("b", 2000)
	require.Equal(t, 2, made["b"])
	require.LessOrEqual(t, c.bytes(), int64(10_000))
	huge := get("huge", 50_000)
	require.Equal(t, huge, get("huge", 0), "the newest stays, however big")
	before := c.bytes()
	huge.In(Gzip)
	require.Greater(t, c.bytes(), before, "codings count")
	get("a", 2000)
	require.Less(t, c.bytes(), int64(10_000))
	huge.In(Zstd) // let go meanwhile: counts no more
	require.Less(t, c.bytes(), int64(10_000))
}

func TestOneMakingForManyCallers(t *testing.T) {
	t.Parallel()
	c := newCache(1 << 20)
	var mu sync.Mutex
	made := map[string]int{}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			key := fmt.Sprint(i % 4)
			b := c.get(key, func() *Body {
				mu.Lock()
				made[key]++
				mu.Unlock()
				return newBody(strings.Repeat(key, 4096))
			})
			for _, e := range []Encoding{Gzip, Zstd, Identity} {
				require.NotEmpty(t, b.In(e).Bytes)
			}
		})
	}
	wg.Wait()
	require.Equal(t, map[string]int{"0": 1, "1": 1, "2": 1, "3": 1}, made)
}
