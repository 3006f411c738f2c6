package emulator

import (
	"net/http"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// Control is the shared control API and what only this provider has:
//
//	POST /control/otp/{id}/code  {"code": "12345"}
//	POST /control/products       {"code": "FF50", "price": 6000, "closed": false, "remove": false}
//	POST /control/offers         {"number_id": "340437", "provider_id": "3837", "price": 1100, "stock": 0}
func (e *Emulator) Control() http.Handler {
	mux := e.Core.Control()
	mux.HandleFunc("POST /control/otp/{id}/code", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Code string `json:"code"`
		}
		if emulate.ReadJSON(w, r, &in) {
			emulate.Done(w, e.DeliverCode(r.PathValue("id"), in.Code))
		}
	})
	mux.HandleFunc("POST /control/products", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Code   string `json:"code"`
			Price  *int64 `json:"price"`
			Closed *bool  `json:"closed"`
			Remove bool   `json:"remove"`
		}
		if !emulate.ReadJSON(w, r, &in) {
			return
		}
		ok := true
		if in.Price != nil {
			ok = e.SetPrice(in.Code, *in.Price)
		}
		if in.Closed != nil {
			ok = ok && e.SetClosed(in.Code, *in.Closed)
		}
		if in.Remove {
			ok = ok && e.Remove(in.Code)
		}
		emulate.Done(w, ok)
	})
	mux.HandleFunc("POST /control/offers", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			NumberID   string `json:"number_id"`
			ProviderID string `json:"provider_id"`
			Price      int64  `json:"price"`
			Stock      int64  `json:"stock"`
		}
		if emulate.ReadJSON(w, r, &in) {
			emulate.Done(w, e.SetOffer(in.NumberID, in.ProviderID, in.Price, in.Stock))
		}
	})
	return mux
}
