package smm

import (
	"slices"
	"strings"
)

// Kind is the type of a service, which decides the fields of its orders.
type Kind string

// The kinds that can be ordered.
const (
	Default               Kind = "default"
	Package               Kind = "package"
	CustomComments        Kind = "custom_comments"
	CustomCommentsPackage Kind = "custom_comments_package"
	Mentions              Kind = "mentions"
	MentionsWithHashtags  Kind = "mentions_with_hashtags"
	MentionsCustomList    Kind = "mentions_custom_list"
	MentionsHashtag       Kind = "mentions_hashtag"
	MentionsUserFollowers Kind = "mentions_user_followers"
	MentionsMediaLikers   Kind = "mentions_media_likers"
	CommentLikes          Kind = "comment_likes"
	Poll                  Kind = "poll"
	InvitesFromGroups     Kind = "invites_from_groups"
	Subscriptions         Kind = "subscriptions"
	WebTraffic            Kind = "web_traffic"
	SEO                   Kind = "seo"
)

// counting is how the quantity of a kind comes about.
type counting int

const (
	given   counting = iota // the order says it
	byLines                 // the lines of a list
	single                  // always one
	byPosts                 // the most of each post, times the posts
)

// rule is what a kind is.
type rule struct {
	kind Kind
	// number is what panels number the type by; empty for none.
	number string
	counts counting
	// list is the field whose lines count.
	list string
	// drip: the order may be cut into runs, where the service allows it.
	drip   bool
	fields []Field
}

// rules is the one table of kinds.
func rules() []rule {
	return []rule{
		{kind: Default, number: "0", drip: true},
		{kind: Package, number: "10", counts: single},
		{kind: CustomComments, number: "2", counts: byLines, list: "comments", fields: []Field{comments()}},
		{kind: CustomCommentsPackage, number: "14", counts: single, fields: []Field{comments()}},
		{kind: Mentions, number: "9", fields: []Field{usernames()}},
		{kind: MentionsWithHashtags, number: "3", fields: []Field{
			usernames(), {Name: "hashtags", Label: "Daftar hashtag, satu per baris", Example: "#promo\n#diskon", Form: Lines, Required: true},
		}},
		{kind: MentionsCustomList, number: "4", counts: byLines, list: "usernames", fields: []Field{usernames()}},
		{kind: MentionsHashtag, number: "6", fields: []Field{{Name: "hashtag", Label: "Hashtag sumber pengguna", Example: "#promo", Required: true}}},
		{kind: MentionsUserFollowers, number: "7", fields: []Field{{Name: "username", Label: "Tautan akun sumber pengikut", Example: "https://instagram.com/contoh", Required: true}}},
		{kind: MentionsMediaLikers, number: "8", fields: []Field{{Name: "media", Label: "Tautan media sumber penyuka", Example: "https://instagram.com/p/AbCd123", Required: true}}},
		{kind: CommentLikes, number: "15", fields: []Field{{Name: "username", Label: "Username pemilik komentar", Example: "contoh", Required: true}}},
		{kind: Poll, number: "17", fields: []Field{{Name: "answer_number", Label: "Nomor jawaban", Example: "1", Form: Number, Required: true, Least: 1, Most: 1000}}},
		{kind: InvitesFromGroups, number: "20", fields: []Field{{Name: "groups", Label: "Daftar grup, satu per baris", Example: "https://t.me/contoh", Form: Lines, Required: true}}},
		{kind: Subscriptions, number: "100", counts: byPosts, fields: subscription()},
		{kind: WebTraffic, number: "102", drip: true, fields: traffic()},
		{kind: SEO, fields: []Field{{Name: "keywords", Label: "Kata kunci, satu per baris", Example: "jual pulsa\npulsa murah", Form: Lines, Required: true}}},
	}
}

func comments() Field {
	return Field{Name: "comments", Label: "Komentar, satu per baris", Example: "Keren!\nMantap!", Form: Lines, Required: true}
}

func usernames() Field {
	return Field{Name: "usernames", Label: "Daftar username, satu per baris", Example: "contoh1\ncontoh2", Form: Lines, Required: true}
}

func subscription() []Field {
	return []Field{
		{Name: "min", Label: "Jumlah minimum per postingan", Example: "100", Form: Number, Required: true, Least: 1, Most: MaxQuantity},
		{Name: "max", Label: "Jumlah maksimum per postingan", Example: "150", Form: Number, Required: true, Least: 1, Most: MaxQuantity},
		{Name: "posts", Label: "Jumlah postingan baru", Example: "10", Form: Number, Required: true, Least: 1, Most: maxPosts},
		{Name: "old_posts", Label: "Jumlah postingan lama", Example: "0", Form: Number, Most: maxPosts},
		{Name: "delay", Label: "Jeda dalam menit", Example: "0", Form: Number, Required: true, Most: 600, Allowed: []string{
			"0", "5", "10", "15", "20", "30", "40", "50", "60", "90", "120", "150", "180", "210", "240", "270", "300", "360", "420", "480", "540", "600",
		}},
		{Name: "expiry", Label: "Tanggal berakhir (dd/mm/yyyy)", Example: "31/12/2026", Form: Date},
	}
}

func traffic() []Field {
	return []Field{
		{Name: "country", Label: "Negara (kode atau nama)", Example: "ID", Required: true},
		{
			Name: "device", Label: "Perangkat: 1 desktop, 2 Android, 3 iOS, 4 seluler, 5 semua", Example: "5", Form: Number, Required: true,
			Least: 1, Most: 5,
		},
		{
			Name: "type_of_traffic", Label: "Jenis kunjungan: 1 kata kunci Google, 2 perujuk, 3 tanpa perujuk", Example: "3", Form: Number, Required: true,
			Least: 1, Most: 3,
		},
		{Name: "google_keyword", Label: "Kata kunci Google", Example: "pulsa murah", When: "type_of_traffic", Is: "1"},
		{Name: "referring_url", Label: "Tautan perujuk", Example: "https://example.com", When: "type_of_traffic", Is: "2"},
	}
}

func ruleOf(k Kind) (rule, bool) {
	all := rules()
	i := slices.IndexFunc(all, func(r rule) bool { return r.kind == k })
	if i < 0 {
		return rule{}, false
	}
	return all[i], true
}

// Parse reads a type by the name that panels call it by, in any case, or by its
// number; empty for a type whose orders are not possible.
func Parse(name string) Kind {
	folded := strings.Join(strings.Fields(strings.ToLower(strings.ReplaceAll(name, "_", " "))), "_")
	for _, r := range rules() {
		if folded == string(r.kind) || folded != "" && folded == r.number {
			return r.kind
		}
	}
	return ""
}

// Kinds are all kinds.
func Kinds() []Kind {
	var out []Kind
	for _, r := range rules() {
		out = append(out, r.kind)
	}
	return out
}

// Known is whether orders of this kind are possible.
func (k Kind) Known() bool {
	_, ok := ruleOf(k)
	return ok
}

// Subscribes is whether an order is for an account and whatever it posts, so that
// its target is a user name and no link.
func (k Kind) Subscribes() bool { return k == Subscriptions }

// TakesQuantity is whether an order says a quantity of its own.
func (k Kind) TakesQuantity() bool {
	r, ok := ruleOf(k)
	return ok && r.counts == given
}

// Single is whether an order is always one: a package, whatever is in it.
func (k Kind) Single() bool {
	r, ok := ruleOf(k)
	return ok && r.counts == single
}

// Names are the fields that any kind knows, besides target and quantity.
func Names() []string {
	names := []string{"runs", "interval"}
	for _, r := range rules() {
		for _, f := range r.fields {
			if !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	return names
}
