// Package inquiry keeps what merchants ask for before they pay a bill: a question to
// one source, what it found, and until when that may be paid.
//
// Decisions that bind this package:
//
//   - A row is one question to one source, under a reference of its own ([order.InquiryRef]).
//     Asking anew, or asking another source, is another row; nothing is ever asked twice
//     under one reference, so that a payment can only pay what its own inquiry found.
//   - A worker writes what a source found ([Keeper.Found]); whoever answers the merchant
//     makes it payable ([Keeper.Open]). An answer that comes when nobody waits any more is
//     kept and never payable: a merchant pays no amount that was not told.
//   - One inquiry a (wallet, ref) is open or paid, by a unique index. An open one is
//     replaced when the bill is asked for anew; one that is paid never is.
//   - Paying is an order like any other. [order.Placer] locks the inquiry, sees that it is
//     still the one that is paid for, at its price and in its time, and marks it paid in the
//     commit that takes the money. Its order_id is unique: nothing is paid twice.
//   - The price is the bill's total and our fee, which is the product's price; never less than
//     the bill costs us and the floor ([Price]).
//   - It ends after 15 minutes, by its source's rule, or at midnight WIB: whatever is first
//     ([Ends]).
//   - What nobody paid is let go of after a while ([Kept]); what was paid is kept with its order.
//   - What a merchant sees is [Quote], an allow-list.
package inquiry
