// Package callback takes what sources post to us and keeps it until a worker of
// theirs has read it.
//
// Decisions that bind it:
//
//   - Whoever takes a callback holds no source's secret and cannot read it. It stores
//     what came, and a worker of that source verifies it. What a callback says is a
//     hint, applied as an answer to a question would be; polling goes on beside it, so
//     that nothing is lost with a callback but time.
//   - The address is a token that nobody can guess, made from the installation's key and
//     the source's name. It names nobody. Whoever knows it can make us store rows, and
//     nothing else.
//   - The answer is always the same: whatever the token, the body, the signature, the
//     rate, or the state of the database.
//   - Only headers that tell what a callback is or who signed it are kept, and secrets
//     that a body tells are taken out of it before it is stored.
//   - The same callback waits once, however often it is posted, and is applied once.
package callback
