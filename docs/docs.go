// Package docs holds the documents that the program itself shows, so that nobody has
// to keep a second copy of them.
package docs

import _ "embed"

// TestMode is what merchants can try with a test key, in Markdown. Its sections up to
// "Running it" are for merchants.
//
//go:embed test-mode.md
var TestMode string
