// Package retention lets go of what is personal or bulky when nobody has a use for it any more: numbers and targets of merchants'
// customers are masked, sources' words, messages and delivered events go. Docs: retention.md, which lists every table.
//
// Decisions that bind this package:
//
//   - Money never goes: no entry, amount, state, reference or hash of content is touched, so that the books still prove, the same
//     ref is still the same order, and a late word of a source still finds its attempt.
//   - What is not over is never touched: open, flagged, asked about again, in suspense, ambiguous. A row's time runs from its last
//     change, so that one that changed since is kept for as long again.
//   - A rule goes through its table by id, which grows with time, and remembers how far it has come. That costs the hot path no
//     index and a turn what is due. Rows that were old enough and yet not to be touched are noted apart, with when to look again.
//   - A turn is short transactions of bounded size under SKIP LOCKED: whoever writes a row has precedence, and the row is noted.
package retention
