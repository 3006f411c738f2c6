// Package deposit keeps deposits: money that merchants pay in through QRIS. It
// has their rows, the states, the commits that move state, money, evidence and
// webhook together, and the way to an invoice over several gateways.
//
// Decisions that bind this package:
//
//   - The row comes first, then a gateway is asked. An invoice nobody waited for was
//     shown to nobody, so nobody can pay it: it is kept when its deposit still wants
//     one and canceled when not. So asking another gateway after doubt is safe here,
//     as it is not with purchases.
//   - One deposit per (wallet, ref), as long as it came to something: one for which
//     no gateway gave an invoice is failed, and its ref is free again.
//   - A payment is credited once: under the row's lock, by its state, and by the
//     ledger's constraint. What was paid must be what was asked for; anything else goes
//     to suspense, and only an operator credits it.
//   - Paid wins. A payment within [Grace] of expiry or cancel is credited and the
//     status becomes paid; one that comes later is suspense.
//   - A deposit expires on the gateway's word, or on its word after expires_at that
//     nothing was paid. Not to have been answered is no word.
//   - Lock order: deposit row, then its statement line, then the wallet.
//   - What a merchant sees is [View], an allow-list; the gateway and what it said
//     never leave for a merchant. The payee's name inside the code is the acquirer's.
//   - total = amount + fee, and fee is whatever makes it so: our fee, what the gateway
//     adds by itself, and the digits that make a total of our own code unique.
package deposit
