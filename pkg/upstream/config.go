package upstream

import (
	"log/slog"
	"time"
)

// Config is what a driver is made from.
type Config struct {
	Name        string
	BaseURL     string
	Credentials map[string]string
	// Options are the driver's own settings, no secrets among them.
	Options map[string]string
	HTTP    *HTTP
	Now     func() time.Time
	Log     *slog.Logger
}
