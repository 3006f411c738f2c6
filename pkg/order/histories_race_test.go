//go:build race

package order

// histories is how many random histories each run tries under the race detector.
const histories = "500"
