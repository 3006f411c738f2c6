// Package emulator stands in for an SMM panel: the same actions, fields and types as
// the convention shows, with a book of its own, in the dialects that panels have.
//
// Where the convention is silent, the emulator does the following, and a driver must
// not rely on it:
//
//   - An order is pending, then in progress for the second half of its time, then what
//     the script decided. Half of it is delivered while it is in progress.
//   - A charge is taken with add, and what is not delivered is given back when an order
//     ends in part or canceled. The book keeps rupiah, rounded up to whole ones.
//   - One order is open for a link at a service at a time; a panel may be told to look
//     at the link alone, or not to look.
//   - A purchase that the script lets fail is canceled with everything remaining: panels
//     have no other word for it.
//   - The core knows requests by paths, so the action is made a part of it: faults and
//     arrivals name "/api/v2/add".
package emulator
