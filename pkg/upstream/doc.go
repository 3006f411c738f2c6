// Package upstream is how Muara talks to the providers behind it.
//
// A provider is a small [Driver]: it builds one request, sends it, and says
// what the answer means. Everything that is the same for all of them (budget,
// deadline, circuit breaker, shared pause, metrics, one log line an attempt,
// redaction) is in the portable type [Client].
//
// Decisions that bind this package:
//
//   - One method call is one HTTP request. The budget counts requests, so a
//     driver that needs two asks for them in two calls. Catalogues are read in
//     pages for the same reason.
//   - Classes are a closed set ([Class]). What is not classified is [Unknown]:
//     a driver must prove [NotSent] and [Rejected], never guess them.
//   - A result says what the provider said. What happens next (retry, fail over,
//     refund, ask again) is decided by worker/policy.go and pkg/order, not here.
//   - No text of a provider ever reaches a merchant. Code and Detail in [Error]
//     and [Result] are for operators; merchants read messages of our own.
package upstream
