package emulate

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Control is the API by which tests of several processes steer an emulator and
// read its books. An emulator adds its own routes to the mux.
//
//	GET    /control/books        everything but the log of arrivals; ?requests=1 adds it
//	GET    /control/violations   breaches of the limit
//	GET    /control/faults       rules with their hits
//	POST   /control/faults       add a rule
//	DELETE /control/faults       take back ?id=N, or all
//	POST   /control/script       a [Spec]
//	POST   /control/balance      {"balance": N}
//	POST   /control/move         {"amount": N, "notes": "…"}: a change that is no purchase
//	POST   /control/settle       everything that is planned happens now
//	POST   /control/deposits/{id}/pay     {"late": false}: an invoice is paid, late also one that has ended
//	POST   /control/deposits/{id}/expire  a pending invoice runs out
func (c *Core) Control() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /control/books", func(w http.ResponseWriter, r *http.Request) {
		books := c.Books()
		if r.URL.Query().Get("requests") == "" {
			books.Requests = nil
		}
		WriteJSON(w, http.StatusOK, books)
	})
	mux.HandleFunc("GET /control/violations", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, c.Violations())
	})
	mux.HandleFunc("GET /control/faults", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, c.Faults())
	})
	mux.HandleFunc("POST /control/faults", c.postFault)
	mux.HandleFunc("DELETE /control/faults", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.URL.Query().Get("id"))
		if err != nil && r.URL.Query().Has("id") {
			http.Error(w, "id is not a number", http.StatusBadRequest)
			return
		}
		WriteJSON(w, http.StatusOK, map[string]int{"removed": c.ClearFaults(id)})
	})
	mux.HandleFunc("POST /control/script", func(w http.ResponseWriter, r *http.Request) {
		var spec Spec
		if !ReadJSON(w, r, &spec) {
			return
		}
		script, err := spec.Script()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		payer, err := spec.Payer()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.SetScript(script)
		c.SetPayer(payer)
		WriteJSON(w, http.StatusOK, spec)
	})
	c.controlMoney(mux)
	return mux
}

// controlMoney adds what moves our balance, time and payers among it.
func (c *Core) controlMoney(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/balance", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Balance int64 `json:"balance"`
		}
		if ReadJSON(w, r, &in) {
			c.SetBalance(in.Balance)
			WriteJSON(w, http.StatusOK, in)
		}
	})
	mux.HandleFunc("POST /control/move", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Amount int64  `json:"amount"`
			Notes  string `json:"notes"`
		}
		if ReadJSON(w, r, &in) {
			c.Move(in.Amount, in.Notes)
			WriteJSON(w, http.StatusOK, in)
		}
	})
	mux.HandleFunc("POST /control/settle", func(w http.ResponseWriter, _ *http.Request) {
		c.Settle()
		WriteJSON(w, http.StatusOK, map[string]bool{"settled": true})
	})
	mux.HandleFunc("POST /control/deposits/{id}/pay", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Late bool `json:"late"`
		}
		if r.ContentLength == 0 || ReadJSON(w, r, &in) {
			Done(w, c.PayInvoice(r.PathValue("id"), in.Late))
		}
	})
	mux.HandleFunc("POST /control/deposits/{id}/expire", func(w http.ResponseWriter, r *http.Request) {
		Done(w, c.ExpireInvoice(r.PathValue("id")))
	})
}

// Done answers a control request that changes something, or says that it could not.
func Done(w http.ResponseWriter, ok bool) {
	if !ok {
		http.Error(w, "not known, or not possible now", http.StatusNotFound)
		return
	}
	WriteJSON(w, http.StatusOK, map[string]bool{"done": true})
}

func (c *Core) postFault(w http.ResponseWriter, r *http.Request) {
	var rule Rule
	if !ReadJSON(w, r, &rule) {
		return
	}
	id, err := c.AddFault(rule)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	WriteJSON(w, http.StatusOK, map[string]int{"id": id})
}

// ReadJSON reads a control request strictly; it answers itself when it cannot.
func ReadJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequestBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

// WriteJSON answers a control request.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may have gone
}
