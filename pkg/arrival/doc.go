// Package arrival learns how long after its purchase the news of an order comes (the
// code of a rented number, the receipt of a top-up) and says of an order that was
// last looked at so long ago how long news of it may be waiting by now. Workers of
// upstreams that answer about one order at a time ask by it.
//
// Decisions that bind this package:
//
//   - Of a purchase is known when it was looked at in vain and when news was found,
//     never when it came. So what is learned is a rate by age: how often news came in
//     the time that was watched. A look in vain is as good a lesson as one that finds
//     something, and that some orders never have news needs no rule of its own: at
//     high ages much time is watched and little comes.
//   - What is known little of is taken to be like what is known better: a product like
//     all of its category at that upstream, and those like a guess ([guess]).
//   - No rate is zero ([least]). Whatever is not looked at becomes the most worth it
//     sooner or later, so that none starves.
//   - All of it is a hint: it decides whom to ask first, and nothing else. It may be
//     lost, it may be wrong, and it holds nothing of any customer.
package arrival
