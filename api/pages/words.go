package pages

// words are the short texts of the pages in one language.
type words struct {
	Language, Skip                                                                     string
	Guide, Reference, Prices                                                           string
	PricesLead, PricesNote                                                             string
	TiersTitle, TiersLead, Tier, Name, Rise, FromStart, RiseBy, RiseOrders, RiseVolume string
	Search, SearchHint, Any, OnlyAvailable, Show, Print, Back                          string
	Product, Unavailable, Nothing, Pages, Previous, Next, Where                        string
	FoundAll, FoundSome, Cut                                                           string
	Everything, Brand, Platform, Service, Title, Category, Country                     string
	PerThousand, PerBill, OurAddress                                                   string
	Sections                                                                           []string
	Contents, Endpoints, SearchGuide, Answer, Copy, Copied, TryIt                      string
	HTTP, Code, Meaning, Do, Status, Money, Event, When, Digits, Happens, Ends         string
}

func wordsIn(l Lang) *words {
	if l == English {
		return &english
	}
	return &indonesian
}

//nolint:gochecknoglobals // constants that Go cannot write as such; nobody changes them
var indonesian = words{
	Language: "Indonesia", Skip: "Langsung ke isi",
	Guide: "Panduan", Reference: "Referensi API", Prices: "Daftar harga",
	PricesLead: "Harga dalam rupiah untuk setiap role, berdampingan. Makin tinggi role, makin murah harganya.",
	PricesNote: "Harga mengikuti katalog dan dapat berubah sewaktu-waktu; yang berlaku adalah harga saat order dibuat. Kunci batas atasnya dengan max_price.",
	TiersTitle: "Role & syarat naik", TiersLead: "Role naik dengan sendirinya begitu kedua syarat terpenuhi: jumlah order selesai dan volume transaksi.",
	Tier: "Role", Name: "Nama", Rise: "Syarat naik", FromStart: "Sejak mendaftar", RiseBy: "%s dan %s", RiseOrders: "%s order selesai", RiseVolume: "volume Rp%s",
	Search: "Cari", SearchHint: "nama produk, SKU, atau merek", Any: "Semua", OnlyAvailable: "Hanya yang tersedia", Show: "Tampilkan", Print: "Cetak", Back: "Kembali",
	Product: "Produk", Unavailable: "belum tersedia", Nothing: "Tidak ada produk yang cocok. Coba kata lain atau longgarkan saringan.",
	Pages: "Halaman", Previous: "← Sebelumnya", Next: "Berikutnya →", Where: "Halaman %s dari %s",
	FoundAll: "%s produk", FoundSome: "%s dari %s produk", Cut: "Untuk dicetak sekaligus hanya ditampilkan %s baris pertama. Persempit saringan, atau unduh CSV untuk daftar lengkap.",
	Everything: "Semua", Brand: "Merek", Platform: "Platform", Service: "Layanan", Title: "Produk", Category: "Kategori", Country: "Negara",
	PerThousand: "per 1.000", PerBill: "biaya layanan per tagihan", OurAddress: "https://alamat-kami",
	Sections: []string{"Mulai", "Autentikasi & daftar IP", "Bentuk jawaban", "Harga & role", "Order & idempotensi", "Saldo, deposit, penarikan", "Order ganda & batas belanja", "Webhook", "Daftar error", "Batas permintaan", "Mode uji", "Semua endpoint", "Perubahan"},
	Contents: "Isi", Endpoints: "Endpoint", SearchGuide: "Cari di panduan", Answer: "Jawaban", Copy: "Salin", Copied: "Tersalin", TryIt: "Contoh kode",
	HTTP: "HTTP", Code: "Kode", Meaning: "Arti", Do: "Yang sebaiknya dilakukan", Status: "Status", Money: "Uang", Event: "Peristiwa", When: "Kapan", Digits: "Digit", Happens: "Yang terjadi", Ends: "Berakhir sebagai",
}

//nolint:gochecknoglobals // likewise
var english = words{
	Language: "English", Skip: "Skip to content",
	Guide: "Guide", Reference: "API reference", Prices: "Price list",
	PricesLead: "Prices in rupiah for every tier, side by side. The higher the tier, the lower the price.",
	PricesNote: "Prices follow the catalogue and may change at any time; what counts is the price when the order is placed. max_price puts a bound on it.",
	TiersTitle: "Tiers and how to rise", TiersLead: "A tier is reached by itself once both conditions are met: completed orders and volume.",
	Tier: "Tier", Name: "Name", Rise: "What it takes", FromStart: "From the start", RiseBy: "%s and %s", RiseOrders: "%s completed orders", RiseVolume: "a volume of Rp%s",
	Search: "Search", SearchHint: "product, SKU or brand", Any: "All", OnlyAvailable: "Only what is available", Show: "Show", Print: "Print", Back: "Back",
	Product: "Product", Unavailable: "not available", Nothing: "No product matches. Try another word or fewer filters.",
	Pages: "Pages", Previous: "← Previous", Next: "Next →", Where: "Page %s of %s",
	FoundAll: "%s products", FoundSome: "%s of %s products", Cut: "Only the first %s rows are shown for printing at once. Narrow the filter, or get the CSV for the whole list.",
	Everything: "All", Brand: "Brand", Platform: "Platform", Service: "Service", Title: "Product", Category: "Category", Country: "Country",
	PerThousand: "per 1,000", PerBill: "our fee per bill", OurAddress: "https://our-address",
	Sections: []string{"Getting started", "Authentication and IP list", "Answers", "Prices and tiers", "Orders and idempotency", "Balance, deposits, withdrawals", "Duplicates and spending limits", "Webhooks", "Errors", "Rate limit", "Test mode", "All endpoints", "Changes"},
	Contents: "Contents", Endpoints: "Endpoints", SearchGuide: "Search the guide", Answer: "Answer", Copy: "Copy", Copied: "Copied", TryIt: "Example code",
	HTTP: "HTTP", Code: "Code", Meaning: "Meaning", Do: "What to do", Status: "Status", Money: "Money", Event: "Event", When: "When", Digits: "Digits", Happens: "What happens", Ends: "Ends as",
}
