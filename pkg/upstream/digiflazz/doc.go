// Package digiflazz is the driver for Digiflazz's buyer API: prepaid products and
// bills.
//
// Decisions that bind it:
//
//   - ref_id is our reference of the attempt, and a result's UpstreamRef.
//   - A prepaid purchase has no question of its own: Status sends the same purchase
//     again under the same ref_id, which tells how it stands, and buys where it never
//     arrived. [Driver.AskRule] says so: not more often than once a minute, never after
//     the refund, and never after 80 days, since after 90 it is bought anew. SKU, number
//     and max_price are the same each time. For that reason it is neither a Lookup nor an
//     IdempotentSubmit.
//   - What an answer means is its result code, by one table (codes.go), which says what
//     the document proves and what it does not. A code that the document does not have,
//     that contradicts the status beside it, or that came under a server's error, is
//     Unknown. Words decide nothing.
//   - A code by which no transaction was made is a definite refusal of a first sending.
//     Of a later one it proves nothing: the earlier one may have bought, and nobody says
//     whether such checks come before the reference is looked up. So is code 85, which
//     refuses a second request within the minute.
//   - A bill is asked for, paid and asked about under one ref_id. It is paid on the day
//     of its inquiry only, WIB, and never a second time: what became of a payment is
//     asked by status-pasca, and a payment that Digiflazz does not know is for a person.
//   - Price lists may be read once in five minutes, both together. The driver keeps to
//     that in its own process; what several processes overdo is code 83, which is
//     Throttled and keeps no purchase waiting.
//   - A webhook is a hint. Without a configured secret none is believed.
//   - The seller's name and contacts are evidence for operators and go nowhere else.
package digiflazz
