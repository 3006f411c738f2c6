// Package api serves the merchant API over HTTP. It is the only package that
// knows Huma.
//
// Decisions that bind this package:
//
//   - Every answer under the base paths (/api/v1 and /v1) is the envelope:
//     refusals of the router, of the checks before it, of Huma's own validation,
//     and panics too. [rest.Failure] is the only body of a refusal, and errors.go has
//     the only table from a kind of refusal to a status and a code.
//   - The checks come in one order: 401, 403, 429 (gate.go), 400 and 413 (the
//     handler's decoding), a repeated ref, 404, 422, 503, 402. An unknown route is
//     404 even without a key.
//   - Handlers are registered through [rest.Register] alone. It maps errors, so that an
//     error nobody classified says nothing to a merchant and everything to the log.
//   - JSON bodies are decoded by hand (body.go), since the rules of the contract
//     (null is absent, unknown fields are ignored, a list may be text) are not those
//     of a JSON schema. Huma documents them, and decodes paths and queries.
//   - GET /price asks for the price of the offer that an order would go to, where its source
//     tells one and what is known is older than [catalog.PriceFresh] (quote.go). A row decides
//     that it is asked once, over all processes; the worker writes what it learns into the
//     catalogue. Lists and orders never ask. A question that fails changes no answer.
//   - What a merchant can read is built from types of this package and of
//     [order.View]: allow-lists, so that nothing of an upstream can pass.
package api

//go:generate sh -c "go run ../cmd/muara --config= openapi --version 3.1 > ../docs/openapi.json"
//go:generate sh -c "go run ../cmd/muara --config= openapi --version 3.0 > ../docs/openapi-3.0.json"
//go:generate sh -c "go run ../cmd/muara --config= openapi --postman > ../docs/postman.json"
