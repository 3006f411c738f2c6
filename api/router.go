package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// router finds the handler of a method and a path below the base path. Unlike
// http.ServeMux it never redirects and never answers by itself: paths are not
// cleaned (".." may be a merchant's ref) and what is not found is the gate's to
// refuse. HEAD is served as GET.
type router struct{ root node }

type node struct {
	children map[string]*node
	// param is the child for any one segment; name is what it is called.
	param    *node
	name     string
	pattern  string
	handlers map[string]http.HandlerFunc
}

// HandleFunc adds a handler for "METHOD /path/{name}".
func (t *router) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	method, path, _ := strings.Cut(pattern, " ")
	n := &t.root
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		n = n.child(segment)
	}
	if n.handlers == nil {
		n.handlers = map[string]http.HandlerFunc{}
	}
	if n.handlers[method] != nil {
		panic("api: two handlers for " + pattern)
	}
	n.pattern, n.handlers[method] = path, h
}

func (n *node) child(segment string) *node {
	if name, ok := strings.CutPrefix(segment, "{"); ok {
		if n.param == nil {
			n.param = &node{name: strings.TrimSuffix(name, "}")}
		}
		return n.param
	}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	if n.children[segment] == nil {
		n.children[segment] = &node{}
	}
	return n.children[segment]
}

// ServeHTTP is there for Huma's adapter; the gate uses find.
func (t *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n := t.find(r, r.URL.EscapedPath()); n != nil {
		if h := n.handler(r.Method); h != nil {
			h(w, r)
			return
		}
	}
	http.NotFound(w, r)
}

// find gives the route of an escaped path and puts its parameters into r; nil when there is none.
func (t *router) find(r *http.Request, path string) *node {
	n := &t.root
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		next := n.children[segment]
		if next == nil {
			next = n.param
			if next == nil {
				return nil
			}
			value, err := url.PathUnescape(segment)
			if err != nil || value == "" {
				return nil
			}
			r.SetPathValue(next.name, value)
		}
		n = next
	}
	if n.handlers == nil {
		return nil
	}
	return n
}

func (n *node) handler(method string) http.HandlerFunc {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return n.handlers[method]
}

// allow lists the methods of a route for the Allow header.
func (n *node) allow() string {
	methods := make([]string, 0, len(n.handlers)+1)
	for m := range n.handlers {
		methods = append(methods, m)
		if m == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}
