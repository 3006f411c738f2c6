package intake

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/upstream"
)

// ours is an otp service of ours.
type ours struct{ code, name string }

// mapping is what a source's code means.
type mapping struct {
	service  string
	key      string // the service's name, folded
	scope    string
	vanished bool
}

// syncServices brings the source's services up to date: new ones get codes, those
// that the scope no longer lists close with all their offers.
func (b *batch) syncServices(ctx context.Context, listed []upstream.Service) error {
	stored, err := b.mappings(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	var news []upstream.Service
	for _, s := range listed {
		s.Name = b.im.forbidden.name(s.Name)
		if s.Code == "" || catalog.Fold(s.Name) == "" || seen[s.Code] {
			continue
		}
		seen[s.Code] = true
		if m, ok := stored[s.Code]; ok && !m.vanished && m.scope == b.scope && m.key == catalog.Fold(s.Name) {
			continue
		}
		news = append(news, s)
	}
	var gone []string
	here := 0
	for code, m := range stored {
		if m.scope != b.scope || m.vanished {
			continue
		}
		if here++; !seen[code] {
			gone = append(gone, code)
		}
	}
	if err := b.believe(len(gone), here); err != nil {
		return err
	}
	b.diff.Services = len(news) + len(gone)
	// Scopes are locked before names are given out, as in every import.
	if err := b.closeServices(ctx, gone); err != nil {
		return err
	}
	return b.addServices(ctx, b.scope, news)
}

func (b *batch) mappings(ctx context.Context) (map[string]mapping, error) {
	rows, err := b.tx.Query(ctx, `SELECT c.code, c.service, s.name_key, c.scope, c.vanished_at IS NOT NULL
		FROM otp_service_codes c JOIN otp_services s ON s.code = c.service WHERE c.upstream = $1 AND c.scope = $2`, b.upstream, b.scope)
	if err != nil {
		return nil, err
	}
	all := map[string]mapping{}
	var code string
	var m mapping
	_, err = pgx.ForEachRow(rows, []any{&code, &m.service, &m.key, &m.scope, &m.vanished}, func() error {
		all[code] = m
		return nil
	})
	return all, err
}

// addServices maps services to ours by name, and gives codes to names that are new.
// The scope is the one that lists them; empty when none does, and they stay.
func (b *batch) addServices(ctx context.Context, scope string, news []upstream.Service) error {
	if len(news) == 0 {
		return nil
	}
	if err := b.lockNames(ctx); err != nil {
		return err
	}
	rows, err := b.tx.Query(ctx, `SELECT code, name_key FROM otp_services`)
	if err != nil {
		return err
	}
	byKey, taken := map[string]string{}, map[string]bool{}
	var code, key string
	if _, err := pgx.ForEachRow(rows, []any{&code, &key}, func() error {
		byKey[key], taken[code] = code, true
		return nil
	}); err != nil {
		return err
	}
	slices.SortFunc(news, func(x, y upstream.Service) int {
		if c := strings.Compare(catalog.Fold(x.Name), catalog.Fold(y.Name)); c != 0 {
			return c
		}
		return strings.Compare(x.Code, y.Code)
	})
	b.reserveKnown(news, byKey, taken)
	var codes, names, keys, theirs, mapped []string
	for _, s := range news {
		key := catalog.Fold(s.Name)
		if byKey[key] == "" {
			code := serviceCode(b.im.services, s.Name, func(code string) bool { return taken[code] })
			byKey[key], taken[code] = code, true
		}
		if !slices.Contains(keys, key) {
			codes, names, keys = append(codes, byKey[key]), append(names, s.Name), append(keys, key)
		}
		theirs, mapped = append(theirs, s.Code), append(mapped, byKey[key])
	}
	if _, err := b.tx.Exec(ctx, `INSERT INTO otp_services (code, name, name_key, created_at)
		SELECT c, n, k, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS u (c, n, k) ON CONFLICT DO NOTHING`, codes, names, keys, b.now); err != nil {
		return err
	}
	_, err = b.tx.Exec(ctx, `INSERT INTO otp_service_codes (upstream, code, service, scope)
		SELECT $1, c, s, $2 FROM unnest($3::text[], $4::text[]) AS u (c, s)
		ON CONFLICT (upstream, code) DO UPDATE SET service = excluded.service, scope = excluded.scope, vanished_at = NULL`, b.upstream, scope, theirs, mapped)
	return err
}

// reserveKnown gives the services that everybody knows their codes before names
// that come earlier in the alphabet can take them.
func (b *batch) reserveKnown(news []upstream.Service, byKey map[string]string, taken map[string]bool) {
	for _, s := range news {
		key := catalog.Fold(s.Name)
		if code := b.im.services[key]; code != "" && byKey[key] == "" && !taken[code] {
			byKey[key], taken[code] = code, true
		}
	}
}

// closeServices closes what the source no longer lists: the services, their scopes,
// which nobody will read again, and their offers.
func (b *batch) closeServices(ctx context.Context, gone []string) error {
	if len(gone) == 0 {
		return nil
	}
	if _, err := b.tx.Exec(ctx, `UPDATE otp_service_codes SET vanished_at = $3 WHERE upstream = $1 AND code = ANY ($2)`, b.upstream, gone, b.now); err != nil {
		return err
	}
	rows, err := b.tx.Query(ctx, `DELETE FROM catalog_scopes WHERE upstream = $1 AND service = ANY ($2) RETURNING key`, b.upstream, gone)
	if err != nil {
		return err
	}
	scopes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if err := b.lockNames(ctx); err != nil { // after the scopes and before the offers, as everybody
		return err
	}
	rows, err = b.tx.Query(ctx, `UPDATE offers SET vanished_at = $3, updated_at = $3
		WHERE upstream = $1 AND scope = ANY ($2) AND vanished_at IS NULL RETURNING product_id`, b.upstream, scopes, b.now)
	if err != nil {
		return err
	}
	var product int64
	_, err = pgx.ForEachRow(rows, []any{&product}, func() error {
		b.touched[product] = true
		b.diff.Closed++
		return nil
	})
	return err
}

// serviceCodes gives our services for the codes that offers name. An offer that
// tells its service's name, too, makes an unknown one known.
func (b *batch) serviceCodes(ctx context.Context, offers []upstream.Offer) (map[string]ours, error) {
	codes := map[string]string{}
	for i := range offers {
		if o := &offers[i]; o.Category == "otp" && o.ServiceCode != "" && codes[o.ServiceCode] == "" {
			codes[o.ServiceCode] = b.im.forbidden.name(o.ServiceName)
		}
	}
	if len(codes) == 0 {
		return nil, nil
	}
	known, err := b.lookServices(ctx, codes)
	if err != nil {
		return nil, err
	}
	var news []upstream.Service
	for code, name := range codes {
		if _, ok := known[code]; !ok && catalog.Fold(name) != "" {
			news = append(news, upstream.Service{Code: code, Name: name})
		}
	}
	if len(news) == 0 {
		return known, nil
	}
	if err := b.addServices(ctx, "", news); err != nil {
		return nil, err
	}
	b.diff.Services += len(news)
	return b.lookServices(ctx, codes)
}

func (b *batch) lookServices(ctx context.Context, codes map[string]string) (map[string]ours, error) {
	list := make([]string, 0, len(codes))
	for code := range codes {
		list = append(list, code)
	}
	rows, err := b.tx.Query(ctx, `SELECT c.code, s.code, s.name FROM otp_service_codes c JOIN otp_services s ON s.code = c.service
		WHERE c.upstream = $1 AND c.code = ANY ($2)`, b.upstream, list)
	if err != nil {
		return nil, err
	}
	known := map[string]ours{}
	var code string
	var s ours
	_, err = pgx.ForEachRow(rows, []any{&code, &s.code, &s.name}, func() error {
		known[code] = s
		return nil
	})
	return known, err
}

// places finds the country of an offer.
type places struct {
	byISO  map[string]bool
	byName map[string]string // folded, to iso
}

func (p places) of(o *upstream.Offer) string {
	if iso := strings.ToUpper(strings.TrimSpace(o.CountryISO)); p.byISO[iso] {
		return iso
	}
	return p.byName[catalog.Fold(o.CountryName)]
}

// countries makes the countries of the offers known. One without a code of two
// letters gets one from those that ISO 3166 leaves to users: XA to XZ, QM to QZ.
func (b *batch) countries(ctx context.Context, offers []upstream.Offer) (places, error) {
	unknown := func(p places) []*upstream.Offer {
		var found []*upstream.Offer
		for i := range offers {
			if o := &offers[i]; o.Category == "otp" && p.of(o) == "" && catalog.Fold(b.im.forbidden.name(o.CountryName)) != "" {
				found = append(found, o)
			}
		}
		return found
	}
	p, err := b.places(ctx)
	if err != nil || len(unknown(p)) == 0 {
		return p, err
	}
	if err := b.lockNames(ctx); err != nil {
		return p, err
	}
	if p, err = b.places(ctx); err != nil {
		return p, err
	}
	var isos, names, prefixes []string
	for _, o := range unknown(p) {
		if p.of(o) != "" {
			continue // the one before it was the same
		}
		iso, name := strings.ToUpper(strings.TrimSpace(o.CountryISO)), b.im.forbidden.name(o.CountryName)
		if len(iso) != 2 || strings.Trim(iso, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			iso = p.spare()
		}
		if iso == "" {
			continue
		}
		p.byISO[iso], p.byName[catalog.Fold(name)] = true, iso
		isos, names, prefixes = append(isos, iso), append(names, name), append(prefixes, prefix(o.Prefix))
	}
	_, err = b.tx.Exec(ctx, `INSERT INTO otp_countries (iso, name, prefix, created_at)
		SELECT i, n, p, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS u (i, n, p)`, isos, names, prefixes, b.now)
	return p, err
}

func (b *batch) places(ctx context.Context) (places, error) {
	p := places{byISO: map[string]bool{}, byName: map[string]string{}}
	rows, err := b.tx.Query(ctx, `SELECT iso, name FROM otp_countries`)
	if err != nil {
		return p, err
	}
	var iso, name string
	_, err = pgx.ForEachRow(rows, []any{&iso, &name}, func() error {
		p.byISO[iso], p.byName[catalog.Fold(name)] = true, iso
		return nil
	})
	return p, err
}

func (p places) spare() string {
	for _, r := range []struct {
		first    byte
		from, to byte
	}{{'X', 'A', 'Z'}, {'Q', 'M', 'Z'}} {
		for ch := r.from; ch <= r.to; ch++ {
			if iso := string([]byte{r.first, ch}); !p.byISO[iso] {
				return iso
			}
		}
	}
	return ""
}

// prefix is a country's telephone prefix: a plus and digits; empty for anything else.
func prefix(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	if digits == "" || len(digits) > 7 {
		return ""
	}
	return "+" + digits
}
