package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
)

// told is a command as the pages for operators write it, up to its arguments: in a line, or in a block.
var (
	told     = regexp.MustCompile("`muara ((?:[a-z]+ )*[a-z]+)([^`]*)`")
	toldLine = regexp.MustCompile(`(?m)^muara ((?:[a-z]+ )*[a-z]+)(.*)$`)
)

// page reads one of the documents.
func page(t *testing.T, name ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "docs"}, name...)...))
	require.NoError(t, err)
	return string(text)
}

// blocks are what stands in a page's fenced blocks of a language.
func blocks(t *testing.T, text, language string) []string {
	t.Helper()
	var all []string
	for _, found := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		all = append(all, found[1])
	}
	require.NotEmpty(t, all, language)
	return all
}

func TestThePagesForOperatorsCallCommandsThatThereAre(t *testing.T) {
	t.Parallel()
	runbooks, err := filepath.Glob(filepath.Join("..", "..", "docs", "runbooks", "*.md"))
	require.NoError(t, err)
	pages := map[string]string{"operations.md": page(t, "operations.md"), "deposits.md": page(t, "deposits.md")}
	for _, path := range runbooks {
		name := filepath.Base(path)
		pages[name] = page(t, "runbooks", name)
	}
	s := &shell{t: t}
	tried := 0
	for name, text := range pages {
		commands := told.FindAllStringSubmatch(strings.Join(strings.Fields(text), " "), -1)
		for _, found := range append(commands, toldLine.FindAllStringSubmatch(text, -1)...) {
			words := strings.Fields(found[1])
			code, help, errs := s.run(append(words[:min(len(words), 2)], "--help")...)
			require.Equal(t, exitOK, code, "%s: muara %s: %s", name, found[1], errs)
			for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(found[2], -1) {
				require.Contains(t, help, flag, "%s: muara %s", name, found[1])
			}
			tried++
		}
	}
	require.Greater(t, tried, 40)
}

func TestWhatTheOperationsGuideAsksOfPostgresCanBeAsked(t *testing.T) {
	t.Parallel()
	db, text := testdb.New(t), page(t, "operations.md")
	for _, sql := range blocks(t, text, "sql") {
		_, err := db.Pool.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	for _, block := range blocks(t, text, "ini") {
		for line := range strings.Lines(block) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
			require.True(t, ok, line)
			var kind string
			var values []string
			require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT vartype, coalesce(enumvals, '{}') FROM pg_settings WHERE name = $1`, name).Scan(&kind, &values), name)
			require.True(t, kind != "enum" || slices.Contains(values, value), "%s is one of %v", name, values)
		}
	}
}

func TestWhatTheOperationsGuideSetsOfRedisCanBeSet(t *testing.T) {
	t.Parallel()
	server := testredis.StartServer(t)
	if !server.Real() {
		t.Skip("a Redis in this process has no settings") //nolint:forbidigo // there is nothing to be set
	}
	rdb := server.Client(t)
	for _, block := range blocks(t, page(t, "operations.md"), "conf") {
		for line := range strings.Lines(block) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
			require.True(t, ok, line)
			require.NoError(t, rdb.ConfigSet(t.Context(), name, value).Err(), line)
		}
	}
}
