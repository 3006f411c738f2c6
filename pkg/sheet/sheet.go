// Package sheet keeps the texts of CSV files harmless in spreadsheets.
//
// A spreadsheet takes a cell that begins with one of a few characters for a formula,
// and texts of customers and upstreams stand in ours. Such a text gets an apostrophe in
// front, which spreadsheets understand as "this is text"; [Plain] takes it away again
// from a file that was edited and comes back. Numbers are written as they are.
package sheet

import "strings"

// risky are the characters that a formula may begin with.
const risky = "=+-@\t\r"

// Text gives a text as it is written into a cell.
func Text(s string) string {
	if s != "" && strings.IndexByte(risky, s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// Plain gives what a cell that [Text] wrote meant.
func Plain(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && strings.IndexByte(risky, cell[1]) >= 0 {
		return cell[1:]
	}
	return cell
}
