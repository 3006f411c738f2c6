// Package e2e tests Muara as it runs: real processes of both binaries over a real
// Postgres, a real Redis and the emulators, ended by an audit that compares our books
// with the emulators' own.
//
// Decisions that bind this package:
//
//   - A test steers from outside only: the merchant API, operator commands, signals to
//     processes, the servers' restarts, and the emulators' control API. The database is
//     read for the audit and never written.
//   - Nothing sleeps. Every wait is for a condition that can be seen, with a deadline
//     that fails the test and says what it waited for.
//   - The audit believes the emulators' books; what ours say has to match them.
//
// Budgets and timeouts are scaled down so that the whole fits a small CI machine.
// MUARA_E2E_ORDERS is how many orders the test with faults places (1,200 unless
// set; with more, the sources that nobody can ask lose answers in every trouble),
// MUARA_E2E_SEED what its choices are drawn from; with MUARA_E2E_RACE=1 the processes
// run under the race detector. MUARA_E2E_FROM is the revision that the rolling
// upgrade begins with (HEAD^ unless set); where its history is not at hand that test is
// skipped.
package e2e
