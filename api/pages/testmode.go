package pages

import (
	"html/template"
	"strings"

	"github.com/muarahq/muara/docs"
)

// The values that choose an outcome are those of docs/test-mode.md, row by row; only their Indonesian words are
// here, and a test holds the two together.

type magicRow struct {
	Key   string
	Cells []template.HTML
}

// section gives a document's lines below a heading.
func section(text, heading string) []string {
	_, below, _ := strings.Cut("\n"+text, "\n## "+heading+"\n")
	below, _, _ = strings.Cut(below, "\n## ")
	return strings.Split(below, "\n")
}

// tableIn gives the rows of a section's table, without its head.
func tableIn(lines []string) [][]string {
	var rows [][]string
	for _, line := range lines {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows[min(2, len(rows)):]
}

// paragraphsIn gives the rest of a section.
func paragraphsIn(lines []string) string {
	var out []string
	for _, line := range lines {
		if !strings.HasPrefix(line, "|") {
			out = append(out, line)
		}
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

// magicDigits are what the last two digits choose.
func magicDigits(l Lang) []magicRow {
	return magic("By the digits", l, func(row []string) []string {
		t := digitTexts[row[0]]
		return []string{row[0], t[0], row[2], t[1]}
	})
}

// magicSKUs are what a SKU chooses.
func magicSKUs(l Lang) []magicRow {
	return magic("By the SKU", l, func(row []string) []string { return []string{row[0], skuTexts[skuKey(row[0])]} })
}

func magic(heading string, l Lang, indonesian func(row []string) []string) []magicRow {
	var out []magicRow
	for _, row := range tableIn(section(docs.TestMode, heading)) {
		if l == Indonesian {
			row = indonesian(row)
		}
		r := magicRow{Key: row[0]}
		for _, cell := range row {
			r.Cells = append(r.Cells, inline(cell))
		}
		out = append(out, r)
	}
	return out
}

// skuKey is the first SKU of a row's first cell.
func skuKey(cell string) string {
	parts := strings.Split(cell, "`")
	if len(parts) < 2 {
		return cell
	}
	return parts[1]
}

// magicRest is what test mode does with deposits, withdrawals and checks.
func magicRest(l Lang) template.HTML {
	if l == Indonesian {
		return prose(restText)
	}
	return prose(paragraphsIn(section(docs.TestMode, "Deposits, withdrawals, checks")))
}

// digitTexts are what happens and what becomes of the money, in Indonesian, by the digits.
//
//nolint:gochecknoglobals // a table; nobody changes it
var digitTexts = map[string][2]string{
	"01":     {"langsung berhasil", "terpakai"},
	"02":     {"berhasil setelah 5 detik", "terpakai"},
	"03":     {"gagal karena produknya", "dikembalikan"},
	"04":     {"gagal karena nomor pelanggannya", "dikembalikan"},
	"05":     {"menunggu 60 detik, lalu berhasil", "terpakai"},
	"06":     {"menunggu 60 detik, lalu gagal", "dikembalikan"},
	"07":     {"hasilnya mula-mula tidak diketahui; ternyata berhasil", "terpakai"},
	"08":     {"hasilnya mula-mula tidak diketahui; ternyata gagal", "dikembalikan"},
	"09":     {"langsung gagal, lalu berhasil setelah 30 detik: terlihat beberapa menit kemudian", "dikembalikan; sesudahnya menurut kebijakan layanan"},
	"10":     {"SMM: terkirim separuh", "separuh dikembalikan"},
	"11":     {"OTP: tidak ada kode sampai masa nomor habis, 5 menit", "dikembalikan"},
	"12":     {"dibatalkan oleh sumber", "dikembalikan"},
	"others": {"langsung berhasil", "terpakai"},
}

// skuTexts are what a SKU does, in Indonesian, by the first of its row.
//
//nolint:gochecknoglobals // likewise
var skuTexts = map[string]string{
	"TESTPULSA5":    "prabayar, masing-masing dengan serial number sejenisnya",
	"TESTML10":      "membutuhkan `zone_id`",
	"TESTPLNPASCA":  "tagihan: `POST /inquiry`, lalu `POST /order` dengan `ref` yang sama. Cek tagihan menuruti 03 (gangguan) dan 04 (`bill_not_found`); pembayaran menuruti sisanya",
	"TESTHANG":      "sumbernya tidak menjawab pada waktunya; tetap terkirim",
	"TESTREVERSE":   "selesai tanpa serial number; sumbernya menarik kembali setelah 30 detik, yang dilihat operator dan tidak tampak di order",
	"TESTLATESN":    "langsung selesai; serial number menyusul setelah 30 detik",
	"TESTPENDING":   "tetap `processing` sampai operator memutuskan",
	"TESTPRICE":     "gagal karena sumbernya meminta lebih dari harga yang terdaftar",
	"TESTCLOSED":    "tidak tersedia, satu untuk setiap `reason`",
	"TESTOTPTGID":   "nomor, dan `TESTOTPWAID2` yang stoknya habis",
	"TESTPREMIUM":   "produk premium: dikirim di dalam jawaban, dan yang stoknya habis",
	"TESTFOLLOWERS": "SMM: satu layanan untuk setiap jenis; `GET /smm/services` menyebut kolom-kolomnya",
}

const restText = "Deposit terbayar sendiri setelah 5 detik; yang nilainya berakhiran 11 tidak, dan kedaluwarsa. Penarikan ke rekening berakhiran 03, 04, 08, atau 12 ditolak; " +
	"05 atau 06 diputuskan setelah satu menit; 07 atau 08 mula-mula tidak diketahui; yang lain berhasil setelah 5 detik. " +
	"Pengecekan nomor berakhiran 04 tidak valid, 03 terganggu."
