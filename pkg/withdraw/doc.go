// Package withdraw keeps withdrawals: money that merchants have paid out. It has
// their rows, the states, and the commits that move state, money, evidence and
// webhook together.
//
// Decisions that bind this package:
//
//   - Amount and fee are taken in the commit that keeps the row, and given back whole
//     in the commit that rejects it.
//   - Nothing is paid out before as many different people have approved it as the row
//     asks for. In test mode that is nobody.
//   - A payout is claimed (approved → sending) before its first byte and sent once. It
//     is sent again only after proof that nothing was done: nothing left us, or a
//     definite refusal. After any doubt it is unknown, and nothing but evidence ends
//     that: one payout in the gateway's history that can be this one and no other, or an
//     operator. That the history lacks it is no evidence, unless the gateway had refused
//     it in words that alone prove nothing.
//   - So that the history can tell, no two withdrawals of one amount to one account are
//     on their way at a gateway while one of them is in doubt; and a payout is evidence
//     for one withdrawal only, by the database's constraint.
//   - A final status never changes. A payout that turns out to have succeeded after it
//     was rejected is our loss and an operator's task.
//   - Lock order: Place locks the wallet and inserts a row that nobody else can see;
//     everything after locks the row and then the wallet.
//   - What a merchant sees is [View], an allow-list.
package withdraw
