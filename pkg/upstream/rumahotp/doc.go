// Package rumahotp is the driver for RumahOTP: rented numbers (otp), H2H products
// (ppob), QRIS deposits and checks of accounts.
//
// Decisions that bind it:
//
//   - Every call there is a GET, purchases included, and there is no reference
//     of ours and no list of purchases. So the driver offers neither Lookup nor
//     IdempotentSubmit: a lost answer is settled by the balance or by an operator
//     (Serial).
//   - A refusal is definite (Rejected) in the documented form only: success false,
//     a message in the error's object, no data, under 200, 400, 401, 403, 404 or
//     422. One in words of doubt (timeout, in process, try again) is Unknown, like
//     every other: nothing there can be asked by our reference.
//   - A number is Succeeded with its first code, also when it is canceled or has
//     expired by now; "completed" without a code stays Pending, since nothing says
//     that the money came back. It is Expired only when the provider says
//     "expiring" and its end, told now or earlier, has passed.
//   - The provider's names of countries and services do not leave the driver; an
//     operator's name does when it is plain and names nobody else.
//   - An H2H purchase that is canceled is Failed: it was not delivered, and
//     another offer may try. Refunded says whether our money is back.
//   - A zone id is appended to the target, as the provider's games expect it.
//   - An H2H serial number is the response's sn, on success only. Who received it is for
//     operators. A success that was also given back is told as both.
//   - A number that nobody knows the id of costs nothing in the end: it expires without
//     a code 15 minutes after it was bought, or after the option number_life
//     ([Driver.Orphaned]). An H2H purchase is there for good.
//   - Deposits are made and asked about by v2, and canceled by v1, which is all there is;
//     answers of either version are read. At most three wait for payment at once: the
//     fourth is refused for [upstream.ReasonFull], which the document describes but gives
//     no words for, so that they are recognised by what they must say. "cancel" is also
//     what a deposit that ran out is called; its end tells which. Amounts that do not add
//     up are not understood. Amounts in foreign currency are kept exactly, and not used.
//   - Checks of accounts and their lists are asked without the key, as documented.
//   - Of the balance's answer nothing but the balance is read: it also holds the
//     key and personal data.
package rumahotp
