package api

import (
	"net/http"
	"strings"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/deposit"
)

// servePage answers what is not below the base paths.
func (s *server) servePage(c *rest.Call) {
	path := c.R.URL.Path
	if path == "/" {
		http.Redirect(c.W, c.R, "/docs", http.StatusFound)
		return
	}
	if token, ok := strings.CutPrefix(path, deposit.PicturePath); ok {
		s.servePicture(c, token)
		return
	}
	s.rest.ServePage(c, s.pages())
}
