// Package emulator is another installation of this gateway as its merchants meet it:
// the merchant API, with its order of checks, its idempotent refs and its books.
//
// What it invents where the API leaves room: services, prices and the wording of
// messages; that a cancel is confirmed by the next answer; that a refill takes ten
// minutes and may be asked for once a day; that bills of customers ending in 98 and 97
// are not owed and not known, that those ending in 96 owe for two periods, and that the
// inquiry of those ending in 95 is over when it is paid. Its CSV has no gaps, as the
// real one has none.
package emulator
