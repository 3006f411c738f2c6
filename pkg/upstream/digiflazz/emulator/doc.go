// Package emulator stands in for Digiflazz: the same paths, fields, types, codes,
// limits and webhooks as its document shows, with a book of its own. An entry's state
// is its result code.
//
// Where the document is silent, the emulator does the following, and a driver must not
// rely on it:
//
//   - A refusal by which no transaction was made comes under HTTP 400, everything else
//     under 200. A refusal of user or signature shows no reference.
//   - The limit of price lists counts both lists together, and the limit of a
//     transaction counts requests under one ref_id. A question that comes too soon is
//     answered with rc 85 and changes nothing.
//   - The same ref_id with another product or number is rc 49.
//   - A bill that is paid a second time tells how it stands.
//   - A customer number that ends in 60 has no bill (rc 60); a meter number of fewer than
//     eleven digits is wrong (rc 54).
//   - Purchases with "testing" move no money.
//   - A webhook is posted once. "create" tells how a transaction stood when it was made,
//     "update" each change after that.
package emulator
