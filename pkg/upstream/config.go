package upstream

import (
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Config is what a driver is made from.
type Config struct {
	Name        string
	BaseURL     string
	Credentials map[string]string
	// Options are the driver's own settings, no secrets among them.
	Options map[string]string
	HTTP    *HTTP
	// DB is the gateway's own database, where the sandbox keeps its books. No driver of
	// a provider looks at it.
	DB  *pgxpool.Pool
	Now func() time.Time
	Log *slog.Logger
}
