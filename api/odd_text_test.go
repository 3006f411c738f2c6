package api_test

import (
	"net/http"
	"testing"
)

func TestWhatIsNoTextIsNotAskedOfTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	for _, odd := range []string{"%ff", "%00", "a%00b", "MRA-WD-%fe", "%c3%28"} {
		for _, path := range []string{"/withdraw/", "/deposit/", "/order/"} {
			c.get(path+odd).refused(http.StatusNotFound, "not_found")
		}
		c.post("/order/"+odd+"/cancel", "").refused(http.StatusNotFound, "not_found")
		c.post("/deposit/"+odd+"/cancel", "").refused(http.StatusNotFound, "not_found")
		for _, query := range []string{
			"/orders?search=", "/orders?sku=", "/withdrawals?cursor=", "/ppob/products?search=", "/otp/countries?service=", "/otp/operators?sku=",
			"/check/bank?account_number=0812&bank_code=", "/price?sku=",
		} {
			c.get(query+odd).refused(http.StatusBadRequest, "invalid_request")
		}
		(&client{w: w}).get("/orders?search="+odd).refused(http.StatusUnauthorized, "unauthorized")
	}
}
