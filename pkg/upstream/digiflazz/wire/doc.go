// Package wire holds what goes over the wire to Digiflazz's buyer API: paths,
// bodies, signatures, result codes and their decoders. The source of every field is
// the Digiflazz buyer document.
//
// Decisions that bind it:
//
//   - Every answer stands inside "data". A result code that is missing, unknown, or at
//     odds with the status beside it makes an answer that says nothing ([ErrMalformed]).
//   - The codes with their documented status, and whether they mean that a transaction
//     was made, are one table ([Codes]). What follows from them is the driver's.
//   - Documents and samples disagree about types: amounts, stock, flags and codes are
//     read as number and as text. An amount written as text with a point and three
//     digits ("5.500") may be five and a half or five thousand, and is refused.
//   - Money is whole rupiah. What we pay is rounded up, what we have is rounded down.
//   - Times of day are WIB.
package wire
