// Package emulate is what all emulators of providers have in common: the book
// of purchases, the judge of the request limit, scripted faults and outcomes,
// and the control API. Emulators stand in for providers in local runs, tests
// and load tests; production code cannot import them.
//
// An emulator is an http.Handler made of a [Core] and the provider's own
// endpoints. Every request goes through [Core.Serve]:
//
//	uplink fault (the way to us) → arrival stamp → judge → faults before effect
//	→ the endpoint, into a buffer → faults after effect → the answer
//
// Decisions that bind it:
//
//   - Books are truth. A fault may hide, spoil or delay an answer, but the book
//     tells what was bought, delivered and given back, and when.
//   - Time that means something (expiry, pending, limits) comes from the injected
//     clock; only latency and hanging wait in real time.
//   - Chance comes from one seeded source: the same seed and the same order of
//     requests give the same run.
//   - A purchase's future is planned when it is made, as dated steps; whoever
//     looks at the book carries out what is due. There are no goroutines.
package emulate
