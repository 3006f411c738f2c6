package main

// Labels of every query. Schedulers tell the same numbers of rows, so of those the largest counts (max); what processes count themselves
// is added up (sum).
const (
	here = `namespace=~"$namespace"`
	at   = here + `,upstream=~"$upstream"`
	per  = `[$__rate_interval]`
)

// final are the states in which an order has come to its end.
const final = `state=~"completed|failed|partial|canceled|expired"`

func one(expr, legend string) []query { return []query{{expr, legend}} }

// graph and number make panels.
func graph(title, unit, about string, queries ...query) panel {
	return panel{title: title, unit: unit, about: about, queries: queries}
}

func stacked(title, unit, about string, queries ...query) panel {
	return panel{title: title, unit: unit, about: about, queries: queries, stack: true}
}

func number(title, unit, about, expr string) panel {
	return panel{title: title, unit: unit, about: about, queries: one(expr, ""), stat: true}
}

// rate is what a counter grows by in a second, summed by labels.
func rate(metric, labels, by string) string {
	return "sum by (" + by + ") (rate(" + metric + "{" + labels + "}" + per + "))"
}

// orZero is for counters that may never have counted anything.
func orZero(expr string) string { return expr + " or vector(0)" }

// quantiles of a histogram, by one label or none.
func quantiles(metric, labels, by string) []query {
	name, group := "{{"+by+"}} ", by+", le"
	if by == "" {
		name, group = "", "le"
	}
	var all []query
	for _, q := range []struct{ of, name string }{{"0.5", "p50"}, {"0.99", "p99"}} {
		all = append(all, query{"histogram_quantile(" + q.of + ", sum by (" + group + ") (rate(" + metric + "_bucket{" + labels + "}" + per + ")))", name + q.name})
	}
	return all
}

func boards() []board {
	return []board{overview(), orders(), upstream(), merchants(), webhooks(), ledger(), runtime()}
}

func overview() board {
	return board{name: "overview", title: "Overview", rows: []row{
		{"Now", []panel{
			number("Orders a minute", "short", "Accepted, from the merchants' requests.", `60 * sum(rate(muara_orders_placed_total{`+here+`,verdict="accepted"}`+per+`))`),
			number("Completed", "percentunit", "Of the orders that came to their end.", `sum(rate(muara_orders_total{`+here+`,state="completed"}`+per+`)) / sum(rate(muara_orders_total{`+here+`,`+final+`}`+per+`))`),
			number("Waiting to be sent", "short", "Orders that no source was given yet.", `sum(max by (namespace, upstream) (muara_orders_queued{`+here+`}))`),
			number("Outcome unknown", "short", "Purchases of which nobody knows yet.", `sum(max by (namespace, upstream) (muara_orders_unknown{`+here+`}))`),
			number("For an operator", "short", "Orders with a flag.", `sum(max by (namespace) (muara_orders_flagged{`+here+`}))`),
			number("Problems of the books", "short", "Of the last proof.", `sum(max by (namespace) (muara_ledger_drift{`+here+`}))`),
		}},
		{"Orders", []panel{
			stacked("Placed", "ops", "By verdict; a replay is a repeated ref.", query{rate("muara_orders_placed_total", here, "verdict"), "{{verdict}}"}),
			stacked("Came to their end", "ops", "By the state they ended in.", query{rate("muara_orders_total", here+","+final, "state"), "{{state}}"}),
			graph("Time to final", "s", "From accepting an order to its end.", quantiles("muara_order_final_seconds", here, "category")...),
		}},
		{"What waits", []panel{
			graph("Oldest waiting to be sent", "s", "", query{"max by (upstream) (muara_orders_queued_oldest_seconds{" + here + "})", "{{upstream}}"}),
			graph("Oldest due for a question", "s", "", query{"max by (upstream) (muara_orders_due_oldest_seconds{" + here + "})", "{{upstream}}"}),
			graph("Oldest unknown", "s", "", query{"max by (upstream) (muara_orders_unknown_oldest_seconds{" + here + "})", "{{upstream}}"}),
		}},
		{"Merchants and sources", []panel{
			graph("Requests answered with 5xx", "percentunit", "", query{orZero(`sum(rate(muara_http_requests_total{` + here + `,class="5xx"}` + per + `)) / sum(rate(muara_http_requests_total{` + here + `}` + per + `))`), "5xx"}),
			graph("Runway of the balances", "s", "At the pace of the last hour; a week at most.", query{"max by (upstream) (muara_upstream_runway_seconds{" + here + "})", "{{upstream}}"}),
			stacked("Deposits", "ops", "By the state they entered.", query{orZero(rate("muara_deposits_total", here, "state")), "{{state}}"}),
		}},
	}}
}

func orders() board {
	money := func(kind string) string {
		return orZero(rate("muara_order_rupiah_total", here+`,mode="live",kind=~"`+kind+`"`, "kind") + " * 3600")
	}
	return board{name: "orders", title: "Orders and money", rows: []row{
		{"Money", []panel{
			graph("Rupiah an hour", "short", "Settled with merchants, given back, paid to sources, lost by late successes.", query{money("settle|refund|cost|late_cost|late_charge"), "{{kind}}"}),
			graph("Margin an hour", "short", "Settled less what sources took, in rupiah.", query{
				orZero(`(sum(rate(muara_order_rupiah_total{` + here + `,mode="live",kind=~"settle|late_charge"}` + per + `)) - sum(rate(muara_order_rupiah_total{` + here + `,mode="live",kind=~"cost|late_cost"}` + per + `))) * 3600`), "margin"}),
			graph("Deposits, rupiah an hour", "short", "By kind of entry.", query{orZero(rate("muara_deposit_rupiah_total", here, "kind") + " * 3600"), "{{kind}}"}),
		}},
		{"States", []panel{
			stacked("Entered a state", "ops", "Every change of an order.", query{rate("muara_orders_total", here, "state"), "{{state}}"}),
			stacked("By category", "ops", "Orders that came to their end.", query{rate("muara_orders_total", here+","+final, "category"), "{{category}}"}),
			graph("Failed", "percentunit", "Of those that came to their end, by category.", query{
				orZero(rate("muara_orders_total", here+`,state="failed"`, "category") + " / " + rate("muara_orders_total", here+","+final, "category")), "{{category}}"}),
		}},
		{"Deposits", []panel{
			stacked("Invoices", "ops", "What gateways answered when one was asked for.", query{orZero(rate("muara_deposit_invoices_total", here, "gateway, outcome")), "{{gateway}} {{outcome}}"}),
			stacked("Entered a state of a deposit", "ops", "", query{orZero(rate("muara_deposits_total", here, "gateway, state")), "{{gateway}} {{state}}"}),
			graph("From invoice to money", "s", "", quantiles("muara_deposit_confirm_seconds", here, "gateway")...),
		}},
		{"Deposits that wait", []panel{
			stacked("Not final", "short", "", query{"sum by (gateway, state) (max by (namespace, gateway, state) (muara_deposits_open{" + here + "}))", "{{gateway}} {{state}}"}),
			stacked("Due for a question", "short", "", query{"sum by (gateway) (max by (namespace, gateway) (muara_deposits_due{" + here + "}))", "{{gateway}}"}),
			graph("Oldest due for a question", "s", "", query{"max by (gateway) (muara_deposits_due_oldest_seconds{" + here + "})", "{{gateway}}"}),
			graph("For an operator", "short", "Deposits with a flag; payments in suspense, which fit no deposit.",
				query{"max by (namespace) (muara_deposits_flagged{" + here + "})", "flagged"}, query{"max by (namespace) (muara_deposits_suspense{" + here + "})", "in suspense"}),
			graph("Rupiah in suspense", "short", "", query{"max by (namespace) (muara_deposits_suspense_rupiah{" + here + "})", "{{namespace}}"}),
		}},
		{"Withdrawals", []panel{
			stacked("Entered a state of a withdrawal", "ops", "", query{orZero(rate("muara_withdrawals_total", here, "gateway, state")), "{{gateway}} {{state}}"}),
			graph("Oldest in a state", "s", "pending ones wait for approval.", query{"max by (state) (muara_withdrawals_oldest_seconds{" + here + "})", "{{state}}"}),
			graph("On their way out", "short", "Rupiah.", query{"max by (namespace) (muara_withdrawals_open_rupiah{" + here + "})", "{{namespace}}"}),
			graph("Withdrawals for an operator", "short", "Those with a flag.", query{"max by (namespace) (muara_withdrawals_flagged{" + here + "})", "{{namespace}}"}),
		}},
		{"Withdrawals on their way", []panel{
			stacked("Withdrawals that are not final", "short", "", query{orZero("sum by (gateway, state) (max by (namespace, gateway, state) (muara_withdrawals_open{" + here + "}))"), "{{gateway}} {{state}}"}),
			graph("From asking to final", "s", "A person's approval is in it.", quantiles("muara_withdrawal_final_seconds", here, "gateway")...),
			graph("Withdrawals, rupiah an hour", "short", "By kind of entry.", query{orZero(rate("muara_withdrawal_rupiah_total", here, "kind") + " * 3600"), "{{kind}}"}),
		}},
	}}
}

func upstream() board {
	return board{name: "upstream", title: "Upstream", upstream: true, rows: []row{
		{"Budget", []panel{
			graph("Slots", "short", "In use, and how many there are. All used: the provider's limit is what holds orders up.",
				query{"max by (upstream) (muara_budget_in_use{" + at + "})", "{{upstream}} in use"}, query{"max by (upstream) (muara_budget_slots{" + at + "})", "{{upstream}} slots"}),
			stacked("Slots given", "ops", "By class, the most urgent first.", query{rate("muara_budget_acquired_total", at, "class"), "{{class}}"}),
			graph("Calls that wait for a slot", "short", "", query{"sum by (class) (muara_budget_waiting{" + at + "})", "{{class}}"}),
			graph("Closed for", "s", "The provider put us off until then; 0 while it has not.", query{"clamp_min(max by (upstream) (muara_budget_closed_until_seconds{" + at + "}) - time(), 0)", "{{upstream}}"}),
		}},
		{"Calls", []panel{
			stacked("By outcome", "ops", "", query{rate("muara_upstream_calls_total", at, "outcome"), "{{outcome}}"}),
			stacked("By operation", "ops", "", query{rate("muara_upstream_calls_total", at, "operation"), "{{operation}}"}),
			graph("Time of a call", "s", "", quantiles("muara_upstream_call_seconds", at, "operation")...),
			graph("Refusals", "ops", "our_balance, our_account and request are ours to put right.", query{orZero(rate("muara_upstream_refusals_total", at, "reason")), "{{reason}}"}),
		}},
		{"Asked while a merchant waits", []panel{
			stacked("Asked", "ops", "Bills, invoices, accounts, prices and lists, by what is asked for and what came of it. no_answer: no worker answered in time.", query{orZero(rate("muara_asks_total", at, "kind, outcome")), "{{kind}} {{outcome}}"}),
			graph("Wait for an answer", "s", "Waits in vain are in it.", quantiles("muara_ask_seconds", at, "kind")...),
		}},
		{"Orders", []panel{
			graph("Waiting, due, unknown", "short", "",
				query{"max by (upstream) (muara_orders_queued{" + at + "})", "{{upstream}} waiting"}, query{"max by (upstream) (muara_orders_due{" + at + "})", "{{upstream}} due"},
				query{"max by (upstream) (muara_orders_unknown{" + at + "})", "{{upstream}} unknown"}),
			graph("How old the oldest is", "s", "",
				query{"max by (upstream) (muara_orders_queued_oldest_seconds{" + at + "})", "{{upstream}} waiting"}, query{"max by (upstream) (muara_orders_due_oldest_seconds{" + at + "})", "{{upstream}} due"},
				query{"max by (upstream) (muara_orders_unknown_oldest_seconds{" + at + "})", "{{upstream}} unknown"}),
			stacked("Came to their end", "ops", "", query{rate("muara_orders_total", at+","+final, "state"), "{{state}}"}),
			graph("Tasks that wait", "short", "In Redis.", query{`max by (queue) (muara_queue_depth{` + here + `,queue=~"u:($upstream):.*"})`, "{{queue}}"}),
			graph("Oldest task", "s", "In Redis.", query{`max by (queue) (muara_queue_oldest_seconds{` + here + `,queue=~"u:($upstream):.*"})`, "{{queue}}"}),
		}},
		{"Standing", []panel{
			graph("Balance", "short", "Rupiah, as the provider last said.", query{"max by (upstream) (muara_upstream_float_rupiah{" + at + "})", "{{upstream}}"}),
			graph("Runway", "s", "How long it lasts at the last hour's pace; a week at most.", query{"max by (upstream) (muara_upstream_runway_seconds{" + at + "})", "{{upstream}}"}),
			graph("Kept back", "short", "1: its breaker is open, or an operator has paused it.",
				query{"max by (upstream) (muara_upstream_breaker_open{" + at + "})", "{{upstream}} breaker"}, query{"max by (upstream) (muara_upstream_paused{" + at + "})", "{{upstream}} paused"}),
			graph("Catalogue late by", "s", "Of the part that should have been read first.", query{"max by (upstream) (muara_catalog_late_seconds{" + at + "})", "{{upstream}}"}),
		}},
		{"Accounts whose balance is the only proof", []panel{
			graph("Purchases kept back for", "s", "One outcome is open, and until it is known no other purchase is sent.", query{orZero("max by (upstream) (muara_upstream_purchases_held_seconds{" + at + "})"), "{{upstream}}"}),
			graph("In purchases that nobody can find", "short", "Rupiah: they were made, their id is not known, and they have not been paid back.", query{orZero("max by (upstream) (muara_upstream_orphans_rupiah{" + at + "})"), "{{upstream}}"}),
			graph("Moved by others", "short", "Rupiah, in the last day: somebody else uses the account.", query{orZero("max by (upstream) (muara_upstream_unexplained_rupiah{" + at + "})"), "{{upstream}}"}),
		}},
		{"Callbacks", []panel{
			stacked("At the door", "ops", "What sources post to us; unknown is nobody's token.", query{orZero(rate("muara_callbacks_total", at, "outcome")), "{{outcome}}"}),
			stacked("Read", "ops", "By what became of them; forged should be zero.", query{orZero(rate("muara_callbacks_read_total", at, "state")), "{{state}}"}),
			graph("Not read yet", "short", "Of all sources.", query{"max by (namespace) (muara_callbacks_waiting{" + here + "})", "{{namespace}}"}),
			graph("Oldest not read", "s", "Of all sources.", query{"max by (namespace) (muara_callbacks_oldest_seconds{" + here + "})", "{{namespace}}"}),
		}},
		{"Redis", []panel{
			graph("Budget's memory lost", "short", "In an hour: Redis was flushed, restarted or replaced.", query{"sum by (upstream) (increase(muara_budget_memory_lost_total{" + at + "}[1h]))", "{{upstream}}"}),
			graph("Turns that Redis did not answer", "ops", "", query{rate("muara_budget_redis_failures_total", at, "upstream"), "{{upstream}}"}),
			graph("Wait for a slot", "s", "By class.", quantiles("muara_budget_wait_seconds", at, "class")...),
		}},
	}}
}

func merchants() board {
	return board{name: "merchant-api", title: "Merchant API", rows: []row{
		{"Now", []panel{
			number("Requests a second", "reqps", "", `sum(rate(muara_http_requests_total{`+here+`}`+per+`))`),
			number("Answered with 5xx", "percentunit", "", orZero(`sum(rate(muara_http_requests_total{`+here+`,class="5xx"}`+per+`)) / sum(rate(muara_http_requests_total{`+here+`}`+per+`))`)),
			number("Over their limit", "reqps", "Requests that were refused since the merchant had sent too many.", `sum(rate(muara_http_rate_limited_total{`+here+`}`+per+`))`),
			number("Orders, p99", "s", "", `histogram_quantile(0.99, sum by (le) (rate(muara_http_request_seconds_bucket{`+here+`,route="/order"}`+per+`)))`),
		}},
		{"Requests", []panel{
			stacked("By route", "reqps", "", query{rate("muara_http_requests_total", here, "route"), "{{route}}"}),
			stacked("By class of status", "reqps", "4xx are refusals, 5xx our errors; source: refused with 503 since a source did not answer.", query{rate("muara_http_requests_total", here, "class"), "{{class}}"}),
			graph("Over their limit", "reqps", "", query{"sum(rate(muara_http_rate_limited_total{" + here + "}" + per + "))", "refused"}),
		}},
		{"Time", []panel{
			graph("p99 by route", "s", "", query{"histogram_quantile(0.99, sum by (route, le) (rate(muara_http_request_seconds_bucket{" + here + "}" + per + ")))", "{{route}}"}),
			graph("All routes", "s", "", quantiles("muara_http_request_seconds", here, "")...),
			graph("Placing in one commit", "s", "Orders that are placed together share one.", quantiles("muara_order_commit_seconds", here+`,what="place"`, "")...),
		}},
		{"What sources are asked while a merchant waits", []panel{
			stacked("Asked for", "ops", "Bills, invoices, accounts, prices and lists; one question after another where several sources are asked.", query{orZero(rate("muara_asks_total", here, "kind")), "{{kind}}"}),
			stacked("What came of it", "ops", "no_answer: no worker answered in time; left: the merchant did not wait.", query{orZero(rate("muara_asks_total", here, "outcome")), "{{outcome}}"}),
			graph("Without an answer", "percentunit", "Of the questions to a source.", query{
				orZero(rate("muara_asks_total", here+`,outcome=~"no_answer|error"`, "upstream") + " / " + rate("muara_asks_total", here, "upstream")), "{{upstream}}"}),
			graph("Wait for an answer", "s", "One merchant's wait for one source; waits in vain are in it.", quantiles("muara_ask_seconds", here, "kind")...),
		}},
	}}
}

func webhooks() board {
	return board{name: "webhooks", title: "Webhooks", rows: []row{
		{"Now", []panel{
			number("Not delivered yet", "short", "", `sum(max by (namespace) (muara_webhooks_pending{`+here+`}))`),
			number("Oldest, of healthy receivers", "s", "", `max(muara_webhooks_oldest_seconds{`+here+`})`),
			number("Delivered", "percentunit", "Of the attempts.", `sum(rate(muara_webhook_attempts_total{`+here+`,outcome="delivered"}`+per+`)) / sum(rate(muara_webhook_attempts_total{`+here+`}`+per+`))`),
			number("Given up in an hour", "short", "", `sum(increase(muara_webhook_parked_total{`+here+`}[1h]))`),
			number("Endpoints switched off", "short", "By us: they answered 410, or nothing but failures came of them.", `sum(max by (namespace) (muara_webhook_endpoints_suspended{`+here+`}))`),
		}},
		{"Deliveries", []panel{
			stacked("Attempts", "ops", "By what came of them.", query{rate("muara_webhook_attempts_total", here, "outcome"), "{{outcome}}"}),
			graph("From event to delivery", "s", "Of those that were delivered at the first attempt.", quantiles("muara_webhook_delivery_seconds", here, "")...),
			graph("How long receivers take", "s", "", quantiles("muara_webhook_attempt_seconds", here, "")...),
		}},
		{"Backlog", []panel{
			graph("Not delivered yet", "short", "", query{"max by (namespace) (muara_webhooks_pending{" + here + "})", "events"}, query{`max by (namespace) (muara_queue_depth{` + here + `,queue="webhook"})`, "tasks"}),
			graph("Oldest, of healthy receivers", "s", "", query{"max by (namespace) (muara_webhooks_oldest_seconds{" + here + "})", "oldest"}),
			graph("Given up; written by another", "ops", "Results that came after their lease had ended were not written.",
				query{"sum(rate(muara_webhook_parked_total{" + here + "}" + per + "))", "given up"}, query{"sum(rate(muara_webhook_stale_results_total{" + here + "}" + per + "))", "too late"}),
			graph("Switched off", "short", "Endpoints that are, by us; and those of a day that only failed.",
				query{"max by (namespace) (muara_webhook_endpoints_suspended{" + here + "})", "off"}, query{"sum(increase(muara_webhook_suspensions_total{" + here + "}[1d]))", "in a day"}),
		}},
	}}
}

// ledger is about what must be true: the books, the lists, and the jobs that look after both.
func ledger() board {
	return board{name: "ledger-and-catalogue", title: "Ledger and catalogue", rows: []row{
		{"Books", []panel{
			graph("Problems", "short", "Of the last proof.", query{"max by (namespace) (muara_ledger_drift{" + here + "})", "{{namespace}}"}),
			graph("Orders for an operator", "short", "Those with a flag.", query{"max by (namespace) (muara_orders_flagged{" + here + "})", "{{namespace}}"}),
			graph("Since the last proof", "s", "Every hour.", query{`time() - max by (namespace) (muara_scheduler_last_success_timestamp_seconds{` + here + `,name="verify"})`, "{{namespace}}"}),
			graph("Time of common commits", "s", "place: accepting orders; write: everything that happens to them.", quantiles("muara_order_commit_seconds", here, "what")...),
		}},
		{"Compared with the sources' books", []panel{
			graph("Findings", "short", "Of the last day that was compared.", query{`sum by (upstream, kind) (max by (namespace, upstream, kind) (muara_reconciliation_lines{` + here + `,kind!="matched"}))`, "{{upstream}} {{kind}}"}),
			graph("Since the last day compared", "s", "From its end.", query{"max by (upstream) (muara_reconciliation_age_seconds{" + here + "})", "{{upstream}}"}),
			graph("Balance not explained", "short", "Rupiah by which it fell more on that day than our books say.", query{orZero("max by (upstream) (muara_reconciliation_unexplained_rupiah{" + here + "})"), "{{upstream}}"}),
		}},
		{"Catalogue", []panel{
			graph("Late by", "s", "How long ago the part of a source's list should have been read that should have been read first.", query{"max by (upstream) (muara_catalog_late_seconds{" + here + "})", "{{upstream}}"}),
			graph("Products in memory", "short", "", query{"max by (pod) (muara_catalog_products{" + here + "})", "{{pod}}"}),
			graph("Version served", "short", "All pods follow within a second or two.", query{"max by (pod) (muara_catalog_version{" + here + "})", "{{pod}}"}),
			graph("Time to take a new version", "s", "", quantiles("muara_catalog_refresh_seconds", here, "")...),
			graph("Encoded lists", "bytes", "", query{"sum by (pod) (muara_catalog_cache_bytes{" + here + "})", "{{pod}}"}),
		}},
		{"Scheduler", []panel{
			graph("Since a job last went well", "s", "", query{"time() - max by (name) (muara_scheduler_last_success_timestamp_seconds{" + here + "})", "{{name}}"}),
			graph("Found", "ops", "Rows that a job took or enqueued.", query{rate("muara_scheduler_items_total", here, "name"), "{{name}}"}),
			graph("Time of a run", "s", "The slowest in a hundred.", query{"histogram_quantile(0.99, sum by (name, le) (rate(muara_scheduler_job_seconds_bucket{" + here + "}" + per + ")))", "{{name}}"}),
			graph("Failures", "ops", "", query{orZero(rate("muara_scheduler_failures_total", here, "name")), "{{name}}"}),
		}},
	}}
}

func runtime() board {
	pods := `,role!=""`
	return board{name: "runtime", title: "Runtime", rows: []row{
		{"Processes", []panel{
			graph("Up", "short", "Processes that answer, by role.", query{"count by (role) (muara_build_info{" + here + pods + "})", "{{role}}"}),
			graph("Versions", "short", "More than one: an upgrade is under way.", query{"count by (version) (muara_build_info{" + here + "})", "{{version}}"}),
			graph("Starts in an hour", "short", "", query{"sum by (role) (changes(process_start_time_seconds{" + here + pods + "}[1h]))", "{{role}}"}),
		}},
		{"Use", []panel{
			graph("Processors", "short", "", query{"sum by (role) (rate(process_cpu_seconds_total{" + here + pods + "}" + per + "))", "{{role}}"}),
			graph("Memory", "bytes", "Resident.", query{"sum by (role) (process_resident_memory_bytes{" + here + pods + "})", "{{role}}"}),
			graph("Open files", "short", "Connections among them.", query{"sum by (role) (process_open_fds{" + here + pods + "})", "{{role}}"}),
		}},
		{"Go", []panel{
			graph("Goroutines", "short", "", query{"sum by (role) (go_goroutines{" + here + pods + "})", "{{role}}"}),
			graph("Heap", "bytes", "", query{"sum by (role) (go_memstats_heap_inuse_bytes{" + here + pods + "})", "{{role}}"}),
			graph("Pauses of the collector", "s", "The longest of the last ones.", query{`max by (role) (go_gc_duration_seconds{` + here + pods + `,quantile=~"1([.]0)?"})`, "{{role}}"}),
		}},
	}}
}
