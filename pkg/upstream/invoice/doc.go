// Package invoice is the driver for a gateway of QRIS invoices and DANA withdrawals.
// It sells nothing.
//
// Credentials: api_key. Options, all of them optional; the document shows the path of
// one endpoint only, so that each can be set:
//
//	balance_path            /api/v1/balance
//	invoice_create_path     /api/v1/invoice/create
//	invoice_status_path     /api/v1/invoice/status
//	invoice_cancel_path     /api/v1/invoice/cancel
//	withdraw_path           /api/v1/withdraw
//	withdraw_status_path    /api/v1/withdraw/status
//	withdraw_history_path   /api/v1/withdraw/history
//	cancel_id               query, or body: where an invoice's id stands when it is canceled
//	image_hosts             hosts besides the gateway's own from which QR images are
//	                        fetched, with commas between; a port where it is not the scheme's
//
// Decisions that bind it:
//
//   - The key travels in the query. No URL is ever put into an error, a log line, a
//     result or a row; where the gateway repeats the key in an address of an image, a
//     placeholder stands for it outside this package.
//   - An invoice costs nothing: a refusal to create, show or cancel one is definite.
//     A cancel that is refused says nothing of the invoice's state: ask it.
//   - A canceled invoice is expired in the gateway's words; only the answer to the
//     cancel itself says that it was canceled.
//   - Withdrawals bear no reference of ours and their refusals are not documented: but
//     for those of our account (401, 403), a refusal is Unknown and Answered. The
//     history decides, and nothing is ever sent twice.
//   - That the gateway knows no such invoice or withdrawal is only its own word about
//     that thing ("Invoice tidak ditemukan"), under 200, 400 or 404.
//   - Images are fetched from the gateway's own host, in its own scheme, and from those
//     hosts that an operator names; never by way of a redirect, and at most 1 MiB.
package invoice
