// Package rqid is the driver for rqid partner APIs: prepaid products by topup, bills
// by inquiry and payment.
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
//   - A refusal is definite in two cases only: rc 94, the one code that is
//     documented, and 401 or 403, since nothing is carried out for whom is not let
//     in. Every other refusal is Unknown and Answered, its reason a hint: asking by
//     reference is cheap and safe. A refusal with data, in words of doubt, or from
//     a server that failed (HTTP or envelope 5xx) is not even Answered.
//   - NotFound is only the API's own word about a transaction: rc 25 or a message
//     that names the transaction or reference, under 200 or 404 and without data,
//     or an empty success of /history/{ref_1}. "API key tidak ditemukan" and "Route
//     not found" are not. Status and Lookup ask different endpoints, one request
//     each; how many such words are enough is for the caller to decide.
//   - Rows of a history do not show serial numbers: a success from there is
//     marked Incomplete, and one that is not on the page read (1,000 rows) is left
//     out, as is a row that is not understood.
//   - A bill's inquiry and payment bear one ref_1, and the API may answer a question
//     about it with either. That an inquiry succeeded is not that the bill was paid: a
//     message that begins with the inquiry's word says that nothing was paid, and one
//     that says neither is Unknown. Rows of a history show no message, so payments are
//     always asked about one by one, at /status. Callers name what is a payment
//     (Purchase.Bill); an inquiry's message is never a success, even where they forgot.
//   - Inquiries and prices change nothing at the API: there a refusal in its own words
//     is definite.
//   - A bill's detail is free-form: what is shown of it is a list of names that we know.
//   - Which of debit and credit left our balance, the movements themselves say by the
//     balances that they leave; the document's one example decides where they do not.
//   - A zone id is appended to the customer's number.
package rqid
