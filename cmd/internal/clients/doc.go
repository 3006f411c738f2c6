// Package clients proves the merchant API to those who have only its document: two
// linters read it, clients generated from it in Go and TypeScript work against a running
// gateway, and webhooks verify with the standard's own library.
//
// The tests run by `make clients`; without it they are skipped. Node.js and the packages
// of node/package-lock.json are fetched by scripts/node. What the clients need is kept
// apart from the gateway's own modules: golang/ is a module of its own, node/ a package.
package clients
