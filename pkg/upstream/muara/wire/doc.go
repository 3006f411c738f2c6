// Package wire is the merchant API as a client meets it: paths, bodies, codes and
// signatures, as its document (the H2H page and its completion) has them.
//
// Decisions that bind it:
//
//   - A success is ok with data under 200; a failure is not ok with a code under the
//     status that belongs to it. Anything else is malformed.
//   - An order is read whatever its kind shows; it is written as its kind has it, with
//     null for what is not known yet.
//   - Names in a CSV statement are those of JSON.
package wire
