package emulator

import (
	"net/http"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// Control is the shared control API and what only panels have:
//
//	POST /control/services  {"service": "1", "rate": "0.9", "refill": true, "cancel": false, "remove": false}
//	POST /control/orders    {"order": "23501", "status": "Fail", "remains": "Unknown", "charge": "0"}: what status says; empty fields are as they are
//	POST /control/turn      {"order": "23501", "left": 50}: the order ends anew with so much undelivered
func (e *Emulator) Control() http.Handler {
	mux := e.Core.Control()
	done := func(w http.ResponseWriter, ok bool) {
		if !ok {
			http.Error(w, "not known", http.StatusNotFound)
			return
		}
		emulate.WriteJSON(w, http.StatusOK, map[string]bool{"done": true})
	}
	mux.HandleFunc("POST /control/services", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Service string        `json:"service"`
			Rate    *wire.Decimal `json:"rate"`
			Refill  *wire.Flag    `json:"refill"`
			Cancel  *wire.Flag    `json:"cancel"`
			Remove  bool          `json:"remove"`
		}
		if !emulate.ReadJSON(w, r, &in) {
			return
		}
		ok := e.SetService(in.Service, func(s *wire.Service) {
			if in.Rate != nil && in.Rate.Known {
				s.Rate = *in.Rate
			}
			if in.Refill != nil {
				s.Refill = *in.Refill
			}
			if in.Cancel != nil {
				s.Cancel = *in.Cancel
			}
		})
		if in.Remove {
			ok = ok && e.Remove(in.Service)
		}
		done(w, ok)
	})
	mux.HandleFunc("POST /control/orders", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Order string `json:"order"`
			Said
		}
		if emulate.ReadJSON(w, r, &in) {
			done(w, e.Say(in.Order, &in.Said))
		}
	})
	mux.HandleFunc("POST /control/turn", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Order string `json:"order"`
			Left  int64  `json:"left"`
		}
		if emulate.ReadJSON(w, r, &in) {
			done(w, e.Turn(in.Order, in.Left))
		}
	})
	return mux
}
