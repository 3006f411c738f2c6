// Package reconcile compares, day by day, what we bought at a source with what the
// source says we bought.
//
// Decisions that bind this package:
//
//   - Ours is a row of order_attempts, theirs a line of the source's statement. They are
//     the same purchase when the line bears our reference (or else the source's id of
//     it), whenever either of them was written down.
//   - A comparison is a row that knows how far it has come. A worker takes one small
//     step at a time (a page, a batch), writes what it found and where to go on in one
//     commit, guarded by the row's version. Whoever is killed is followed by the next.
//   - Where the source shows no statement, it is asked about each purchase of the day,
//     behind everything else; never where asking is ordering again. What is bought there
//     behind our back only the balance tells then.
//   - The day's purchases that the books say nothing of near midnight are looked for in
//     the quarter of an hour beyond it: the source's clock is not ours.
//   - A finding is evidence for a person, never a step of an order. Each is shown once, as
//     a flag of its order. Where most of a day is missing from a statement, the
//     statement is what is wrong, and no order is flagged for it.
//   - The chain of balances (what was there, less what our books say we took, is what is
//     left) is told beside the lines. Top-ups by hand are in nobody's books: what it does
//     not explain is a number, not a finding.
//   - Lines are kept, the matched ones too.
package reconcile
