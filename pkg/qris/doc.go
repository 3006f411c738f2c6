// Package qris reads and writes QRIS codes: the text that a payer's app scans
// (EMVCo merchant-presented mode), the sum at its end, and the picture of it.
//
// Decisions that bind this package:
//
//   - Reading is tolerant ([Parse], [Read]): codes in the wild have wrong sums, an
//     amount beside the mark of a static code, names longer than allowed. What makes a
//     code another one than it seems (no fields, no version, an amount that is no
//     whole rupiah) is an error all the same.
//   - Importing an own static code is strict ([Import]): it is done once, by a person
//     who can fetch a better copy, and every payment afterwards depends on it.
//   - A code is taken apart and put together, never searched in: "5802ID" may stand
//     inside a value.
//   - A picture is measured before it is decoded, and only PNG, JPEG and GIF are.
package qris
