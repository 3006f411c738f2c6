// Package rqid is the driver for rqid partner APIs: prepaid products by topup.
//
// Decisions that bind it:
//
//   - ref_1 is our reference of the attempt and the API's idempotency key: the
//     same Submit may be sent again (IdempotentSubmit). rc 94 means that the
//     reference is known: Rejected with reason duplicate, which is an order to
//     ask, never a failure and never a cause for a new reference.
//   - The id by which a purchase is asked about is ref_1 too; a result's
//     UpstreamRef is our own reference.
//   - The state of a transaction is its data's status; the envelope's rc only
//     hints at a reason. A state that is not documented is Unknown.
//   - A refusal is definite when its rc is one we know, or its HTTP status says
//     that our account was refused. Every other refusal is Unknown: asking by
//     reference is cheap and safe.
//   - NotFound is only the API's own word: its code for "not found" without a
//     transaction in the answer, or an empty success of /history/{ref_1}.
//   - Rows of a history do not show serial numbers: a success from there is
//     marked Incomplete, and one that is not on the page read is left out.
//   - A zone id is appended to the customer's number.
package rqid
