// Package muara is the driver for the merchant API that this gateway itself serves:
// one installation can be the source of another.
//
// Decisions that bind it:
//
//   - ref is our reference of the attempt and the API's idempotency key for ever: the
//     same Submit may be sent again (IdempotentSubmit), and the answer is the order as
//     it stands. Every question about an order is asked by ref, so that Status and
//     Lookup are one.
//   - A refusal is the API's when its envelope's code stands under the status that
//     belongs to it. The contract says that an order that was not accepted leaves no
//     row, and that a known ref is answered before any refusal for the SKU, the source
//     or the balance: so 400, 402, 404, 410, 413 and 422 are Rejected, whatever was
//     sent before. 401 and 403 halt the source; they are said before the ref is looked
//     for, so that they prove nothing of an earlier sending. 429 is Throttled and pauses
//     it. A code under another status, 500 and everything else is Unknown.
//   - 503 (upstream_error) should say the same as 422. But an API whose own time ended
//     while it kept the order may say it too, and then it is kept: where an order or a
//     payout is sent or changed it is Unknown and Answered, so that asking by ref, or
//     the history, decides.
//   - ref_conflict says that our reference is known with other content: that is asked
//     about, and answered by an order that is not ours, which is Unknown.
//   - NotFound is not_found about an order. One about a route says that the base URL is
//     wrong, and nothing else: it is Unknown, and halts the source.
//   - A failed order says why only in words for people; they are a hint.
//   - The statement of orders has no search by reference: BulkStatus reads one page of
//     the time in which the purchases were sent. To be left out says nothing.
//   - A list's next page is known by a cursor, which a driver remembers: a page that is
//     asked for without the one before it is refused before anything is sent.
//   - A test key is refused when the driver is made: live orders would be delivered
//     pretended goods.
//   - Premium products are not bought for resale: there is no source behind our own.
package muara
