package upstream

import "strings"

// reasonWords are the words by which providers say why, in the order in which
// they decide: a message about our balance may name the product too.
func reasonWords() []struct {
	reason Reason
	words  []string
} {
	return []struct {
		reason Reason
		words  []string
	}{
		{ReasonOurBalance, []string{"saldo", "balance", "insufficient"}},
		{ReasonOurAccount, []string{
			"apikey", "api key", "api_key", "rqid", "mmid", "unauthor", "forbidden", "suspend", "whitelist", "akun anda", "token tidak valid",
		}},
		{ReasonPrice, []string{"harga berubah", "harga tidak sesuai", "price changed"}},
		{ReasonProduct, []string{
			"stok", "stock", "tersedia", "available", "kosong", "gangguan", "produk", "product", "layanan", "service", "operator",
			"provider", "maintenance", "cut off", "tutup", "negara",
		}},
		{ReasonCustomer, []string{
			"tujuan", "target", "pelanggan", "customer", "user id", "userid", "nomor", "rekening", "invalid number", "no hp", "id tidak",
		}},
	}
}

// ReasonIn reads a provider's text for why it refused or failed; empty when the
// text does not say. It is for messages whose meaning as a refusal is certain
// already: no outcome is ever decided by words.
func ReasonIn(text string) Reason {
	text = strings.ToLower(text)
	// A wrong number is named together with the product often enough, and not the
	// other way round.
	for _, words := range []string{"nomor tujuan", "tujuan salah", "target salah", "nomor salah", "parameter target"} {
		if strings.Contains(text, words) {
			return ReasonCustomer
		}
	}
	for _, row := range reasonWords() {
		for _, word := range row.words {
			if strings.Contains(text, word) {
				return row.reason
			}
		}
	}
	return ""
}

// BillReasonIn is [ReasonIn] for the refusal of an inquiry or of the payment after it:
// of a customer who owes nothing it is [ReasonNoBill], of an inquiry that is no longer
// valid [ReasonExpired].
func BillReasonIn(text string) Reason {
	text = strings.ToLower(text)
	for _, row := range []struct {
		reason Reason
		words  []string
	}{
		{ReasonNoBill, []string{
			"tidak ada tagihan", "tagihan tidak", "belum ada tagihan", "tagihan belum", "tagihan sudah", "sudah dibayar", "sudah terbayar",
			"sudah lunas", "tagihan lunas", "telah dibayar", "no bill", "bill not found", "already paid", "nothing to pay",
		}},
		{ReasonExpired, []string{
			"kadaluarsa", "kadaluwarsa", "kedaluwarsa", "expired", "inquiry tidak ditemukan", "inquiry not found", "inquiry ulang", "belum inquiry",
			"inquiry dahulu", "inquiry terlebih dahulu", "tagihan berubah",
		}},
	} {
		for _, words := range row.words {
			if strings.Contains(text, words) {
				return row.reason
			}
		}
	}
	return ReasonIn(text)
}
