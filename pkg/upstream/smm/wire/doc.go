// Package wire holds what goes over the wire to an SMM panel that follows the v2
// convention: actions, fields, bodies and their decoders. The source of every field
// is the document "SMM panel API v2".
//
// Decisions that bind it:
//
//   - An answer is one of three: what was asked for, a [Refusal] (the member "error"
//     at the top), or [ErrMalformed], which says nothing about what was done. An
//     answer that holds both contradicts itself and is malformed.
//   - In bulk answers an error is data: it stands in the row that it is about.
//   - Panels write ids, numbers and flags as text or as numbers. Which it was is kept,
//     so that an answer can be written again as it came.
//   - Money is an exact decimal ([Decimal]), never a float. A count that is no whole
//     number ("Unknown", an empty text) is a count that is not known ([Count]).
//   - What a refusal means is decided by the listed texts and keys only
//     ([Refusal.Meaning]); a state likewise ([StateOf]).
package wire
