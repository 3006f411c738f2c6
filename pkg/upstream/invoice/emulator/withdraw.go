package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/invoice/wire"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

const (
	dana = "dana"
	// withdrawFee is in rupiah (gateway document, Withdraw).
	withdrawFee   = 1_000
	leastWithdraw = 10_000
	// The size of a page of the history.
	usualPage, mostPage = 10, 100
)

// asked is the body of a withdrawal, read leniently.
type asked struct {
	Amount        *lenient.Int `json:"amount"`
	AccountNumber lenient.Text `json:"accountNumber"`
	AccountName   lenient.Text `json:"accountName"`
}

// withdrawal is what the book keeps with one.
type withdrawal struct {
	name      string
	amount    int64
	note      string
	processed time.Time
}

func (d *door) withdraw(b *emulate.Book, r *emulate.Request) emulate.Answer {
	var in asked
	switch err := lenient.Decode(r.Body, &in); {
	case err != nil || in.Amount == nil || in.AccountNumber == "" || strings.TrimSpace(string(in.AccountName)) == "":
		return refuse(http.StatusBadRequest, "amount, accountNumber dan accountName wajib diisi")
	case *in.Amount < leastWithdraw:
		return refuse(http.StatusBadRequest, "Minimal penarikan Rp 10.000")
	case strings.Trim(string(in.AccountNumber), "0123456789") != "":
		return refuse(http.StatusBadRequest, "Nomor rekening tidak valid")
	}
	amount := int64(*in.Amount)
	p := emulate.Purchase{
		ID: newID(b, r.Now), Kind: "withdraw", Product: dana, Target: string(in.AccountNumber), Price: amount + withdrawFee, At: r.Now, State: wire.WithdrawPending,
	}
	o := b.Decide(p)
	w := &withdrawal{name: string(in.AccountName), amount: amount}
	var plan []emulate.Step
	if o.Result != emulate.Silent {
		plan = append(plan, w.decided(r.Now.Add(o.After), o.Result == emulate.Success))
	}
	var e *emulate.Entry
	if len(plan) > 0 && o.After == 0 {
		// Staff decides after the request was answered: its state there is pending.
		if e = b.Buy(p, w); e != nil {
			b.Plan(e, plan...)
		}
	} else {
		e = b.Buy(p, w, plan...)
	}
	if e == nil {
		return refuse(http.StatusBadRequest, "Saldo tidak cukup")
	}
	a := accept(wire.Requested{
		Success: yes(), Message: "Permintaan penarikan berhasil diajukan", WithdrawID: lenient.Text(e.ID), Amount: number(amount), Fee: number(withdrawFee),
		TotalDeduct: number(e.Price), NewBalance: number(b.Balance()), Status: lenient.Text(e.State), CreatedAt: wire.Stamp{Time: e.At},
	})
	a.Lost = o.Lost
	return a
}

// decided is the staff's decision as a step of the book.
func (w *withdrawal) decided(at time.Time, approved bool) emulate.Step {
	w.processed = at
	if approved {
		return emulate.Step{At: at, State: wire.WithdrawSuccess, Deliver: true}
	}
	w.note = "Nomor DANA tidak terdaftar"
	return emulate.Step{At: at, State: wire.WithdrawRejected, Refund: true, Reason: emulate.ReasonCustomer}
}

// row is a withdrawal as the history shows it.
func row(e *emulate.Entry) wire.Withdrawal {
	w := e.Facts.(*withdrawal)
	out := wire.Withdrawal{
		WithdrawID: lenient.Text(e.ID), Amount: number(w.amount), Fee: number(withdrawFee), TotalDeduct: number(e.Price), Status: lenient.Text(e.State),
		Method: dana, AccountNumber: lenient.Text(e.Target), AccountName: lenient.Text(w.name), CreatedAt: wire.Stamp{Time: e.At},
	}
	if e.State != wire.WithdrawPending {
		out.ProcessedAt = wire.Stamp{Time: w.processed}
		if w.note != "" {
			note := lenient.Text(w.note)
			out.AdminNote = &note
		}
	}
	return out
}

func (d *door) withdrew(b *emulate.Book, r *emulate.Request) emulate.Answer {
	e := b.ByID(idIn(r))
	if e == nil {
		return refuse(http.StatusNotFound, "Withdraw tidak ditemukan")
	}
	out := row(e)
	out.Success = yes()
	return accept(out)
}

func (d *door) history(b *emulate.Book, r *emulate.Request) emulate.Answer {
	page, ok := whole(r.Query.Get("page"), 1)
	limit, fine := whole(r.Query.Get("limit"), usualPage)
	if !ok || !fine {
		return refuse(http.StatusBadRequest, "page atau limit tidak valid")
	}
	limit = min(limit, mostPage)
	status := r.Query.Get("status")
	rows := []wire.Withdrawal{}
	for _, e := range slices.Backward(b.Entries()) {
		if status == "" || status == e.State {
			rows = append(rows, row(e))
		}
	}
	total := len(rows)
	start := min((page-1)*limit, total)
	return accept(wire.History{
		Success: yes(), Data: rows[start:min(start+limit, total)],
		Pagination: &wire.Pagination{
			Page: lenient.Int(page), Limit: lenient.Int(limit), Total: lenient.Int(total), TotalPages: lenient.Int((total + limit - 1) / limit),
		},
	})
}

// whole reads a positive number; empty is the usual one.
func whole(s string, usual int) (int, bool) {
	if s == "" {
		return usual, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0 && n <= 1_000_000
}

// Decide approves or rejects a pending withdrawal, as staff does. It says whether there
// was one to decide.
func (e *Emulator) Decide(id string, approve bool, note string) bool {
	done := false
	e.Do(func(b *emulate.Book, now time.Time) {
		entry := b.ByID(id)
		if entry == nil || entry.State != wire.WithdrawPending {
			return
		}
		w := entry.Facts.(*withdrawal)
		step := w.decided(now, approve)
		if note != "" {
			w.note = note
		}
		b.Apply(entry, step)
		done = true
	})
	return done
}
