package config

import (
	"fmt"
	"log/slog"
)

const mask = "***"

// Secret is a text that does not print itself. Reveal gives it, at the one place where it is used.
type Secret string

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String is a mask, or empty for an empty secret, so that "not set" can be told from "set".
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// Format masks under every verb, the wrong ones too: fmt would print the bare text after %!d.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue masks in log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks in encoding/json, and wherever else text is asked for.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML masks in YAML.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
