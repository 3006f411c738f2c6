// Package edit is the catalogue as a table that operators take home, change and bring
// back: CSV, a line an offer, or a line a product where it has none.
//
// Decisions that bind this package:
//
//   - A line names its offer by offer_id and its product by sku. Another sku beside the
//     same offer_id moves the offer to that product; new_sku renames a product.
//   - What is empty stays as it is, and so does a column that is left out. Columns that
//     only say how things are (cost, upstream, …) change nothing; upstream and code must
//     still be the offer's, so that no line slips.
//   - All or nothing: every line is read and every mistake named before anything is
//     written, in one commit with one audit row.
//   - A product's columns may stand on the lines of several offers. They must not
//     contradict each other; on a line that moves an offer they are not read.
//   - What an operator set no import changes: the fields are marked as edited.
package edit
