package emulator

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// demoBanks are the banks and e-wallets whose accounts can be checked.
func demoBanks() []wire.Bank {
	var out []wire.Bank
	for i, b := range [][3]string{
		{"mandiri", "Bank Mandiri", "bank"}, {"permata", "Bank Permata & Permata Syariah", "bank"}, {"dana", "DANA Ewallet", "ewallet"},
		{"bca", "Bank Central Asia", "bank"}, {"bri", "Bank Rakyat Indonesia", "bank"}, {"bni", "Bank Negara Indonesia", "bank"},
		{"ovo", "OVO Ewallet", "ewallet"}, {"gopay", "GoPay Ewallet", "ewallet"},
	} {
		out = append(out, wire.Bank{ID: lenient.Text(strconv.Itoa(i + 1)), Code: lenient.Text(b[0]), Name: lenient.Text(b[1]), Type: lenient.Text(b[2])})
	}
	return out
}

// demoGames are the games whose accounts can be checked.
func demoGames() []wire.Game {
	var out []wire.Game
	for i, g := range [][2]string{{"freefire", "Free Fire"}, {"mobilelegends", "Mobile Legends"}, {"pubgm", "PUBG Mobile"}, {"genshin", "Genshin Impact"}} {
		out = append(out, wire.Game{ID: lenient.Text(strconv.Itoa(i + 1)), Code: lenient.Text(g[0]), Name: lenient.Text(g[1]), Type: "game"})
	}
	return out
}

func checkAccount(r *emulate.Request) emulate.Answer {
	code, number := r.Query.Get("bank_code"), r.Query.Get("account_number")
	for _, b := range demoBanks() {
		if string(b.Code) != code {
			continue
		}
		if b.Type == "ewallet" {
			number = strings.Replace(number, "0", "62", min(1, len(number)-len(strings.TrimPrefix(number, "0"))))
		}
		return checked(number, "DNID JAXX HAXX")
	}
	return refuse(http.StatusBadRequest, "Parameter bank_code tidak valid")
}

func checkUsername(r *emulate.Request) emulate.Answer {
	for _, g := range demoGames() {
		if string(g.Code) == r.Query.Get("account_code") {
			return checked(r.Query.Get("account_number"), "YantoBSK√")
		}
	}
	return refuse(http.StatusBadRequest, "Parameter account_code tidak valid")
}

// checked answers a check: numbers that end in 04 belong to nobody, as with [emulate.Digits].
func checked(number, name string) emulate.Answer {
	switch {
	case number == "":
		return refuse(http.StatusBadRequest, "Parameter account_number diperlukan")
	case strings.HasSuffix(number, "04"):
		return accept(wire.Checked{Status: "invalid", Number: lenient.Text(number)})
	}
	return accept(wire.Checked{Status: "valid", Number: lenient.Text(number), Name: lenient.Text(name)})
}
