// Package emulator stands in for an rqid partner API: the same paths, methods,
// fields and types as its document shows, with a book of its own.
//
// Where the document is silent, the emulator does the following, and a driver
// must not rely on it:
//
//   - A refusal's HTTP status is the envelope's code: 401 for a bad key or
//     mmid, 405 for another method than POST, 404 for a transaction that is not
//     known, 400 for a known ref_1, else 422.
//   - The envelope around a failed transaction is a success with the reason's rc.
//   - ref_1 is remembered only where something was bought.
//   - /history/{ref_1} answers with one row of /history.
//   - Bills are invented from the customer's number (see billOf). An inquiry under the
//     ref_1 of another one, or of anything bought, is rc 94; the same one again finds
//     the bill anew. Inquiries are in no history, and /status tells of one, as a
//     success, until it is paid.
//   - A payment takes what was inquired. Without a valid inquiry it is refused.
//   - In /mutations the newest stands first.
package emulator
