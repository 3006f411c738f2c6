// Package rumahotp is the driver for RumahOTP: rented numbers (otp) and H2H
// products (ppob).
//
// Decisions that bind it:
//
//   - Every call there is a GET, purchases included, and there is no reference
//     of ours and no list of purchases. So the driver offers neither Lookup nor
//     IdempotentSubmit: a lost answer is settled by the balance or by an operator.
//   - A refusal in the documented form with an HTTP status below 500 is definite
//     (Rejected). A refusal that carries data naming a purchase is not: it is
//     Unknown.
//   - A number is Succeeded with its first code; "completed" without a code stays
//     Pending, since nothing says that the money came back. It is Expired only
//     when the provider says "expiring" and its own end has passed.
//   - An H2H purchase that is canceled is Failed: it was not delivered, and
//     another offer may try. Refunded says whether our money is back.
//   - A zone id is appended to the target, as the provider's games expect it.
//   - Of the balance's answer nothing but the balance is read: it also holds the
//     key and personal data.
package rumahotp
