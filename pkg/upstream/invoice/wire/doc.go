// Package wire holds what goes over the wire to a QRIS invoice and DANA withdrawal
// gateway: paths, bodies and their decoders. The source of every field is the
// gateway's document.
//
// Decisions that bind it:
//
//   - An answer is one of three: the object of its endpoint, bare or beside
//     "success": true; a [Refusal], which is "success": false or an "error"; or
//     [ErrMalformed], which says nothing about what was done. An answer that is both
//     an object and a refusal is malformed.
//   - The document shows the path of one endpoint only. The others are customary, and
//     the driver takes each from its options.
//   - The key travels in the query: nothing here ever puts a URL into an error.
//   - Money is whole rupiah. Invoices have local times without a zone, which are WIB;
//     withdrawals have UTC with milliseconds.
package wire
