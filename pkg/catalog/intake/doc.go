// Package intake brings what upstreams list into the catalogue: it reads their
// parts (scopes) when they are due, compares each with what is stored, and writes
// the difference.
//
// Decisions that bind this package:
//
//   - An import is a diff. A row that did not change is not written, and a list that
//     did not change writes nothing and makes no new version.
//   - A scope is compared only after all its pages were read, and written in one
//     transaction. What the scope no longer lists closes, and opens again with its
//     SKU when it comes back. A reading that lacks most of what was there is
//     believed only when the next one, a minute later, says the same.
//   - SKUs are ours, made by a rule from what the thing is (brand, country, nominal;
//     service, country, server), in an order that does not depend on the order of the
//     list. One that is taken or that equals a code of any upstream gets a suffix: V2,
//     V3, …; one that would hold a forbidden word leaves the brand out. A SKU that was given stays: a code that
//     an upstream takes into use later and that happens to equal it says nothing
//     about where the SKU came from.
//   - Offers of several upstreams are one product only when everything that was said
//     about them agrees: mode, type, country, brand, group, required inputs and every
//     word and number of the name, and the costs are within a factor of two. An
//     upstream has at most one live offer of a product this way. Everything else is
//     a product of its own, until an operator merges it.
//   - An offer whose code comes to mean another thing (other brand, type, first number
//     of the name, service or country) moves to another product. A SKU never
//     changes its meaning.
//   - A social media service is always a product of its own: that two panels' services
//     are as good as each other can only be judged by a person. Its SKU is platform,
//     thing and a number (IGF1); its fields are those of its type (package smm); types
//     whose orders are not possible are left out. Of its description the lines stay
//     that cannot name a source.
//   - Each otp offer is a "Server" of its service and country. Its number is never
//     given to another offer.
//   - A cost that moves by more than the bound waits in pending_cost; see package
//     catalog for what that does to the product.
//   - What a source says of one offer alone is learnt by the rules of a list ([Importer.Learn]).
//     That it does not know the offer closes nothing: only a list that was read to its end
//     shows that something is gone. What closed an offer this way may be opened by a list
//     or by the next question.
//   - A source's cut-off times come with its offers and are the source's to change; those
//     that an operator sets are the product's. Nothing is sold in either.
//   - White label: names lose forbidden words, a description that may name a source
//     (a forbidden word, an address, a telephone number, markup) is dropped, and no
//     picture is taken over.
package intake
