// Package emulator stands in for RumahOTP: the same paths, methods, fields and
// types as its document shows, with a book of its own.
//
// Where the document is silent, the emulator does the following, and a driver
// must not rely on it:
//
//   - A refusal has HTTP status 401 for a bad key, 405 for another method than
//     GET, 404 for what is not known, else 400.
//   - A number whose code came is completed by itself when it expires; one
//     without a code becomes "expiring" at that moment and its price comes back.
//   - A code comes only to a number that somebody has asked about: nobody enters a
//     number that he was never told. So a purchase whose answer was lost for good
//     expires without a code, and its price comes back.
//   - After resend the order is "waiting" again, with otp_code "-", until the
//     next code comes.
//   - A transaction that fails or is canceled has refund true at once.
//   - A deposit is of 1,000 to 10,000,000 rupiah and may be paid for 20 minutes; one
//     that ran out has the status "cancel", since the document knows no other word. Its
//     fee is 0.7 % and up to a hundred rupiah more, so that no two that are pending ask
//     for the same total. The balance gets its amount when it is paid. USDT is in v2.
//   - Account checks and their lists want no key. Numbers that end in 04 are invalid.
package emulator
