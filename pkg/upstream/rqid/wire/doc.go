// Package wire holds what goes over the wire to an rqid partner API: paths,
// bodies, codes and their decoders. The source of every field is the rqid
// document.
//
// Decisions that bind it:
//
//   - An answer is one of three: a success (envelope status "success") whose
//     data has what it must have; a [Refusal]; or [ErrMalformed], which says
//     nothing about what was done.
//   - rc 94 is always a refusal, whatever else the answer says: it means "this
//     ref_1 is known, ask about it", never "failed".
//   - An envelope that refuses while its data says that the transaction
//     succeeded contradicts itself and is malformed.
//   - Only rc 00 and 94 are documented. Other codes are hints about a reason.
//   - Money is text in whole rupiah, dates are days in WIB, times are WIB
//     without a zone.
package wire
