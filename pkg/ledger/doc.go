// Package ledger keeps the money: accounts, wallets and immutable entries. It
// knows nothing of orders, deposits or withdrawals; those are subjects with an id.
//
// Decisions that bind this package:
//
//   - An [Entry] is a transfer: amount rupiah leave the debit account and reach
//     the credit account. So every posting balances by construction, and the sum
//     over all accounts is always zero.
//   - Unique (subject, kind, n). A second delivery of the same message meets the
//     constraint; it cannot post twice.
//   - Only wallets have a balance row. System accounts have entries and no hot row;
//     their sums are rolled up by closed hours ([Rollup]).
//   - Wallet rows are locked in the order of their ids, after the subject's row.
//     A wallet's entries carry its sequence number and the balance after, so that a
//     statement is exact and a gap is visible.
//   - A balance is never below zero: checked here before writing, and by the
//     database after.
package ledger
