// Package migrations holds the schema and brings a database to it.
//
// Decisions that bind:
//
//   - A migration is a pair of files, <timestamp>_<area>.tx.up.sql and .tx.down.sql, each run in one transaction in which
//     it is also marked: a schema change and its mark cannot come apart, whenever the process is killed.
//   - What cannot run in a transaction (CREATE INDEX CONCURRENTLY) has a file of its own, without ".tx", with one
//     idempotent statement (IF NOT EXISTS), since its mark follows it.
//   - "--bun:split" on a line of its own ends a statement. A line is at most 64 KiB.
//   - Migrations expand first and contract later: the previous version of the program works on the newer schema.
//   - One process migrates at a time: a session-level advisory lock on a connection held for that alone, freed by the
//     server when the process dies. It needs a direct connection, not a transaction-pooling proxy.
//   - Each migration is taken back alone, newest first.
package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/uptrace/bun/migrate"
)

//go:embed *.sql
var files embed.FS

// load reads the embedded files. A fresh set each time: Bun writes a database's state into it.
func load(fsys fs.FS) (*migrate.Migrations, error) {
	set := migrate.NewMigrations()
	if err := set.Discover(fsys); err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	for _, m := range set.Sorted() {
		if m.Up == nil || m.Down == nil {
			return nil, fmt.Errorf("migrations: %s_%s lacks its up or its down file", m.Name, m.Comment)
		}
	}
	return set, nil
}

// Latest is the newest migration of this binary, as "<timestamp>_<area>"; empty when there is none.
func Latest() (string, error) {
	set, err := load(files)
	if err != nil {
		return "", err
	}
	sorted := set.Sorted()
	if len(sorted) == 0 {
		return "", nil
	}
	last := sorted[len(sorted)-1]
	return last.String(), nil
}

// Hash names the schema that the up files make: two binaries with the same hash make the same database.
func Hash() (string, error) {
	names, err := fs.Glob(files, "*.up.sql")
	if err != nil {
		return "", fmt.Errorf("migrations: %w", err)
	}
	sum := sha256.New()
	for _, name := range names { // Glob answers in order
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return "", fmt.Errorf("migrations: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(body))
		sum.Write(body)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
