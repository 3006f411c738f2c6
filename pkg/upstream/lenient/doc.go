// Package lenient reads JSON as providers really send it: a number where the
// document shows text, text where it shows a number, an empty array where an
// object was meant. It is lenient about the form of a value and strict about
// its meaning: "5500" is five thousand five hundred rupiah, while "5.500",
// "5500.0" and null are no amount at all.
//
// It has the standard library as its only dependency and is imported by the
// wire packages (and, through them, by drivers and emulators).
//
// Decisions that bind it:
//
//   - Money and counts never pass through a float.
//   - What is not understood is a [Malformed] error, whose text holds the names
//     of fields and types, never the values: answers hold credentials and
//     customers' numbers.
//   - Each scalar is encoded in one fixed form, the one that documents show, so
//     that an emulator emits what its provider documents.
package lenient
