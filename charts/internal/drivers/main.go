// Command drivers writes into a chart what muara's table of drivers says: their names into the schema of the values, and the budget of
// each, which is what an upstream has where none is configured, into a template.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/muarahq/muara/pkg/upstream/drivers"
)

func main() {
	check := flag.Bool("check", false, "write nothing, and fail where something is old")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: drivers [-check] CHART")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *check); err != nil {
		fmt.Fprintln(os.Stderr, "drivers:", err)
		os.Exit(1)
	}
}

func run(dir string, check bool) error {
	var errs []error
	for name, write := range map[string]func([]byte) ([]byte, error){"values.schema.json": schema, "templates/_drivers.tpl": budgets} {
		at := filepath.Join(dir, name)
		before, err := os.ReadFile(at)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		now, err := write(before)
		switch {
		case err != nil:
		case bytes.Equal(before, now):
		case check:
			err = fmt.Errorf("%s is not what the table of drivers says: run `make generate`", at)
		default:
			err = os.WriteFile(at, now, 0o644)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// names is the schema's list of drivers.
var names = regexp.MustCompile(`("driver": \{"type": "string", "enum": )\[[^\]]*\]`)

func schema(before []byte) ([]byte, error) {
	if n := len(names.FindAll(before, -1)); n != 1 {
		return nil, fmt.Errorf("the schema has %d lists of drivers", n)
	}
	var list bytes.Buffer
	for i, name := range drivers.Names() {
		if i > 0 {
			list.WriteString(", ")
		}
		fmt.Fprintf(&list, "%q", name)
	}
	return names.ReplaceAll(before, []byte("${1}["+list.String()+"]")), nil
}

func budgets([]byte) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("{{/* The budget of each driver, as muara takes it where none is configured. `make generate` writes this file. */}}\n")
	out.WriteString("{{- define \"muara.drivers\" -}}\n")
	for i, k := range drivers.All() {
		line, err := json.Marshal(map[string]any{"requests": k.Limit.Requests, "per": fmt.Sprintf("%gs", k.Limit.Per.Seconds())})
		if err != nil {
			return nil, err
		}
		out.WriteString(map[bool]string{true: "{", false: ",\n "}[i == 0])
		fmt.Fprintf(&out, "%q: %s", k.Name, line)
	}
	out.WriteString("}\n{{- end -}}\n")
	return out.Bytes(), nil
}
