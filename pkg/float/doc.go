// Package float watches our prepaid balance at an upstream that tells of a lost
// purchase by nothing else: it can neither be asked by a reference of ours nor be
// sent the purchase again.
//
// Decisions that bind this package:
//
//   - The balance proves something only against everything else that moved it. Each
//     purchase on such an account is a [Move]; two readings differ by the moves
//     between them, or somebody else was there.
//   - Whether a move was before or after a reading is told by ticks drawn from one
//     sequence of the database, never by clocks of different processes. Where ticks
//     leave it open, it is open.
//   - Clocks tell lengths of time only: from when on a request can no longer be on
//     its way (ripe), and when a provider gives an unused number back (ends). They
//     end no doubt; they say when a reading is worth something.
//   - A conclusion is drawn when every other move is certain at both readings and
//     exactly one answer explains the difference. What may become certain is waited
//     for; several doubts at once are told apart where their sums allow only one
//     answer. Anything else is for a person.
//   - While the outcome of one purchase is open ([Unknown]) no other is sent on the
//     account. That is decided under the account's row lock: whoever claims takes it
//     shared, whoever makes a doubt takes it alone.
//   - Errors are not alike. A number called not bought by mistake is paid back by its
//     provider, since nobody can use it; anything else is delivered twice. So what never
//     comes back by itself is given more time, and takes two readings that agree.
//   - A balance told in coarse units ([Book.Grain]) proves only what is larger.
//   - Nobody's purchases wait for a reading that may never come: a hold for one ends with
//     it, and without it.
//   - Where money went that is not ours, nothing is concluded for a while: a second
//     user of the account could hide or forge a purchase.
package float
