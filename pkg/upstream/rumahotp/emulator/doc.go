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
//   - After resend the order is "waiting" again, with otp_code "-", until the
//     next code comes.
//   - A transaction that fails or is canceled has refund true at once.
package emulator
