package intake

import (
	"strings"
)

// platform is a network as we write it: Short is its part of a SKU. Words are the
// spellings that it is known by, in lower case.
type platform struct {
	Name, Short string
	words       []string
}

// otherPlatform is what belongs to no network that we know.
func otherPlatform() platform { return platform{Name: "Lainnya", Short: "SM"} }

// platforms are tried in this order: what names a network inside another's name
// comes first.
func platforms() []platform {
	table := []struct{ name, short, words string }{
		{"YouTube", "YT", "youtube,yt,you tube"},
		{"Instagram", "IG", "instagram,ig,insta,reels"},
		{"Threads", "TH", "threads"},
		{"TikTok", "TT", "tiktok,tik tok,tt"},
		{"Facebook", "FB", "facebook,fb,fanspage,fanpage"},
		{"X", "TW", "twitter,x twitter,tweet,tweets,retweet,retweets,x com"},
		{"Telegram", "TG", "telegram,tg"},
		{"WhatsApp", "WA", "whatsapp,whats app"},
		{"Spotify", "SP", "spotify"},
		{"SoundCloud", "SC", "soundcloud,sound cloud"},
		{"Apple Music", "AM", "apple music,itunes"},
		{"LinkedIn", "LI", "linkedin,linked in"},
		{"Twitch", "TC", "twitch"},
		{"Discord", "DC", "discord"},
		{"Snapchat", "SN", "snapchat"},
		{"Pinterest", "PN", "pinterest"},
		{"Reddit", "RD", "reddit"},
		{"Shopee", "SH", "shopee"},
		{"Tokopedia", "TP", "tokopedia"},
		{"Lazada", "LZ", "lazada"},
		{"Bigo Live", "BG", "bigo"},
		{"Kick", "KK", "kick,kick com"},
		{"Likee", "LK", "likee"},
		{"Kwai", "KW", "kwai,snackvideo,snack video"},
		{"Clubhouse", "CH", "clubhouse"},
		{"Quora", "QR", "quora"},
		{"Tumblr", "TB", "tumblr"},
		{"Vimeo", "VM", "vimeo"},
		{"Dailymotion", "DM", "dailymotion"},
		{"Medium", "MD", "medium com"},
		{"VK", "VK", "vk,vkontakte"},
		{"OnlyFans", "OF", "onlyfans"},
		{"Google", "GG", "google,gmaps,google maps,google business,playstore,play store"},
		{"App Store", "AS", "app store,appstore"},
		{"Website", "WEB", "website,websites,web,traffic,seo,backlink,backlinks,visitors"},
	}
	out := make([]platform, 0, len(table))
	for _, row := range table {
		out = append(out, platform{Name: row.name, Short: row.short, words: strings.Split(row.words, ",")})
	}
	return out
}

// thing is what a service brings: Short is its part of a SKU.
type thing struct {
	Name, Short string
	words       []string
}

// things are tried in this order: a comment's likes are no comments.
func things() []thing {
	table := []struct{ name, short, words string }{
		{"Comment Likes", "CL", "comment likes,comment like,comments likes,likes komentar,like komentar"},
		{"Comments", "C", "comment,comments,komentar,replies"},
		{"Mentions", "MN", "mention,mentions,tag,tags"},
		{"Polls", "PV", "poll,polls,votes,vote,polling"},
		{"Watch Time", "W", "watch time,watchtime,watch hours,watch hour,jam tayang,4000 hours"},
		{"Live", "LV", "live,livestream,live stream"},
		{"Story Views", "ST", "story,stories"},
		{"Impressions", "I", "impression,impressions,reach,profile visits,profile visit"},
		{"Saves", "SV", "save,saves,bookmark,bookmarks"},
		{"Retweets", "RT", "retweet,retweets,repost,reposts,quote"},
		{"Shares", "SR", "share,shares"},
		{"Subscribers", "S", "subscriber,subscribers,subs,subscribe"},
		{"Members", "M", "member,members,join"},
		{"Followers", "F", "follower,followers,follow,follows,pengikut"},
		{"Reactions", "R", "reaction,reactions,emoji,love,haha,wow"},
		{"Plays", "P", "play,plays,stream,streams,listener,listeners"},
		{"Views", "V", "view,views,viewer,viewers,tayangan"},
		{"Likes", "L", "like,likes,suka,favorite,favorites,upvotes,upvote,hearts"},
		{"Reviews", "RV", "review,reviews,rating,ratings,ulasan"},
		{"Traffic", "T", "traffic,visitors,visitor,visits,clicks,click,pengunjung"},
		{"Downloads", "D", "download,downloads,install,installs"},
		{"Friends", "FR", "friend,friends,connections,connection"},
		{"SEO", "SEO", "seo,backlink,backlinks,keyword,keywords,ranking"},
		{"Accounts", "A", "account,accounts,akun"},
	}
	out := make([]thing, 0, len(table))
	for _, row := range table {
		out = append(out, thing{Name: row.name, Short: row.short, words: strings.Split(row.words, ",")})
	}
	return out
}

// spaced is a text as words are looked for in it: lower case, everything that is no
// letter and no digit a blank, and one blank at each end.
func spaced(s string) string {
	return " " + strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), " ") + " "
}

// says is whether a spaced text has one of the words.
func says(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, " "+w+" ") {
			return true
		}
	}
	return false
}

// platformOf finds the network of a service in the texts that tell of it, of which
// the first that names one counts.
func platformOf(texts ...string) platform {
	all := platforms()
	for _, t := range texts {
		in := spaced(t)
		for _, p := range all {
			if says(in, p.words) {
				return p
			}
		}
	}
	return otherPlatform()
}

// thingOf finds what a service brings; ok is false where no text says so.
func thingOf(texts ...string) (thing, bool) {
	all := things()
	for _, t := range texts {
		in := spaced(t)
		for _, th := range all {
			if says(in, th.words) {
				return th, true
			}
		}
	}
	return thing{}, false
}
