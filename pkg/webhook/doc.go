// Package webhook tells merchants what happened: rows, signing, back-off and the
// guard over where we dial.
//
// Decisions that bind this package:
//
//   - An event is a row, written by [Insert] in the transaction of the change it
//     tells of, with its body rendered there and then. Retries and replays send the
//     same bytes under the same webhook-id.
//   - At least once. A result that is lost (a killed worker, a crash of the database
//     within the last moments, since results are committed without waiting for the
//     disk) is a second delivery, never a missing one.
//   - In order for each subject of a merchant: only its earliest event that is
//     neither delivered nor parked may be sent. An event that was given up (parked)
//     no longer holds up those behind it.
//   - What is decided about a merchant's events (claim, result, replay) is decided
//     under that merchant's advisory lock, each statement with a fresh view. So a claim
//     cannot be given twice, the bound on concurrent attempts is exact over all
//     processes, and order needs no further care. Inserting takes no lock: a new event
//     is merely due.
//   - A claim is a lease in next_run_at, and attempts is its fence: who holds an
//     outdated number writes nothing. A worker that dies is waited for until its lease
//     ends; its attempt uses up no step of the schedule.
//   - A task is a kick. Whoever gets one takes that event, and then whatever else of
//     the same merchant is due, for some seconds (a lane). A merchant has a bounded
//     number of lanes, and one that has only failed for a while has one, now and then:
//     a dead receiver holds up nobody but itself.
//   - What came of an endpoint is counted for the URL that it has, apart from what came of
//     URLs that orders bring: each is judged by its own. An endpoint that only fails for
//     days is suspended in the commit of the attempt that tells.
//   - Nothing is dialled but an address that the [Guard] has checked, fails closed.
package webhook
