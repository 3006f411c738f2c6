package role

import (
	"strings"

	"github.com/muarahq/muara/pkg/callback"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/upstream/drivers"
)

// callbacks takes what sources post to us; nil where none of the configured ones does.
// It needs no source's secret: who reads what was posted has it.
func (d Deps) callbacks() *callback.Door {
	tokens := map[string]string{}
	for _, u := range d.Config.Upstreams {
		if token := callbackToken(d.Config, u); token != "" {
			tokens[token] = u.Name
		}
	}
	if len(tokens) == 0 {
		return nil
	}
	return callback.NewDoor(d.DB.Pool, tokens, d.Now, d.Log, d.Registerer)
}

// callbackToken is the secret part of an upstream's address with us; empty where it
// posts nothing, or where the installation's key is not at hand.
func callbackToken(cfg *config.Config, u config.Upstream) string {
	kind, known := drivers.ByName(u.Driver)
	key, err := cfg.Secrets.Key()
	if !known || !kind.Does.Callbacks || err != nil {
		return ""
	}
	return callback.Token(key, u.Name, u.CallbackTurn)
}

// CallbackURL is where an upstream is to post to us what becomes of purchases. It is a
// secret of the two. Empty where it posts nothing, or where the key is not at hand;
// without a public URL it is a path.
func CallbackURL(cfg *config.Config, name string) string {
	for _, u := range cfg.Upstreams {
		if token := callbackToken(cfg, u); u.Name == name && token != "" {
			return strings.TrimRight(cfg.API.PublicURL, "/") + callback.Path + token
		}
	}
	return ""
}
