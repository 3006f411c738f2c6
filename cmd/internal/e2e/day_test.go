package e2e

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// TestADayOfAMerchantAddsUp is all that a merchant does, from its first deposit to the
// export of its statement. It keeps its own account of what it was told, and after every
// step the gateway's balance, statement and webhooks have to agree with it.
func TestADayOfAMerchantAddsUp(t *testing.T) {
	sideBySide(t, 90*time.Second)
	w := newWorld(t, settings{also: []string{smmName, gateName}, limit: 200, configured: func(w *world) {
		f, err := os.OpenFile(w.config(), os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteString("withdrawals: {fee_fixed: 2500}\n")
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}})
	w.everything()
	w.premium("NETFLIXHARI", 35_000, 2)
	d := &day{t: t, w: w, m: w.merchant("Toko Sehari", 0), held: map[string]int64{}}
	d.send(http.MethodPut, "/webhook", body{"url": w.receiver.URL + "/hari"}, nil)
	d.addsUp("registered")
	for _, amount := range []int64{2_000_000, 750_000} {
		d.payIn(amount)
	}
	d.phones()
	d.bills()
	d.numbers()
	d.followers()
	d.accounts()
	d.payOut()
	d.rotate()
	d.export()
	d.webhooks()
	w.alive()
	w.verified()
}

// day is a merchant that keeps books of its own.
type day struct {
	t       testing.TB
	w       *world
	m       *merchant
	balance int64
	held    map[string]int64 // prices of what is not final, by ref
	lines   []mutation       // oldest first
	bought  map[string]int64 // what premium products cost: their delivery is no news
	n       int
}

// moved notes what has to have moved the balance.
func (d *day) moved(kind, ref string, credit, debit int64) {
	d.balance += credit - debit
	d.lines = append(d.lines, mutation{ID: int64(len(d.lines) + 1), Kind: kind, Ref: ref, Credit: credit, Debit: debit, Balance: d.balance})
}

// addsUp holds the gateway's account to the merchant's own.
func (d *day) addsUp(step string) {
	d.t.Helper()
	want := profile{Balance: d.balance}
	for _, price := range d.held {
		want.Held += price
	}
	require.Equal(d.t, want, d.m.profile(d.t), step)
	all := d.m.mutations(d.t)
	slices.Reverse(all)
	require.Len(d.t, all, len(d.lines), step)
	for i := range all {
		require.Equal(d.t, d.lines[i], all[i], step)
	}
}

// send makes a request that must succeed, and decodes what came.
func (d *day) send(method, path string, in any, out any) {
	d.t.Helper()
	r, _, err := d.m.insist(d.t.Context(), method, "/api/v1"+path, in)
	require.NoError(d.t, err)
	require.Equal(d.t, http.StatusOK, r.Status, "%s: %s", path, r.Raw)
	if out != nil {
		require.NoError(d.t, json.Unmarshal(r.Data, out), "%s", r.Raw)
	}
}

// raw reads what is not in the envelope.
func (d *day) raw(path string) []byte {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.w.url()+path, nil)
	require.NoError(d.t, err)
	req.Header.Set("Authorization", "Bearer "+d.m.Key)
	resp, err := d.m.http.Do(req)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	require.Equal(d.t, http.StatusOK, resp.StatusCode, "%s: %s", path, raw)
	return raw
}

// ref is a new one.
func (d *day) ref(kind string) string {
	d.n++
	return fmt.Sprintf("hari-%s-%d", kind, d.n)
}

// payIn asks for a code, reads it off the picture and pays it.
func (d *day) payIn(amount int64) {
	ref := d.ref("isi")
	var asked struct {
		Amount, Fee, Balance int64
		Total                int64  `json:"total_payment"`
		QR                   string `json:"qr_string"`
		Picture              string `json:"qr_image"`
	}
	d.send(http.MethodPost, "/deposit", body{"amount": amount, "ref": ref}, &asked)
	require.Equal(d.t, []int64{amount, amount + asked.Fee, d.balance}, []int64{asked.Amount, asked.Total, asked.Balance}, ref)
	scanned := d.scan(d.raw(asked.Picture))
	require.Equal(d.t, asked.QR, scanned)
	require.Equal(d.t, strconv.FormatInt(asked.Total, 10), amountOf(d.t, scanned), "who scans it pays what was said")
	d.addsUp(ref + " has not been paid")

	gate, invoice := d.invoice(amountOf(d.t, scanned))
	gate.call(http.MethodPost, "/deposits/"+invoice+"/pay", map[string]bool{"late": false}, nil)
	d.moved("deposit", ref, amount, 0)
	want := depositView{Ref: ref, Status: "paid", Amount: amount, Credited: true}
	until(d.t, time.Minute, ref+" is credited", func() bool {
		var v depositView
		d.m.get(d.t, "/deposit/"+ref, &v)
		return v == want
	})
	d.addsUp(ref)
}

// invoice finds who made a code out.
func (d *day) invoice(total string) (gate *emulated, id string) {
	d.t.Helper()
	for _, e := range d.w.emulated {
		for _, i := range e.books().Invoices {
			if i.State == emulate.InvoicePending && strconv.FormatInt(i.Total, 10) == total {
				return e, i.ID
			}
		}
	}
	require.Fail(d.t, "nobody made out a code", total)
	return nil, ""
}

// scan reads a picture as a phone does: with a reader that is not the gateway's own.
func (d *day) scan(picture []byte) string {
	d.t.Helper()
	node := exec.CommandContext(d.t.Context(), filepath.Join("..", "..", "..", "scripts", "node"))
	node.Stderr = os.Stderr
	out, err := node.Output()
	require.NoError(d.t, err)
	at := strings.TrimSpace(string(out))
	script, err := os.ReadFile(filepath.Join("..", "clients", "node", "qr.mjs"))
	require.NoError(d.t, err)
	dir := d.t.TempDir()
	require.NoError(d.t, os.WriteFile(filepath.Join(dir, "qr.mjs"), script, 0o600))
	require.NoError(d.t, os.Symlink(filepath.Join(at, "node_modules"), filepath.Join(dir, "node_modules")))
	cmd := exec.CommandContext(d.t.Context(), filepath.Join(at, "bin", "node"), filepath.Join(dir, "qr.mjs"))
	cmd.Stdin = bytes.NewReader(picture)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	require.NoError(d.t, err, stderr.String())
	return string(text)
}

// amountOf is what a QRIS code asks for: its field 54.
func amountOf(t testing.TB, code string) string {
	t.Helper()
	for rest := code; len(rest) >= 4; {
		n, err := strconv.Atoi(rest[2:4])
		require.NoError(t, err, code)
		require.GreaterOrEqual(t, len(rest), 4+n, code)
		if rest[:2] == "54" {
			return rest[4 : 4+n]
		}
		rest = rest[4+n:]
	}
	require.Fail(t, "a code without an amount", code)
	return ""
}

// price is what the catalogue says.
func (d *day) price(sku string) int64 {
	d.t.Helper()
	var out struct{ Price int64 }
	d.m.get(d.t, "/price?sku="+url.QueryEscape(sku), &out)
	return out.Price
}

func nothing(orderView) int64   { return 0 }
func whole(o orderView) int64   { return o.Price }
func remains(o orderView) int64 { return o.Price * o.Data.Remains / o.Quantity }

// place orders something at a price that was told before.
func (d *day) place(b body, price int64) placed {
	d.t.Helper()
	ref := b["ref"].(string)
	p := d.m.place(d.t, b)
	require.Equal(d.t, price, p.Order.Price, ref)
	d.moved("order", ref, 0, price)
	d.held[ref] = price
	require.Equal(d.t, d.balance, p.Balance, ref)
	return p
}

// ends waits until an order has come to where it must, and was told so; back is what of
// it comes back by the contract.
func (d *day) ends(ref, status string, back func(orderView) int64) {
	d.t.Helper()
	until(d.t, 2*time.Minute, ref+" is "+status, func() bool { return d.m.order(d.t, ref).Status == status })
	o := d.m.order(d.t, ref)
	require.Equal(d.t, back(o), o.Refunded, ref)
	if o.Refunded > 0 {
		d.moved("refund", ref, o.Refunded, 0)
	}
	delete(d.held, ref)
	d.addsUp(ref)
	until(d.t, time.Minute, ref+" is told", func() bool {
		told := d.w.receiver.of(o.OrderID)
		if len(told) == 0 {
			return false
		}
		last := told[len(told)-1].Order
		return last.Status == status && last.Price == o.Price && last.Refunded == o.Refunded
	})
}

func (d *day) buy(b body, price int64, status string, back func(orderView) int64) {
	d.t.Helper()
	d.place(b, price)
	d.ends(b["ref"].(string), status, back)
}

func (d *day) phones() {
	g := d.w.goods("ppob", ppobName)[0]
	d.buy(ppob(d.ref("pulsa"), &g, "081230000101"), d.price(g.SKU), "completed", nothing)
	d.buy(ppob(d.ref("pulsa"), &g, "081230000203"), d.price(g.SKU), "failed", whole)
	d.buy(ppob(d.ref("pulsa"), &g, "081230000307"), d.price(g.SKU), "completed", nothing)
}

// bills are asked for, and paid as they were told.
func (d *day) bills() {
	var list struct {
		Products []struct{ SKU string }
	}
	d.m.get(d.t, "/ppob/products?type=postpaid&available=true", &list)
	require.NotEmpty(d.t, list.Products)
	for customer, status := range map[string]string{"546302215801": "completed", "546302215804": "failed"} {
		b := body{"ref": d.ref("tagihan"), "sku": list.Products[0].SKU, "customer_no": customer}
		var asked struct {
			Inquiry struct {
				Price int64
				Bill  struct{ Total int64 }
			}
		}
		d.send(http.MethodPost, "/inquiry", b, &asked)
		require.Equal(d.t, asked.Inquiry.Bill.Total+d.price(list.Products[0].SKU), asked.Inquiry.Price, "the bill and our fee")
		d.addsUp("asking costs nothing")
		b["category"] = "ppob"
		back := nothing
		if status == "failed" {
			back = whole
		}
		d.buy(b, asked.Inquiry.Price, status, back)
	}
}

// numbers are one that gets its code and one that is given back.
func (d *day) numbers() {
	g := d.w.goods("otp", otpName)[0]
	d.buy(rented(d.ref("nomor"), &g), d.price(g.SKU), "completed", nothing)
	d.w.otp.script(emulate.Spec{Mode: "mix", Mix: map[string]int{emulate.MixSilent: 1}})
	ref := d.ref("nomor")
	d.place(rented(ref, &g), d.price(g.SKU))
	until(d.t, time.Minute, "the number is rented", func() bool { return d.m.order(d.t, ref).Data.Phone != "" })
	d.addsUp(ref + " is held")
	d.send(http.MethodPost, "/order/"+ref+"/cancel", nil, nil)
	d.ends(ref, "canceled", whole)
}

// followers are delivered in full, in part, and not at all.
func (d *day) followers() {
	s := d.w.services(smmName)[0]
	quantity, rate := 3*s.min, d.price(s.SKU)
	order := func(digits string) (body, int64) {
		ref := d.ref("pengikut")
		return body{"category": "smm", "ref": ref, "sku": s.SKU, "target": fmt.Sprintf("https://example.com/p/%d%s", d.n, digits), "quantity": quantity}, (rate*quantity + 999) / 1000
	}
	for _, c := range []struct {
		digits, status string
		back           func(orderView) int64
	}{{"50", "completed", nothing}, {"10", "partial", remains}, {"12", "canceled", whole}} {
		b, price := order(c.digits)
		d.buy(b, price, c.status, c.back)
	}
}

// accounts are premium products: they come with the answer.
func (d *day) accounts() {
	ref := d.ref("akun")
	p := d.place(body{"category": "product", "ref": ref, "sku": "NETFLIXHARI", "quantity": 2}, 2*d.price("NETFLIXHARI"))
	require.Equal(d.t, "completed", p.Order.Status)
	require.Len(d.t, p.Order.Data.Items, 2)
	delete(d.held, ref)
	d.bought = map[string]int64{ref: p.Order.Price}
	d.addsUp(ref)
}

// payOut asks for money three times: it is paid out, an operator refuses, and the
// gateway does.
func (d *day) payOut() {
	type view struct {
		ID      string `json:"withdraw_id"`
		Status  string `json:"status"`
		Amount  int64  `json:"amount"`
		Fee     int64  `json:"fee"`
		Total   int64  `json:"total_deduct"`
		Balance int64  `json:"balance"`
	}
	ask := func(amount int64) (string, view) {
		ref := d.ref("tarik")
		var v view
		d.send(http.MethodPost, "/withdraw", body{"ref": ref, "amount": amount, "method": "dana", "account_number": "081234567801", "account_name": "Budi"}, &v)
		require.Equal(d.t, []int64{amount, 2_500, amount + 2_500}, []int64{v.Amount, v.Fee, v.Total})
		d.moved("withdraw", ref, 0, v.Total)
		require.Equal(d.t, d.balance, v.Balance)
		d.addsUp(ref)
		return ref, v
	}
	ends := func(ref, status string) {
		until(d.t, 2*time.Minute, ref+" is "+status, func() bool {
			var v view
			d.m.get(d.t, "/withdraw/"+ref, &v)
			return v.Status == status
		})
		d.addsUp(ref + " is " + status)
	}
	// approved is one that the gateway's staff has before it.
	approved := func(amount int64) (ref, payout string, v view) {
		ref, v = ask(amount)
		until(d.t, time.Minute, "its account has been looked up", func() bool { return d.w.try(nil, "withdraw", "approve", v.ID) == nil })
		until(d.t, time.Minute, "the gateway has it", func() bool {
			return d.w.pool.QueryRow(d.t.Context(), `SELECT upstream_ref FROM withdrawals WHERE ref = $1 AND state = 'sent'`, ref).Scan(&payout) == nil
		})
		ends(ref, "processing")
		return ref, payout, v
	}
	d.w.gate.script(emulate.Spec{Mode: "mix", Mix: map[string]int{emulate.MixSilent: 1}}) // its staff decides
	ref, payout, _ := approved(150_000)
	d.w.gate.call(http.MethodPost, "/withdrawals/"+payout+"/approve", body{}, nil)
	ends(ref, "success")

	ref, v := ask(60_000)
	d.w.cli(nil, "withdraw", "reject", v.ID, "--why", "not today")
	d.moved("withdraw_refund", ref, v.Total, 0)
	ends(ref, "rejected")

	ref, payout, v = approved(70_000)
	d.w.gate.call(http.MethodPost, "/withdrawals/"+payout+"/reject", body{"note": "nomor salah"}, nil)
	d.moved("withdraw_refund", ref, v.Total, 0)
	until(d.t, 2*time.Minute, ref+" has come back", func() bool { return d.m.profile(d.t).Balance == d.balance })
	ends(ref, "rejected")
}

// rotate changes the secret: for a while both verify.
func (d *day) rotate() {
	var fresh struct{ Secret string }
	d.send(http.MethodPost, "/webhook/secret", nil, &fresh)
	require.NotEqual(d.t, d.m.Secret, fresh.Secret)
	g := d.w.goods("ppob", ppobName)[0]
	ref := d.ref("pulsa")
	d.buy(ppob(ref, &g, "081230000401"), d.price(g.SKU), "completed", nothing)
	told := d.w.receiver.of(d.m.order(d.t, ref).OrderID)
	last := told[len(told)-1]
	require.True(d.t, last.signedBy(d.m.Secret), "who has not noticed goes on")
	require.True(d.t, last.signedBy(fresh.Secret))
	require.False(d.t, last.signedBy("whsec_"+sealKey))
	for _, earlier := range d.w.receiver.everything()[:3] {
		require.True(d.t, earlier.signedBy(d.m.Secret))
		require.False(d.t, earlier.signedBy(fresh.Secret))
	}
}

// export reads the statement as a spreadsheet does.
func (d *day) export() {
	rows, err := csv.NewReader(bytes.NewReader(d.raw("/api/v1/mutations?format=csv"))).ReadAll()
	require.NoError(d.t, err)
	require.Equal(d.t, []string{"id", "debit", "credit", "balance", "kind", "ref"}, rows[0][:6])
	rows = rows[1:]
	require.Len(d.t, rows, len(d.lines))
	for i, line := range d.lines {
		row := rows[len(rows)-1-i] // newest first
		require.Equal(d.t, fmt.Sprint(line.ID, line.Debit, line.Credit, line.Balance, line.Kind, line.Ref),
			fmt.Sprint(number(d.t, row[0]), number(d.t, row[1]), number(d.t, row[2]), number(d.t, row[3]), row[4], row[5]))
	}
}

func number(t testing.TB, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	require.NoError(t, err)
	return n
}

// webhooks adds up what was told and nothing else: with what was delivered at once it is
// the balance.
func (d *day) webhooks() {
	until(d.t, time.Minute, "every webhook is delivered", func() bool {
		return d.w.count(`SELECT count(*) FROM webhook_events WHERE status IN ('pending', 'failed')`) == 0
	})
	require.Empty(d.t, d.w.receiver.wrong())
	told := map[string]int64{} // by what it is about: the newest holds
	for _, e := range d.w.receiver.everything() {
		var in struct {
			Data struct {
				Order    *orderView
				Deposit  *depositView
				Withdraw *struct {
					Ref    string
					Status string
					Total  int64 `json:"total_deduct"`
				}
			}
		}
		require.NoError(d.t, json.Unmarshal(e.Body, &in), "%s", e.Body)
		switch {
		case in.Data.Order != nil:
			told[in.Data.Order.Ref] = in.Data.Order.Refunded - in.Data.Order.Price
		case in.Data.Deposit != nil && in.Data.Deposit.Status == "paid":
			told[in.Data.Deposit.Ref] = in.Data.Deposit.Amount
		case in.Data.Withdraw != nil:
			told[in.Data.Withdraw.Ref] = -in.Data.Withdraw.Total
			if in.Data.Withdraw.Status == "rejected" {
				told[in.Data.Withdraw.Ref] = 0
			}
		}
	}
	for ref, price := range d.bought {
		told[ref] = -price
	}
	sum := int64(0)
	for _, amount := range told {
		sum += amount
	}
	require.Equal(d.t, d.balance, sum, "%v", told)
	require.Len(d.t, told, d.n, "each of them was told of")
	d.addsUp("in the end")
}
