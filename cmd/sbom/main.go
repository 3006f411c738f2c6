// Command sbom lists what a Go binary was built from, as CycloneDX JSON on standard output:
//
//	go run ./cmd/sbom .muara/release/muara-linux-amd64
//
// It reads what the Go linker wrote into the binary, so that the list is of what is in it and not of what go.mod might
// have brought. The same binary always gives the same bytes: there is no time and no random number among them.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sbom BINARY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// document is a CycloneDX 1.6 bill of materials.
type document struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component  component  `json:"component"`
	Properties []property `json:"properties"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Scope   string `json:"scope,omitempty"`
	Hashes  []hash `json:"hashes,omitempty"`
	PURL    string `json:"purl,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

func run(path string, out io.Writer) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(path) //nolint:gosec // G703: which binary is the caller's to say
	if err != nil {
		return err
	}
	doc, err := list(info, filepath.Base(path), sha256.Sum256(raw))
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

// list makes the document of a binary with that name and sum.
func list(info *debug.BuildInfo, name string, sum [sha256.Size]byte) (*document, error) {
	root := component{
		Type: "application", Ref: info.Path, Name: name, Version: stamped(info),
		Hashes: []hash{{Alg: "SHA-256", Content: hex.EncodeToString(sum[:])}},
	}
	parts := []component{{
		Type: "library", Ref: "std", Name: "std", Version: info.GoVersion, Scope: "required",
		PURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go"),
	}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		part := component{Type: "library", Name: m.Path, Version: m.Version, Scope: "required", PURL: "pkg:golang/" + m.Path + "@" + url.PathEscape(m.Version)}
		part.Ref = part.PURL
		// "h1:" is the SHA-256 of the module's files, as go.sum has it; a module replaced by a directory has none.
		if encoded, ok := strings.CutPrefix(m.Sum, "h1:"); ok {
			content, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return nil, fmt.Errorf("the sum of %s: %w", m.Path, err)
			}
			part.Hashes = []hash{{Alg: "SHA-256", Content: hex.EncodeToString(content)}}
		}
		parts = append(parts, part)
	}
	slices.SortFunc(parts, func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })
	refs := make([]string, len(parts))
	for i := range parts {
		refs[i] = parts[i].Ref
	}
	doc := &document{
		Format: "CycloneDX", Spec: "1.6", Serial: "urn:uuid:" + uuid(sum), Version: 1, Metadata: metadata{Component: root, Properties: settings(info)},
		Components: parts, Dependencies: []dependency{{Ref: root.Ref, DependsOn: refs}},
	}
	return doc, nil
}

// stamped is the version that -ldflags gave the program, or empty.
func stamped(info *debug.BuildInfo) string {
	for _, s := range info.Settings {
		if s.Key != "-ldflags" {
			continue
		}
		for _, flag := range strings.Fields(s.Value) {
			if v, ok := strings.CutPrefix(flag, "main.version="); ok {
				return strings.Trim(v, `"'`)
			}
		}
	}
	return ""
}

// settings are how the binary was built, platform and flags.
func settings(info *debug.BuildInfo) []property {
	props := []property{}
	for _, s := range info.Settings {
		props = append(props, property{Name: "go:build:" + s.Key, Value: s.Value})
	}
	return props
}

// uuid names the document after the binary (version 8 of RFC 9562: made from what one likes).
func uuid(sum [sha256.Size]byte) string {
	b := sum[:16]
	b = slices.Clone(b)
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
