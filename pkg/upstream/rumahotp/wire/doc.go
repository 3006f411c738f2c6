// Package wire holds what goes over the wire to RumahOTP: paths, bodies, words
// and their decoders. The source of every field is the RumahOTP document.
//
// Decisions that bind it:
//
//   - An answer is one of three: a success whose data has what it must have; a
//     refusal ([Refusal]: success false with a message or with data); or
//     [ErrMalformed], which says nothing about what was done.
//   - A success without its essential fields is malformed. For a purchase only
//     the id is essential: an answer whose other fields are odd still names what
//     was bought, and losing the id would orphan it (there is no list of orders).
//   - /v2/operators says "status" where all others say "success"; both are read
//     everywhere.
//   - Times are Unix milliseconds; texts of times without a zone are WIB.
package wire
