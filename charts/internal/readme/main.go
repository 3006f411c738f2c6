// Command readme writes a chart's README.md from the comments in its values.yaml: one line for each value whose comment begins with
// "--". A value without such a comment, whose own values have none either, is an error: every value is documented.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

func main() {
	stdout := flag.Bool("stdout", false, "write to standard output instead")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: readme [-stdout] CHART")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *stdout); err != nil {
		fmt.Fprintln(os.Stderr, "readme:", err)
		os.Exit(1)
	}
}

func run(dir string, stdout bool) error {
	head, err := os.ReadFile(filepath.Join(dir, "README.md.head"))
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "values.yaml"))
	if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return err
	}
	var out bytes.Buffer
	out.Write(head)
	out.WriteString("\n| value | default | |\n|---|---|---|\n")
	if err := rows(&out, "", doc.Content[0]); err != nil {
		return err
	}
	if stdout {
		_, err = os.Stdout.Write(out.Bytes())
		return err
	}
	file, err := os.Create(filepath.Join(dir, "README.md"))
	if err != nil {
		return err
	}
	_, err = file.Write(out.Bytes())
	return errors.Join(err, file.Close())
}

// rows writes a line for each documented value of a mapping.
func rows(out *bytes.Buffer, path string, n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		text, standard := comment(key.HeadComment)
		switch {
		case text != "":
			if standard == "" {
				inline, err := plain(value)
				if err != nil {
					return fmt.Errorf("%s: %w", at, err)
				}
				standard = "`" + inline + "`"
			}
			fmt.Fprintf(out, "| `%s` | %s | %s |\n", at, standard, text)
		case value.Kind == yaml.MappingNode && len(value.Content) > 0:
			if err := rows(out, at, value); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s has no comment that begins with --", at)
		}
	}
	return nil
}

// comment gives what stands after "--", in one line, and what "@default --" says instead of the value.
func comment(raw string) (text, standard string) {
	var lines []string
	documented := false
	for line := range strings.SplitSeq(raw, "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#"))
		if line == "" {
			lines, documented = nil, false // what stands above belongs to what follows as a whole
			continue
		}
		if rest, ok := strings.CutPrefix(line, "-- "); ok {
			lines, documented = []string{rest}, true
			continue
		}
		if documented {
			lines = append(lines, line)
		}
	}
	if !documented {
		return "", ""
	}
	text, standard, _ = strings.Cut(strings.Join(lines, " "), " @default -- ")
	return strings.ReplaceAll(text, "|", `\|`), strings.ReplaceAll(standard, "|", `\|`)
}

// plain writes a value in one line.
func plain(n *yaml.Node) (string, error) {
	flow(n)
	b, err := yaml.Marshal(n)
	return strings.Join(strings.Fields(string(b)), " "), err
}

func flow(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	n.Style |= yaml.FlowStyle
	for _, c := range n.Content {
		flow(c)
	}
}
