// Package merchant keeps who may call: merchants, their keys, their address
// lists and tiers, and how often they may call.
//
// Decisions that bind this package:
//
//   - A key is stored as its SHA-256 only and shown once. It holds 160 random bits,
//     so a plain hash is enough and can be looked up.
//   - Who a key belongs to is remembered for seconds ([Authenticator]). A change of
//     a merchant or key sends a notification from a trigger in its own
//     transaction, so whoever changes the row (a command, the admin API, psql)
//     ends the memory in every process. While no notifications can be heard, an
//     answer is kept for a second only.
//   - The rate limit counts in Redis ([Limiter]) and fails open: when Redis does
//     not answer, each process counts alone. The limit guards capacity, never
//     money; Postgres decides about money, and orders must go on while Redis is away.
//   - What an operator changes is written together with its audit row.
package merchant
