package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decoder turns a YAML document into a Config. It is written by hand, and not left to yaml.Unmarshal, so that every
// error has a path, all of them are told, and a number may come from the environment.
type decoder struct {
	env  func(string) (string, bool)
	errs errorList
}

func (d *decoder) document(data []byte, c *Config) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return
	} else if err != nil {
		d.errs.add("config", "%v", err)
		return
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		d.errs.add("config", "more than one YAML document")
		return
	}
	if len(doc.Content) > 0 {
		d.value("", doc.Content[0], reflect.ValueOf(c).Elem())
	}
}

func (d *decoder) value(path string, n *yaml.Node, v reflect.Value) {
	switch {
	case n.Kind == yaml.AliasNode:
		d.errs.add(name(path), "line %d: aliases are not supported", n.Line)
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		// The key is there without a value: as if it were not.
	case isScalar(v.Type()):
		if n.Kind != yaml.ScalarNode {
			d.errs.add(name(path), "line %d: must be %s", n.Line, kindOf(v.Type()))
			return
		}
		known := len(d.errs)
		if raw := d.expand(path, n.Value); len(d.errs) == known {
			d.scalar(path, raw, v)
		}
	case v.Kind() == reflect.Struct:
		d.structure(path, n, v)
	case v.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.errs.add(name(path), "line %d: must be a list", n.Line)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			d.value(fmt.Sprintf("%s[%d]", path, i), item, v.Index(i))
		}
	case v.Type() == reflect.TypeFor[map[string]string]():
		d.texts(path, n, v)
	default: // map[string]Secret
		d.credentials(path, n, v)
	}
}

func (d *decoder) structure(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.errs.add(name(path), "line %d: must be a section with keys", n.Line)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := join(path, key.Value)
		field, known := fieldByKey(v, key.Value)
		switch {
		case key.Kind != yaml.ScalarNode || !known:
			d.errs.add(at, "line %d: unknown key", key.Line)
		case seen[key.Value]:
			d.errs.add(at, "line %d: given twice", key.Line)
		default:
			seen[key.Value] = true
			d.value(at, n.Content[i+1], field)
		}
	}
}

// texts are settings of a driver, by names that only it knows.
func (d *decoder) texts(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.errs.add(path, "line %d: must be a section with keys", n.Line)
		return
	}
	into := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		_, twice := into[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || val.Kind != yaml.ScalarNode:
			d.errs.add(at, "line %d: must be a text", key.Line)
		case twice:
			d.errs.add(at, "line %d: given twice", key.Line)
		default:
			into[key.Value] = d.expand(at, val.Value)
		}
	}
	v.Set(reflect.ValueOf(into))
}

// credentials are kept as they are written: see Config.Upstream.
func (d *decoder) credentials(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.errs.add(path, "line %d: must be a section with keys", n.Line)
		return
	}
	into := map[string]Secret{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		plain := strings.TrimSuffix(key.Value, "_file")
		_, same := into[key.Value]
		_, direct := into[plain]
		_, inFile := into[plain+"_file"]
		switch {
		case key.Kind != yaml.ScalarNode || val.Kind != yaml.ScalarNode:
			d.errs.add(at, "line %d: must be a text", key.Line)
		case same || direct || inFile:
			d.errs.add(at, "line %d: given twice", key.Line)
		default:
			into[key.Value] = Secret(val.Value)
		}
	}
	v.Set(reflect.ValueOf(into))
}

// overrides applies MUARA_SECTION_KEY for every plain key of every section. Other variables that begin so are not ours to
// judge: Kubernetes makes some for each Service.
func (d *decoder) overrides(c *Config) {
	root := reflect.ValueOf(c).Elem()
	for i := range root.NumField() {
		section := root.Field(i)
		tag := root.Type().Field(i).Tag.Get("yaml")
		if tag == "" || section.Kind() != reflect.Struct {
			continue
		}
		set := map[string]bool{}
		for j := range section.NumField() {
			key := section.Type().Field(j).Tag.Get("yaml")
			raw, found := d.env("MUARA_" + strings.ToUpper(tag+"_"+key))
			if !found || !plain(section.Field(j).Type()) {
				continue
			}
			set[key] = true
			d.override(tag+"."+key, raw, section.Field(j))
		}
		displace(section, set)
	}
}

// plain tells whether a key's value can be written in one line: a scalar, or a list of such.
func plain(t reflect.Type) bool {
	return isScalar(t) || t.Kind() == reflect.Slice && isScalar(t.Elem())
}

// displace clears the file's "url_file" when the environment gave "url", and the other way round: an override that met the
// key it replaces would be "given twice".
func displace(section reflect.Value, set map[string]bool) {
	for key := range set {
		other, isFile := strings.CutSuffix(key, "_file")
		if !isFile {
			other = key + "_file"
		}
		if field, ok := fieldByKey(section, other); ok && !set[other] {
			field.SetZero()
		}
	}
}

func (d *decoder) override(path, raw string, v reflect.Value) {
	if v.Kind() != reflect.Slice || isScalar(v.Type()) {
		d.scalar(path, raw, v)
		return
	}
	v.Set(reflect.Zero(v.Type()))
	for i, item := range strings.Split(raw, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		one := reflect.New(v.Type().Elem()).Elem()
		d.scalar(fmt.Sprintf("%s[%d]", path, i), item, one)
		v.Set(reflect.Append(v, one))
	}
}

var variable = regexp.MustCompile(`\$\$\{|\$\{([^}]*)\}`)

// expand replaces each ${NAME}; a variable that is not set is an error, an empty one is empty.
func (d *decoder) expand(path, raw string) string {
	return variable.ReplaceAllStringFunc(raw, func(found string) string {
		if found == "$${" {
			return "${"
		}
		key := found[2 : len(found)-1]
		value, set := d.env(key)
		if !set {
			d.errs.add(name(path), "environment variable %q is not set", key)
		}
		return value
	})
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	daysType     = reflect.TypeFor[Days]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	secretType   = reflect.TypeFor[Secret]()
)

func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return true
	default:
		return t == prefixType
	}
}

func kindOf(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration such as 10s or 5m"
	case t == daysType:
		return "a number of days such as 90d"
	case t == prefixType:
		return "an address range such as 10.0.0.0/8 or 2001:db8::/32"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	default:
		return "a text"
	}
}

func (d *decoder) scalar(path, raw string, v reflect.Value) {
	ok := true
	switch {
	case v.Type() == durationType:
		var parsed time.Duration
		parsed, ok = ok2(time.ParseDuration(raw))
		v.SetInt(int64(parsed))
	case v.Type() == daysType:
		var parsed Days
		parsed, ok = days(raw)
		v.SetInt(int64(parsed))
	case v.Type() == prefixType:
		var parsed netip.Prefix
		parsed, ok = prefix(raw)
		v.Set(reflect.ValueOf(parsed))
	case v.Kind() == reflect.String:
		v.SetString(raw)
	case v.Kind() == reflect.Bool:
		var parsed bool
		parsed, ok = raw == "true", raw == "true" || raw == "false"
		v.SetBool(parsed)
	case v.Kind() == reflect.Float64:
		var parsed float64
		parsed, ok = ok2(strconv.ParseFloat(raw, 64))
		ok = ok && !math.IsNaN(parsed) && !math.IsInf(parsed, 0)
		v.SetFloat(parsed)
	default:
		var parsed int64
		parsed, ok = ok2(strconv.ParseInt(raw, 10, 64))
		v.SetInt(parsed)
	}
	if ok {
		return
	}
	if v.Type() == secretType {
		raw = mask
	}
	d.errs.add(name(path), "must be %s, not %q", kindOf(v.Type()), raw)
}

func ok2[T any](value T, err error) (T, bool) { return value, err == nil }

// prefix reads a CIDR, or one address as the range of itself. An IPv4 range written as IPv6 is IPv4.
func prefix(raw string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(raw); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	p, err := netip.ParsePrefix(raw)
	if err != nil {
		return netip.Prefix{}, false
	}
	const mapped = 96
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p.Masked(), true
}

func fieldByKey(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if tag := v.Type().Field(i).Tag.Get("yaml"); tag != "" && tag != "-" && tag == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func name(path string) string {
	if path == "" {
		return "config"
	}
	return path
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
