package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/muarahq/muara/pkg/fault"
)

// Router finds the handler of a method and a path below the base path. Unlike
// http.ServeMux it never redirects and never answers by itself: paths are not
// cleaned (".." may be a merchant's ref) and what is not found is the gate's to
// refuse. HEAD is served as GET.
type Router struct{ root Node }

// Node is a place in the tree of routes.
type Node struct {
	children map[string]*Node
	// param is the child for any one segment; name is what it is called.
	param *Node
	name  string
	// Pattern is the route with its parameters' names.
	Pattern  string
	handlers map[string]http.HandlerFunc
}

// HandleFunc adds a handler for "METHOD /path/{name}".
func (t *Router) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	method, path, _ := strings.Cut(pattern, " ")
	n := &t.root
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		n = n.child(segment)
	}
	if n.handlers == nil {
		n.handlers = map[string]http.HandlerFunc{}
	}
	if n.handlers[method] != nil {
		panic("rest: two handlers for " + pattern)
	}
	n.Pattern, n.handlers[method] = path, h
}

func (n *Node) child(segment string) *Node {
	if name, ok := strings.CutPrefix(segment, "{"); ok {
		if n.param == nil {
			n.param = &Node{name: strings.TrimSuffix(name, "}")}
		}
		return n.param
	}
	if n.children == nil {
		n.children = map[string]*Node{}
	}
	if n.children[segment] == nil {
		n.children[segment] = &Node{}
	}
	return n.children[segment]
}

// ServeHTTP is there for Huma's adapter; the gate uses Find.
func (t *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n := t.Find(r, r.URL.EscapedPath()); n != nil {
		if h := n.Handler(r.Method); h != nil {
			h(w, r)
			return
		}
	}
	http.NotFound(w, r)
}

// Find gives the route of an escaped path and puts its parameters into r; nil when there is none.
func (t *Router) Find(r *http.Request, path string) *Node {
	n := &t.root
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		next := n.children[segment]
		if next == nil {
			next = n.param
			if next == nil {
				return nil
			}
			value, err := url.PathUnescape(segment)
			if err != nil || value == "" || !isText(value) {
				return nil // no name of anything, and nothing that the database can be asked for
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

// isText tells whether the database can hold s as text.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// CheckQuery refuses a query that the database could not be asked with, which is text
// nowhere.
func CheckQuery(r *http.Request) error {
	if strings.IndexFunc(r.URL.RawQuery, func(c rune) bool { return c == '%' || c == 0 || c >= utf8.RuneSelf }) < 0 {
		return nil
	}
	for name, values := range r.URL.Query() {
		if !isText(name) || slices.ContainsFunc(values, func(v string) bool { return !isText(v) }) {
			return fault.Field(strings.ToValidUTF8(name, "?"), "must be UTF-8 without zero bytes")
		}
	}
	return nil
}

// Handler gives the handler of a method; nil when the route does not take it.
func (n *Node) Handler(method string) http.HandlerFunc {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return n.handlers[method]
}

// Allow lists the methods of a route for the Allow header.
func (n *Node) Allow() string {
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

// routes lists what is below a node as "METHOD /path".
func (n *Node) routes() (all []string) {
	for method := range n.handlers {
		all = append(all, method+" "+n.Pattern)
	}
	for _, child := range n.children {
		all = append(all, child.routes()...)
	}
	if n.param != nil {
		all = append(all, n.param.routes()...)
	}
	return all
}

// Routes lists every route below the base path as "METHOD /path", in order, whether the
// document has it or not.
func (s *Service) Routes() []string { return slices.Sorted(slices.Values(s.router.root.routes())) }
