package emulator

import (
	"net/http"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// Control is the shared control API and what only this gateway has:
//
//	POST /control/withdrawals/{id}/approve  {"note": "…"}: what staff decides
//	POST /control/withdrawals/{id}/reject   the same
func (e *Emulator) Control() http.Handler {
	mux := e.Core.Control()
	for action, approve := range map[string]bool{"approve": true, "reject": false} {
		mux.HandleFunc("POST /control/withdrawals/{id}/"+action, func(w http.ResponseWriter, r *http.Request) {
			var in struct {
				Note string `json:"note"`
			}
			if r.ContentLength == 0 || emulate.ReadJSON(w, r, &in) {
				emulate.Done(w, e.Decide(r.PathValue("id"), approve, in.Note))
			}
		})
	}
	return mux
}
