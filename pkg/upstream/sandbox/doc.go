// Package sandbox is the built-in source of the test mode: what mra_test_ keys buy
// from, through the same queues, ledger and webhooks as the live mode. It makes no
// request and buys nothing.
//
// Decisions that bind it:
//
//   - Whoever orders chooses the outcome: by the last two digits of the customer's
//     number, of the target (smm) or of the merchant's own reference (otp), or by the
//     product where numbers cannot say it. docs/test-mode.md is the table.
//   - It keeps books of its own in the table sandbox_records, so that all its workers
//     tell the same: what was submitted, at what time, and what was wished for since.
//     Where a purchase stands follows from its record and the clock alone; nothing has
//     to be carried out in between.
//   - Ref is its idempotency key: the same Submit again gives the purchase as it stands.
//   - An answer that is lost on purpose is Unknown and Staged: it is carried out, and
//     says nothing of the sandbox's health.
//   - Each day (WIB) begins with a full float, so that what it has left costs a look at
//     one day, whatever was bought before.
package sandbox
