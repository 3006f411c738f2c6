package qris_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/qris"
)

// scan reads a picture with a decoder that knows nothing of the one that drew it.
func scan(t require.TestingT, picture []byte) string {
	img, err := png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	require.NoError(t, err)
	got, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	require.NoError(t, err)
	return got.GetText()
}

func TestWhatIsDrawnCanBeScanned(t *testing.T) {
	t.Parallel()
	picture, err := qris.PNG(dynamic)
	require.NoError(t, err)
	require.Equal(t, dynamic, scan(t, picture))
	again, err := qris.PNG(dynamic)
	require.NoError(t, err)
	require.Equal(t, picture, again, "the same text gives the same bytes")
	size, err := png.DecodeConfig(bytes.NewReader(picture))
	require.NoError(t, err)
	require.Equal(t, size.Width, size.Height)
	require.GreaterOrEqual(t, size.Width, 300)
	require.Less(t, len(picture), 8<<10)

	_, err = qris.PNG(string(bytes.Repeat([]byte("x"), 5000)))
	require.Error(t, err, "more than a QR code holds")
}

func TestAnyCodeIsDrawnAndReadBack(t *testing.T) {
	t.Parallel()
	const samples = 60 // the decoder takes its time
	for seed := range samples {
		s, err := qris.Import(rapid.Custom(drawStatic).Example(seed))
		require.NoError(t, err)
		text, err := s.Dynamic(10_000 + int64(seed)*77_777)
		require.NoError(t, err)
		picture, err := qris.PNG(text)
		require.NoError(t, err)
		got, err := qris.FromPicture(picture)
		require.NoError(t, err, text)
		require.Equal(t, text, got)
	}
}

// drawn is the picture of the dynamic code.
func drawn(t *testing.T) image.Image {
	t.Helper()
	picture, err := qris.PNG(dynamic)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	return img
}

// put writes an image in a format.
func put(t *testing.T, write func(*bytes.Buffer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, write(&out))
	return out.Bytes()
}

func TestAGatewaysPictureIsRead(t *testing.T) {
	t.Parallel()
	img := drawn(t)
	b := img.Bounds()
	poster := image.NewRGBA(image.Rect(0, 0, b.Dx()+300, b.Dy()+500))
	draw.Draw(poster, poster.Bounds(), image.NewUniform(color.RGBA{R: 0xEE, G: 0xF4, B: 0xFF, A: 0xFF}), image.Point{}, draw.Src)
	draw.Draw(poster, image.Rect(150, 300, 150+b.Dx(), 300+b.Dy()), img, b.Min, draw.Src)
	seeThrough := image.NewNRGBA(b)
	for y := range b.Dy() {
		for x := range b.Dx() {
			if r, _, _, _ := img.At(x, y).RGBA(); r == 0 {
				seeThrough.Set(x, y, color.Black)
			}
		}
	}
	cropped := img.(*image.Paletted).SubImage(b.Inset(30))
	for name, data := range map[string][]byte{
		"png":         put(t, func(w *bytes.Buffer) error { return png.Encode(w, img) }),
		"jpeg":        put(t, func(w *bytes.Buffer) error { return jpeg.Encode(w, img, &jpeg.Options{Quality: 60}) }),
		"gif":         put(t, func(w *bytes.Buffer) error { return gif.Encode(w, img, nil) }),
		"poster":      put(t, func(w *bytes.Buffer) error { return png.Encode(w, poster) }),
		"transparent": put(t, func(w *bytes.Buffer) error { return png.Encode(w, seeThrough) }),
		"no border":   put(t, func(w *bytes.Buffer) error { return png.Encode(w, cropped) }),
	} {
		got, err := qris.FromPicture(data)
		require.NoError(t, err, name)
		require.Equal(t, dynamic, got, name)
	}
}

func TestAPictureThatIsNoCodeIsRefused(t *testing.T) {
	t.Parallel()
	blank := put(t, func(w *bytes.Buffer) error { return png.Encode(w, image.NewGray(image.Rect(0, 0, 100, 100))) })
	_, err := qris.FromPicture(blank)
	require.ErrorIs(t, err, qris.ErrNoCode)
	whole := put(t, func(w *bytes.Buffer) error { return png.Encode(w, drawn(t)) })
	huge := put(t, func(w *bytes.Buffer) error {
		return png.Encode(w, image.NewPaletted(image.Rect(0, 0, 20_000, 100), color.Palette{color.White}))
	})
	tiny := put(t, func(w *bytes.Buffer) error { return png.Encode(w, image.NewGray(image.Rect(0, 0, 5, 5))) })
	for why, data := range map[string][]byte{
		"bytes":          make([]byte, 3<<20),
		"neither PNG":    []byte("<html>blocked</html>"),
		"pixels":         huge,
		"is not read":    tiny,
		"cannot be read": whole[:len(whole)/2],
		"picture cannot": whole[:20],
	} {
		_, err := qris.FromPicture(data)
		require.ErrorContains(t, err, why)
	}
}

func FuzzFromPicture(f *testing.F) {
	for _, text := range []string{dynamic, static, "x"} {
		picture, err := qris.PNG(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(picture)
	}
	f.Add([]byte("\xff\xd8\xff"))
	f.Add([]byte("GIF89a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if text, err := qris.FromPicture(data); err == nil && text == "" {
			t.Fatal("read nothing, and called it something")
		}
	})
}
