// Package config reads Muara's one configuration file.
//
// Decisions that bind:
//
//   - Strict: an unknown key, a key twice, a value of the wrong kind is an error. Every error is told at once, each with
//     the path of what is wrong ("upstreams[1].budget.per: …").
//   - A key that is left out has a default that is safe to run with. What a role cannot do without is asked for by that
//     role (Require), since `muara migrate` needs no Redis and `muara openapi` needs nothing.
//   - Order of precedence: MUARA_SECTION_KEY in the environment (MUARA_DATABASE_URL, MUARA_API_LISTEN; lists separated by
//     commas), then the file with each ${NAME} replaced from the environment, then the default. `$${` writes `${`.
//   - A secret may be in a file of its own: the key with "_file" after it names the file. A final newline is not part of it.
//   - A process holds only the secrets that it uses: an upstream's credentials are neither expanded nor read from their
//     files until that upstream is asked for (Config.Upstream). So the API runs where a provider's secret does not exist.
//   - A Secret never prints itself: not in fmt, log/slog, JSON or YAML.
package config
