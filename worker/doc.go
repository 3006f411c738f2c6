// Package worker does what Muara's queues ask for: it buys, asks, cancels, reads
// catalogues and balances at one upstream, and delivers webhooks.
//
// Decisions that bind this package:
//
//   - A task says "look at this row"; the row says what to do. A task that finds
//     nothing to do is done. So tasks may be doubled, late or lost.
//   - One table ([afterError], [afterResult]) turns what an upstream said into the
//     order's next step. What it does not name leaves the order unknown.
//   - An attempt is claimed in Postgres after its budget slot is held and before its
//     first byte. No transaction is open while an upstream is called.
//   - So is a merchant's wish before its source is told of it, and the answer belongs to the
//     claim. The task of the request and every poll turn come upon the same wish.
//   - What an upstream said is written even when the worker is stopping, and is
//     tried again while Postgres is away: losing it would make a known outcome
//     unknown.
//   - Each queue has a server of its own, so that none can take another's capacity.
//     Priority between them is the budget's.
//   - Of an upstream that answers about one order at a time, the slot goes to the order
//     whose news is expected to have been waiting longest ([Worker.worth]): by how old
//     it is, how long ago it was looked at, and what pkg/arrival has learned of its
//     product. An open wish goes first; a merchant who is watching counts fourfold. The
//     choice is made when the slot is there, and another worker's is never taken.
//     Upstreams that answer about many are asked about those due for longest.
package worker
