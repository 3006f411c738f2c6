//go:build !race

package order

// histories is how many random histories each run tries.
const histories = "2500"
