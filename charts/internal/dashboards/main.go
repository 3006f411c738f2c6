// Command dashboards writes Grafana's dashboards of muara as JSON into a directory, one file each:
//
//	go run ./internal/dashboards muara/files/dashboards
//
// What they show is in boards.go; this file is what Grafana wants around it.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: dashboards DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // G301: files of the repository, for everybody
		return err
	}
	for _, b := range boards() {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		if err := enc.Encode(b.model()); err != nil {
			return err
		}
		file, err := os.Create(filepath.Join(dir, b.name+".json"))
		if err != nil {
			return err
		}
		if _, err := file.Write(out.Bytes()); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}

// board is a dashboard: rows of panels, each row over the whole width.
type board struct {
	name, title string
	upstream    bool // has the variable $upstream
	rows        []row
}

type row struct {
	title  string
	panels []panel
}

// panel is a graph, or a number where stat is set. unit is Grafana's word for it.
type panel struct {
	title, unit, about string
	stat               bool
	stack              bool
	queries            []query
}

// query is PromQL with what its lines are called.
type query struct{ expr, legend string }

type object = map[string]any

var source = object{"type": "prometheus", "uid": "${datasource}"}

func (b board) model() object {
	var panels []object
	y, id := 0, 0
	next := func() int { id++; return id }
	for _, r := range b.rows {
		panels = append(panels, object{"id": next(), "type": "row", "title": r.title, "collapsed": false, "panels": []any{}, "gridPos": object{"x": 0, "y": y, "w": 24, "h": 1}})
		y++
		height := 8
		if r.panels[0].stat {
			height = 4
		}
		for i, p := range r.panels {
			m := p.model()
			left, right := i*24/len(r.panels), (i+1)*24/len(r.panels)
			m["id"], m["gridPos"] = next(), object{"x": left, "y": y, "w": right - left, "h": height}
			panels = append(panels, m)
		}
		y += height
	}
	return object{
		"uid": "muara-" + b.name, "title": "Muara / " + b.title, "tags": []string{"muara"}, "schemaVersion": 39, "version": 1, "editable": false,
		"refresh": "30s", "time": object{"from": "now-3h", "to": "now"}, "timezone": "browser", "graphTooltip": 1,
		"links":      []object{{"type": "dashboards", "tags": []string{"muara"}, "title": "Muara", "asDropdown": true, "keepTime": true, "includeVars": true}},
		"templating": object{"list": b.variables()}, "annotations": object{"list": []any{}}, "panels": panels,
	}
}

func (b board) variables() []object {
	all := []object{
		{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0},
		variable("namespace", "Installation", "label_values(muara_build_info, namespace)"),
	}
	if b.upstream {
		all = append(all, variable("upstream", "Upstream", `label_values(muara_orders_queued{namespace=~"$namespace"}, upstream)`))
	}
	return all
}

func variable(name, label, of string) object {
	return object{
		"name": name, "label": label, "type": "query", "datasource": source, "query": object{"query": of, "refId": name}, "definition": of,
		"refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".*", "current": object{"text": "All", "value": "$__all"},
	}
}

func (p panel) model() object {
	var targets []object
	for i, q := range p.queries {
		targets = append(targets, object{"refId": string(rune('A' + i)), "datasource": source, "expr": q.expr, "legendFormat": q.legend, "range": !p.stat, "instant": p.stat})
	}
	m := object{"type": "timeseries", "title": p.title, "description": p.about, "datasource": source, "targets": targets}
	defaults := object{"unit": p.unit, "min": 0}
	if p.stat {
		m["type"] = "stat"
		m["options"] = object{"reduceOptions": object{"calcs": []string{"lastNotNull"}}, "colorMode": "none", "graphMode": "none", "textMode": "auto"}
	} else {
		custom := object{"drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never", "spanNulls": false}
		if p.stack {
			custom["stacking"], custom["fillOpacity"] = object{"mode": "normal", "group": "A"}, 40
		}
		defaults["custom"] = custom
		m["options"] = object{"legend": object{"displayMode": "list", "placement": "bottom", "showLegend": true}, "tooltip": object{"mode": "multi", "sort": "desc"}}
	}
	m["fieldConfig"] = object{"defaults": defaults, "overrides": []any{}}
	return m
}
