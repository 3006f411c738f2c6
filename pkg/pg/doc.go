// Package pg opens Postgres the two ways that Muara uses it.
//
// Decisions that bind:
//
//   - Ordinary reads and writes go through Bun over pgx's database/sql driver. Bun writes arguments into the statement's
//     text, so every text is new: the connection speaks the simple protocol, where a statement cache would only churn
//     (and a transaction-pooling proxy would break).
//   - Set-based statements of the hot paths are written by hand, take arrays, and go through a pgx pool, whose prepared
//     statements are the faster path for them.
//   - Every session runs in UTC and times are read as UTC.
//   - A column that this binary does not know is ignored when read, so that a migration may add one while the previous
//     version still runs.
//   - A transaction is a parameter (bun.IDB or pgx.Tx), never in a context, and no network call is made inside one.
package pg
