package pages

// text is the same in every language of the pages.
type text struct{ id, en string }

func (t text) in(l Lang) string {
	if l == English {
		return t.en
	}
	return t.id
}

// refusalText is what the document does not say of a refusal: what it means in Indonesian, and what to do.
type refusalText struct {
	meaning string // Indonesian; the English one is the document's
	do      text
}

// refusalTexts are by the names of the document's responses.
//
//nolint:gochecknoglobals // a table; nobody changes it
var refusalTexts = map[string]refusalText{
	"InvalidRequest":      {"Isi atau parameter salah; `details` menyebut kolomnya.", text{"Perbaiki permintaan. Mengulang tanpa perubahan tidak ada gunanya.", "Correct the request. Sending it again unchanged changes nothing."}},
	"SlowBody":            {"Isi permintaan tidak tiba pada waktunya.", text{"Kirim ulang dengan `ref` yang sama.", "Send it again with the same `ref`."}},
	"TooLarge":            {"Isi permintaan lebih dari 1 MiB.", text{"Kirim yang lebih kecil.", "Send less."}},
	"Unauthorized":        {"API key tidak ada, salah, atau sudah dicabut.", text{"Periksa header `Authorization`; minta key baru bila hilang.", "Look at the `Authorization` header; ask for a new key where it is lost."}},
	"Forbidden":           {"Akun merchant dibekukan.", text{"Hubungi kami.", "Get in touch with us."}},
	"IPNotAllowed":        {"Alamat IP pengirim tidak ada di daftar.", text{"Kirim dari alamat yang terdaftar, atau minta alamat itu ditambahkan.", "Call from a listed address, or have that one added."}},
	"RateLimited":         {"Terlalu banyak permintaan.", text{"Tunggu selama `Retry-After` detik, lalu lanjutkan. Webhook menghemat pengecekan status.", "Wait for `Retry-After` seconds and go on. Webhooks save most of the polling."}},
	"NotFound":            {"Produk, order, deposit, penarikan, atau alamatnya tidak ada.", text{"Periksa `sku` atau `ref`. Bila order tidak ditemukan setelah koneksi putus, order itu memang tidak tersimpan: kirim ulang dengan `ref` yang sama.", "Look at the `sku` or `ref`. An order that is not found after a broken connection was not kept: send it again with the same `ref`."}},
	"MethodNotAllowed":    {"Alamatnya ada, tetapi bukan dengan metode ini.", text{"Pakai metode yang disebut header `Allow`.", "Use a method that the header `Allow` names."}},
	"RefConflict":         {"`ref` sudah dipakai untuk isi lain.", text{"Transaksi baru selalu memakai `ref` baru.", "A new transaction takes a new `ref`."}},
	"DuplicateOrder":      {"SKU yang sama baru saja dipesan untuk pelanggan atau target yang sama, dalam waktu yang Anda atur sendiri.", text{"Lihat order yang `ref`-nya disebut di `details`. Bila memang disengaja, kirim ulang dengan `allow_duplicate`.", "Look at the order that `details` names. Where it is meant, send it again with `allow_duplicate`."}},
	"LimitExceeded":       {"Melewati batas yang ditetapkan untuk akun Anda; `details` menyebut yang mana.", text{"Kecilkan jumlahnya atau tunggu sampai batasnya longgar; minta kami menaikkannya bila perlu. `ref` yang sama boleh dipakai lagi.", "Ask for less, or wait until the limit leaves room; have it raised if need be. The same `ref` may be used again."}},
	"NotCancelable":       {"Order atau deposit tidak bisa dibatalkan lagi, atau memang tidak pernah bisa.", text{"Tunggu status akhirnya.", "Wait for its final status."}},
	"NotAvailable":        {"Tindakan ini tidak berlaku untuk order tersebut saat ini.", text{"Baca ordernya; ulangi hanya bila statusnya sudah sesuai.", "Read the order; try again only when its status fits."}},
	"InquiryRequired":     {"Produk ini tagihan: dibayar setelah dicek.", text{"Panggil `POST /inquiry` dulu, lalu bayar dengan `ref` yang sama.", "Call `POST /inquiry` first, then pay with the same `ref`."}},
	"InquiryExpired":      {"Hasil cek tagihan sudah kedaluwarsa.", text{"Cek tagihan lagi.", "Ask for the bill anew."}},
	"BillNotFound":        {"Pelanggan tidak punya tagihan, atau tidak dikenal.", text{"Sampaikan ke pelanggan; periksa nomornya.", "Tell the customer; check the number."}},
	"Unavailable":         {"SKU dikenal, tetapi sedang tidak bisa dibeli; `details` menyebut alasan dan sampai kapan.", text{"Tawarkan produk lain, atau ulangi setelah `until`. `ref` yang sama boleh dipakai lagi.", "Offer something else, or try again after `until`. The same `ref` may be used again."}},
	"PriceChanged":        {"Harga kami di atas `max_price` pada permintaan.", text{"Ambil harga baru, lalu putuskan. `ref` yang sama boleh dipakai lagi.", "Get the new price and decide. The same `ref` may be used again."}},
	"InsufficientBalance": {"Saldo tidak cukup. Tidak ada yang tersimpan.", text{"Isi saldo, lalu kirim ulang; `ref` yang sama boleh dipakai lagi.", "Top the balance up and send it again; the same `ref` may be used."}},
	"UpstreamError":       {"Layanan sedang tidak bisa menjawab. Tidak ada order atau penarikan yang tersimpan, dan saldo tidak terpotong.", text{"Ulangi dengan `ref` yang sama setelah `Retry-After` detik. Jangan ganti `ref`.", "Try again with the same `ref` after `Retry-After` seconds. Do not take another `ref`."}},
	"InternalError": {"Kesalahan di pihak kami. Yang diminta mungkin sudah terlaksana, mungkin belum.", text{
		"Kirim ulang dengan `ref` yang sama sampai ada jawaban lain: tetap terlaksana satu kali saja. Jangan anggap gagal, jangan ganti `ref`, dan jangan beli di tempat lain.",
		"Send it again with the same `ref` until there is another answer: it is done once, however often it is sent. Do not take it for failed, do not take another `ref`, and do not buy elsewhere.",
	}},
}

// statusText is what a status means and what to do.
type statusText struct {
	status  string
	meaning text
	money   text
	do      text
}

// orderStatuses are those of orders, as they follow one another.
//
//nolint:gochecknoglobals // likewise
var orderStatuses = []statusText{
	{"pending", text{"Diterima dan dibayar, belum diteruskan.", "Accepted and paid, not passed on yet."}, text{"Harga ditahan.", "The price is held."}, text{"Tunggu.", "Wait."}},
	{"processing", text{"Sedang dikerjakan, atau hasilnya belum pasti.", "Being worked on, or its outcome is not certain yet."}, text{"Harga ditahan.", "The price is held."}, text{"Tunggu; jangan anggap gagal dan jangan pesan ulang dengan `ref` lain, berapa lama pun.", "Wait; do not take it for failed and do not order again under another `ref`, however long it takes."}},
	{"completed", text{"Terkirim. OTP: kode pertama sudah masuk.", "Delivered. OTP: the first code came."}, text{"Harga terpakai.", "The price is taken."}, text{"Serahkan ke pelanggan: `data.sn`, `data.otp_code`, atau `data.content`.", "Hand it to the customer: `data.sn`, `data.otp_code` or `data.content`."}},
	{"partial", text{"SMM: terkirim sebagian; `data.remains` adalah sisanya.", "SMM: delivered in part; `data.remains` is what is missing."}, text{"Bagian yang tidak terkirim dikembalikan.", "What was not delivered is given back."}, text{"Kembalikan `refunded` secara proporsional ke pelanggan.", "Pass `refunded` on to the customer."}},
	{"failed", text{"Tidak terkirim; `message` menjelaskan.", "Not delivered; `message` says why."}, text{"Dikembalikan penuh.", "Given back in full."}, text{"Pesan lagi dengan `ref` baru bila mau. Dalam kasus langka `failed` berubah menjadi `completed`: ikuti webhook.", "Order again under a new `ref` if you like. In rare cases `failed` becomes `completed`: mind the webhook."}},
	{"canceled", text{"Dibatalkan oleh Anda atau oleh sumber.", "Canceled by you or by the source."}, text{"Dikembalikan; SMM menurut sisanya.", "Given back; SMM by what remains."}, text{"Selesai.", "Done."}},
	{"expired", text{"OTP: tidak ada kode sampai masa nomor habis.", "OTP: no code came before the number's end."}, text{"Dikembalikan penuh.", "Given back in full."}, text{"Sewa nomor lain, boleh dari server lain.", "Rent another number, perhaps of another server."}},
}

// depositStatuses and withdrawStatuses are those of money in and out.
//
//nolint:gochecknoglobals // likewise
var (
	depositStatuses = []statusText{
		{"pending", text{"Menunggu pembayaran.", "Waiting for the payment."}, text{"—", "—"}, text{"Tampilkan QR sampai `expires_at`.", "Show the QR code until `expires_at`."}},
		{"paid", text{"Pembayaran terlihat; saldo bertambah begitu `credited` bernilai true.", "The payment was seen; the balance has it once `credited` is true."}, text{"`amount` masuk saldo.", "`amount` is credited."}, text{"Selesai.", "Done."}},
		{"expired", text{"Tidak dibayar tepat waktu.", "Not paid in time."}, text{"Yang dibayar sampai 24 jam sesudahnya tetap masuk.", "What is paid up to 24 hours later is still credited."}, text{"Buat deposit baru.", "Make a new deposit."}},
		{"canceled", text{"Dibatalkan.", "Canceled."}, text{"Yang dibayar sampai 24 jam sesudahnya tetap masuk.", "What is paid up to 24 hours later is still credited."}, text{"Selesai.", "Done."}},
	}
	withdrawStatuses = []statusText{
		{"pending", text{"Menunggu persetujuan.", "Waiting for approval."}, text{"`amount` dan `fee` sudah dipotong.", "`amount` and `fee` are taken."}, text{"Tunggu.", "Wait."}},
		{"processing", text{"Disetujui, sedang dikirim.", "Approved and on its way."}, text{"Sudah dipotong.", "Taken."}, text{"Tunggu.", "Wait."}},
		{"success", text{"Sudah dibayarkan.", "Paid out."}, text{"Sudah dipotong.", "Taken."}, text{"Selesai.", "Done."}},
		{"rejected", text{"Ditolak.", "Rejected."}, text{"Dikembalikan seluruhnya, termasuk `fee`.", "Given back in full, the `fee` too."}, text{"Periksa rekening tujuan, ajukan lagi dengan `ref` baru.", "Check the account and ask again under a new `ref`."}},
	}
)

// endpointText is an operation in Indonesian; in English it is the document's own text.
type endpointText struct{ summary, text string }

// endpointTexts are by operation.
//
//nolint:gochecknoglobals // likewise
var endpointTexts = map[string]endpointText{
	"place-order":             {"Buat order", "Harga dipotong saat itu juga. `ref` yang sama dengan isi yang sama adalah order yang sama: dipotong sekali, berapa kali pun dikirim. Produk premium langsung dikirim di dalam jawaban; yang lain dikerjakan sesudahnya. `max_price` membatasi harga, `callback_url` mengarahkan webhook order ini."},
	"get-order":               {"Baca order", "`{ref}` boleh `ref` milik Anda atau `order_id` kami; `ref` didahulukan."},
	"list-orders":             {"Daftar order", "Terbaru lebih dulu. Saring dengan `status`, `category`, `sku`, `from`, `to`, atau `search`; halaman berikutnya dengan `cursor`."},
	"cancel-order":            {"Batalkan order", "OTP sebelum kode masuk; SMM bila layanannya mengizinkan. Ini permintaan: order tetap `processing` sampai sumber memastikan. Meminta dua kali sama dengan sekali."},
	"finish-order":            {"Selesaikan nomor", "OTP yang sudah punya kode: tidak menunggu kode lagi. Status tidak berubah."},
	"resend-order":            {"Minta kode berikutnya", "OTP yang sudah punya kode, sebelum `expires_at`. Kode berikutnya masuk ke `messages`; `otp_code` selalu yang terbaru."},
	"refill-order":            {"Minta isi ulang", "SMM yang selesai, bila layanannya mengizinkan: yang berkurang diisi lagi, tanpa biaya. `data.refill_status` menunjukkan kemajuannya."},
	"inquire":                 {"Cek tagihan", "Berapa tagihan pelanggan dan berapa Anda membayarnya: `price` adalah total tagihan ditambah biaya kami. Bayar dengan `POST /order` memakai `ref`, `sku`, dan `customer_no` yang sama sebelum `expires_at`."},
	"ppob-products":           {"Produk PPOB", "Pulsa, data, token listrik, gim, dompet digital, dan tagihan, dengan harga role Anda."},
	"ppob-categories":         {"Kategori PPOB", "Nilai yang diterima saringan `category`."},
	"ppob-brands":             {"Merek PPOB", "Nilai yang diterima saringan `brand`."},
	"smm-services":            {"Layanan SMM", "`rate` adalah rupiah per 1.000 pada role Anda; `inputs` menyebut kolom yang dibutuhkan order."},
	"otp-services":            {"Layanan OTP", "Aplikasi yang mengirim kode ke nomor sewaan."},
	"otp-countries":           {"Negara dan server OTP", "Setiap server sebuah negara adalah satu `sku`. Nomor server tetap selama penawarannya ada."},
	"otp-operators":           {"Operator OTP", "Order boleh memilih salah satunya dengan `operator_id`."},
	"products":                {"Produk premium", "Dikirim langsung di dalam jawaban order; harganya sama untuk semua role."},
	"price":                   {"Harga satu SKU", "Harga dan ketersediaan saat ini. Bila bisa ditanyakan ke asal produknya, umurnya paling lama setengah menit; bila tidak, sama dengan di daftar. Jawabannya bisa makan dua detik."},
	"ping":                    {"Cek koneksi dan key", "Menjawab milik siapa key ini, role-nya, dan jam kami."},
	"profile":                 {"Saldo, role, dan statistik", "`balance` bisa dibelanjakan; `held` ditahan untuk order yang belum selesai."},
	"tiers":                   {"Daftar role", "Role naik sendiri begitu jumlah order dan volumenya tercapai."},
	"mutations":               {"Mutasi saldo", "Terbaru lebih dulu; saldo berjalannya tepat. `format=csv` mengalirkan seluruh rentang."},
	"statement":               {"Rekening koran bulanan", "Saldo awal, setiap mutasi, dan saldo akhir. Saldo akhir satu bulan adalah saldo awal bulan berikutnya."},
	"get-settings":            {"Baca pengaturan", "Ambang saldo rendah dan penjaga order ganda."},
	"set-settings":            {"Ubah pengaturan", "Yang tidak disebut tetap seperti semula. `low_balance`: webhook `balance.low` sekali ketika saldo turun melewatinya."},
	"create-deposit":          {"Isi saldo", "Jawabannya kode QRIS senilai `total_payment`, sebagai teks dan gambar; bayar sekali dan tepat sebesar itu sebelum `expires_at`. Saldo bertambah sendiri begitu pembayaran terlihat."},
	"get-deposit":             {"Cek deposit", "`credited` bernilai true begitu saldo sudah bertambah."},
	"cancel-deposit":          {"Batalkan deposit", "Hanya selagi `pending`. Pembayaran yang lebih dulu masuk tetap dihitung."},
	"list-deposits":           {"Daftar deposit", "Terbaru lebih dulu."},
	"create-withdrawal":       {"Tarik saldo", "`amount` dan `fee` dipotong saat itu juga. Setelah disetujui statusnya `processing`, lalu `success`; bila `rejected`, semuanya dikembalikan."},
	"get-withdrawal":          {"Cek penarikan", "Dengan `withdraw_id` atau `ref` Anda."},
	"list-withdrawals":        {"Daftar penarikan", "Terbaru lebih dulu; saring dengan `status`."},
	"check-banks":             {"Daftar bank dan dompet", "Kode untuk cek rekening."},
	"check-bank":              {"Cek rekening", "Atas nama siapa rekening atau dompet itu."},
	"check-games":             {"Daftar gim dan meter", "Kode untuk cek akun."},
	"check-game":              {"Cek akun gim", "Nama pemilik akun gim atau meter."},
	"get-webhook":             {"Baca webhook", "Alamat, jenis peristiwa, dan petunjuk secret yang berlaku."},
	"set-webhook":             {"Ubah webhook", "Yang tidak disebut tetap seperti semula. Hanya https ke alamat publik."},
	"rotate-webhook-secret":   {"Ganti secret", "Secret baru ditampilkan sekali. Selama 24 jam keduanya menandatangani."},
	"test-webhook":            {"Kirim peristiwa uji", "Mengirim `webhook.test` ke alamat yang terpasang."},
	"list-webhook-deliveries": {"Daftar pengiriman", "Setiap pengiriman dengan jawaban terakhir server Anda."},
	"replay-webhook-delivery": {"Kirim ulang peristiwa", "`webhook-id` dan isinya sama seperti semula."},
}

// tagTexts are the groups of operations in Indonesian.
//
//nolint:gochecknoglobals // likewise
var tagTexts = map[string]string{
	"Orders": "Order", "Catalogue": "Katalog", "Money": "Uang masuk dan keluar", "Checks": "Cek akun", "Account": "Akun", "Webhooks": "Webhook",
}

// eventTexts say when an event comes.
//
//nolint:gochecknoglobals // likewise
var eventTexts = map[string]text{
	"order.updated":    {"Status order berubah, atau nomor, kode, atau serial number yang terlambat sudah datang.", "An order's status changed, or a phone number, a code or a late serial number came."},
	"deposit.updated":  {"Status deposit berubah.", "A deposit's status changed."},
	"withdraw.updated": {"Status penarikan berubah.", "A withdrawal's status changed."},
	"balance.low":      {"Saldo turun melewati ambang yang Anda atur.", "The balance fell below the threshold that you set."},
	"tier.changed":     {"Role Anda berubah.", "Your tier changed."},
	"webhook.test":     {"Anda meminta peristiwa uji.", "You asked for a test event."},
}

// change is a line of the merchants' changelog.
type change struct {
	version, date string
	what          []text
}

// changes are what merchants notice, newest first; the first is the document's version.
//
//nolint:gochecknoglobals // likewise
var changes = []change{
	{"1.0.0", "2026-11-21", []text{
		{"Versi pertama: PPOB prabayar dan tagihan, SMM, OTP, dan produk premium; deposit QRIS, penarikan, dan cek akun; webhook bertanda tangan; mode uji.", "The first version: PPOB prepaid and bills, SMM, OTP and premium products; QRIS deposits, withdrawals and account checks; signed webhooks; test mode."},
		{"Daftar harga publik dengan rupiah setiap role, juga sebagai CSV dan JSON.", "A public price list with every tier's rupiah, as CSV and JSON too."},
		{"Penjaga order ganda yang bisa diatur: `duplicate_guard_minutes` dan `allow_duplicate`.", "A duplicate guard that you can set: `duplicate_guard_minutes` and `allow_duplicate`."},
		{"Koleksi Postman di `/postman.json`.", "A Postman collection at `/postman.json`."},
	}},
}
