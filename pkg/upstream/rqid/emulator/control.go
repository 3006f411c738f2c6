package emulator

import (
	"net/http"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// Control is the shared control API and what only this provider has:
//
//	POST /control/products  {"code": "IS5", "price": 6000, "gangguan": true, "kosong": false, "remove": false}
//	POST /control/history   {"ref": "A-1", "price": 6000, "state": "failed", "hide": true}: see [Plant]
func (e *Emulator) Control() http.Handler {
	mux := e.Core.Control()
	mux.HandleFunc("POST /control/products", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Code     string `json:"code"`
			Price    *int64 `json:"price"`
			Gangguan *bool  `json:"gangguan"`
			Kosong   *bool  `json:"kosong"`
			Remove   bool   `json:"remove"`
		}
		if !emulate.ReadJSON(w, r, &in) {
			return
		}
		ok := true
		if in.Price != nil {
			ok = e.SetPrice(in.Code, *in.Price)
		}
		if in.Gangguan != nil || in.Kosong != nil {
			ok = ok && e.SetFlags(in.Code, in.Gangguan != nil && *in.Gangguan, in.Kosong != nil && *in.Kosong)
		}
		if in.Remove {
			ok = ok && e.Remove(in.Code)
		}
		if !ok {
			http.Error(w, "not known", http.StatusNotFound)
			return
		}
		emulate.WriteJSON(w, http.StatusOK, map[string]bool{"done": true})
	})
	mux.HandleFunc("POST /control/history", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Ref string `json:"ref"`
			Plant
		}
		if emulate.ReadJSON(w, r, &in) {
			e.Plant(in.Ref, in.Plant)
			emulate.WriteJSON(w, http.StatusOK, in)
		}
	})
	return mux
}
