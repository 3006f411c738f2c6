// Package rest is what the merchant API and the admin API are both served with: a
// router, the envelope, request ids, measurements, panics that become answers, and
// OpenAPI documents that say all of it.
//
// A [Service] is one API. It knows neither who calls nor what the refusals of that API
// are called: both are given to it.
package rest
