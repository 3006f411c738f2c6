// Package admin serves the admin API over HTTP, on a port of its own: what operators see
// and do, for programs of theirs.
//
// Decisions that bind this package:
//
//   - It stands on api/internal/rest as the merchant API does: the same envelope, router,
//     request ids and documents. It answers with the views of pkg/backoffice, which the
//     commands print under --json.
//   - Every route is registered with [register] and names the role that it needs
//     (pkg/token). Roles are checked before anything of the request is read.
//   - The checks come in one order: the address list (403), the number of failed tries
//     (429), the token (401), the route (404, 405), the role (403), the request (400).
//   - What is changed is written with its audit row in one transaction, by the domain's
//     packages, as token:NAME. Reading is logged.
//   - Two operators at once: the domain's guarded updates let one of them win; the other
//     is refused with 409 and reads what is so now.
//   - A viewer reads what belongs to merchants' customers masked, and of goods nothing.
package admin

//go:generate sh -c "go run ../../cmd/muara --config= openapi --admin > ../../docs/openapi-admin.json"
