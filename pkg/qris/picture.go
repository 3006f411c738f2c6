package qris

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"

	"github.com/boombuler/barcode/qr"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

const (
	// quiet is the white border that scanners need, in modules.
	quiet = 4
	// pictureSize is about how many pixels wide a picture is.
	pictureSize = 480

	// maxPicture bounds a foreign picture in bytes, maxSide each of its sides in pixels.
	maxPicture = 2 << 20
	maxSide    = 2000
	minSide    = 21
)

// ErrNoCode: the picture shows no QR code that can be read.
var ErrNoCode = errors.New("qris: no QR code in the picture")

// PNG draws the QR code of a text, black on white with its border. The same text
// gives the same bytes.
func PNG(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("qris: draw: %w", err)
	}
	modules := code.Bounds().Dx()
	scale := max(pictureSize/(modules+2*quiet), 2)
	side := (modules + 2*quiet) * scale
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range modules {
		for x := range modules {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fill(img, (x+quiet)*scale, (y+quiet)*scale, scale)
			}
		}
	}
	var out bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("qris: draw: %w", err)
	}
	return out.Bytes(), nil
}

// fill blackens a square.
func fill(img *image.Paletted, x, y, side int) {
	for dy := range side {
		row := img.Pix[(y+dy)*img.Stride+x:]
		for dx := range side {
			row[dx] = 1
		}
	}
}

// FromPicture reads the text of the QR code in a picture (PNG, JPEG, or the first
// frame of a GIF) of at most 2 MiB and 2000 pixels a side.
func FromPicture(data []byte) (text string, err error) {
	img, err := decode(data)
	if err != nil {
		return "", err
	}
	defer func() {
		// The reader's arithmetic has not been proved against every picture.
		if recover() != nil {
			text, err = "", ErrNoCode
		}
	}()
	// A finder may be misled by what lies around it. The same picture turned, or
	// taken for nothing but a code, misleads it seldom twice.
	upright := gozxing.NewLuminanceSourceFromImage(onWhite(img))
	look := func(b gozxing.Binarizer, hint gozxing.DecodeHintType) bool {
		bitmap, failed := gozxing.NewBinaryBitmap(b)
		if failed != nil {
			return false
		}
		found, failed := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{hint: true})
		if failed == nil {
			text = found.GetText()
		}
		return text != ""
	}
	source := upright
	for range 4 {
		if look(gozxing.NewHybridBinarizer(source), gozxing.DecodeHintType_TRY_HARDER) {
			return text, nil
		}
		if source, err = source.RotateCounterClockwise(); err != nil {
			break
		}
	}
	if look(gozxing.NewHybridBinarizer(upright), gozxing.DecodeHintType_PURE_BARCODE) ||
		look(gozxing.NewGlobalHistgramBinarizer(upright), gozxing.DecodeHintType_TRY_HARDER) {
		return text, nil
	}
	return "", ErrNoCode
}

// decode measures a picture and then decodes it.
func decode(data []byte) (image.Image, error) {
	if len(data) > maxPicture {
		return nil, fmt.Errorf("qris: the picture has more than %d bytes", maxPicture)
	}
	for _, kind := range []struct {
		head   string
		config func(*bytes.Reader) (image.Config, error)
		decode func(*bytes.Reader) (image.Image, error)
	}{
		{
			"\x89PNG\r\n\x1a\n", func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) },
			func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) },
		},
		{
			"\xff\xd8", func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) },
			func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) },
		},
		{
			"GIF8", func(r *bytes.Reader) (image.Config, error) { return gif.DecodeConfig(r) },
			func(r *bytes.Reader) (image.Image, error) { return gif.Decode(r) },
		},
	} {
		if !bytes.HasPrefix(data, []byte(kind.head)) {
			continue
		}
		size, err := kind.config(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("qris: the picture cannot be read: %w", err)
		}
		if min(size.Width, size.Height) < minSide || max(size.Width, size.Height) > maxSide {
			return nil, fmt.Errorf("qris: a picture of %d × %d pixels is not read", size.Width, size.Height)
		}
		img, err := kind.decode(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("qris: the picture cannot be read: %w", err)
		}
		return img, nil
	}
	return nil, errors.New("qris: the picture is neither PNG, JPEG nor GIF")
}

// onWhite puts a picture on white paper with a border: what is transparent is
// white to a person, and scanners need the border that some pictures lack.
func onWhite(img image.Image) image.Image {
	const border = 16
	b := img.Bounds()
	paper := image.NewGray(image.Rect(0, 0, b.Dx()+2*border, b.Dy()+2*border))
	draw.Draw(paper, paper.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(paper, image.Rect(border, border, border+b.Dx(), border+b.Dy()), img, b.Min, draw.Over)
	return paper
}
