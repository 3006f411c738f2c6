package migrations

import (
	"context"
	"io/fs"

	"github.com/uptrace/bun"
)

// The runner over files of a test's own.

func UpOf(ctx context.Context, url string, fsys fs.FS) ([]string, error) { return up(ctx, url, fsys) }

func DownOf(ctx context.Context, url string, n int, fsys fs.FS) ([]string, error) {
	return down(ctx, url, n, fsys)
}

func CheckOf(ctx context.Context, db bun.IDB, fsys fs.FS) error { return check(ctx, db, fsys) }

func LoadOf(fsys fs.FS) error {
	_, err := load(fsys)
	return err
}

// Files are the embedded ones.
func Files() fs.FS { return files }
