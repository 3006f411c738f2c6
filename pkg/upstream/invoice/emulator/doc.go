// Package emulator stands in for a gateway of QRIS invoices and DANA withdrawals: the
// same paths, methods, fields and types as its document shows, with a book of its own.
//
// Where the document is silent, the emulator does the following, and a driver must not
// rely on it:
//
//   - A refusal is {"error": "…"} under 401 for a bad key, 404 for what is not known,
//     405 for another method, else 400.
//   - An invoice lives 30 minutes (its example does) and its fee makes the total
//     unlike that of every other open one. It credits its amount.
//   - An invoice that is paid after it expired or was canceled is paid: the money came.
//   - A withdrawal is a purchase in the book: of "dana", for the account's number, at
//     what is deducted. Staff decides it: the script, which goes by the last digits of
//     the account's number, or the control API.
//   - The history of withdrawals has the newest first; a page has 10 rows unless asked
//     otherwise, and 100 at most.
//   - A QR image is a PNG of our own below /qr/, for which no key is asked.
package emulator
