// Package smm knows the kinds of social media services: which fields an order of
// each has, how its quantity comes about, what of the rate it takes, and what a
// source's "remains" counts against. It is plain rules: no database, no network.
//
// Decisions that bind this package:
//
//   - A kind has a closed set of fields. One that is missing, and one that belongs to
//     another kind, is named before any money moves. Fields that no kind knows are
//     none of ours: they never get here.
//   - What is equal is written equally: numbers in one spelling, runs of 1 and no old
//     posts left out. So one content has one hash.
//   - Rates are for 1000. An order takes Units thousandths of its rate: quantity times
//     runs, a thousand for a package, the most of each post times posts for a
//     subscription (posts that exist already count as posts, since the source bills
//     them, too).
//   - Total is what "remains" counts down from: quantity times runs, since that is
//     what the source was asked for and bills. For packages and subscriptions it is
//     zero: what is in them is known to the source only, so that no share of the
//     price can be worked out from a count, and a person has to look.
//   - A kind that derives its quantity takes one that is given as long as it is the
//     same: clients that always send a quantity go on working.
package smm
