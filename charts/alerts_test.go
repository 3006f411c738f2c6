package charts

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const (
	alertsFile = "muara/files/alerts.yaml"
	runbookURL = "https://github.com/muarahq/muara/blob/main/docs/runbooks/"
)

// prometheusDir is where prometheus and promtool are.
var prometheusDir = sync.OnceValues(func() (string, error) {
	return runScript("../scripts/prometheus")
})

func promtool(t *testing.T) string {
	t.Helper()
	dir, err := prometheusDir()
	require.NoError(t, err, dir)
	return filepath.Join(dir, "promtool")
}

// alerts reads the rules, and gives those that alert.
func alerts(t *testing.T) map[string]monitoringv1.Rule {
	t.Helper()
	raw, err := os.ReadFile(alertsFile)
	require.NoError(t, err)
	var spec monitoringv1.PrometheusRuleSpec
	require.NoError(t, yaml.UnmarshalStrict(raw, &spec))
	found := map[string]monitoringv1.Rule{}
	for _, g := range spec.Groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				require.NotContains(t, found, r.Alert)
				found[r.Alert] = r
			}
		}
	}
	return found
}

// series are a metric's samples, one a minute, as promtool writes them.
type series map[string]string

// alarm is a situation in which an alert must sound, and one that is like it in which it must not.
type alarm struct {
	alert   string
	at      string // since the samples began
	loud    series
	labels  map[string]string // besides severity
	summary string
	quiet   series
}

func situations() []alarm {
	ns := func(more ...string) map[string]string {
		m := map[string]string{"namespace": "p"}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	hulu := ns("upstream", "hulu")
	const of = `{namespace="p",upstream="hulu"}`
	const of2 = `{namespace="p",upstream="hulu",pod="other"}` // the second scheduler says the same
	http := func(class string) string {
		return `muara_http_requests_total{namespace="p",class="` + class + `",route="/order"}`
	}
	asks := func(kind, outcome string) string {
		return `muara_asks_total{namespace="p",upstream="hulu",kind="` + kind + `",outcome="` + outcome + `"}`
	}
	final := func(what string) string { return `muara_order_final_seconds_` + what }
	order := func(state string) string {
		return `muara_orders_total{namespace="p",upstream="hulu",category="ppob",mode="live",state="` + state + `"}`
	}
	placed := func(category string) string {
		return `muara_orders_placed_total{namespace="p",category="` + category + `",mode="live",verdict="accepted"}`
	}
	last := func(job string) string {
		return `muara_scheduler_last_success_timestamp_seconds{namespace="p",name="` + job + `"}`
	}
	period := func(job string) string { return `muara_scheduler_job_period_seconds{namespace="p",name="` + job + `"}` }
	slowly := func(le string) alarm {
		bucket := func(category string) string {
			return final(`bucket{namespace="p",mode="live",category="` + category + `",le="` + le + `"}`)
		}
		count := func(category string) string {
			return final(`count{namespace="p",mode="live",category="` + category + `"}`)
		}
		return alarm{"MuaraOrdersSlow", "1h15m", series{bucket("ppob"): "0+4x90", count("ppob"): "0+5x90"}, ns(), "20% of prepaid orders took longer than five minutes",
			series{bucket("ppob"): "0+98x90", count("ppob"): "0+100x90", bucket("smm"): "0+0x90", count("smm"): "0+100x90"}}
	}
	build := func(pod string) string { return `muara_build_info{namespace="p",pod="` + pod + `"}` }
	limited := `muara_http_rate_limited_total{namespace="p",pod="api"}`
	return []alarm{
		{"MuaraAPIGone", "15m", series{build("scheduler"): "1x30", build("api"): "1x10 stale", limited: "0x10 stale"}, ns(),
			"No API runs: merchants get no answer", series{build("scheduler"): "1x30", build("api"): "1x30", limited: "0x30"}},
		{"MuaraAPIGone", "15m", series{build("scheduler"): "1x10 stale", build("api"): "1x10 stale", limited: "0x10 stale"}, ns(), // nothing is left
			"No API runs: merchants get no answer", series{build("api"): "1x5 stale _x7 1x20", limited: "0x5 stale _x7 0x20"}},
		{"MuaraAPIErrors", "1h10m", series{http("5xx"): "0+2x100", http("2xx"): "0+98x100"}, ns(),
			"Merchants' requests fail: 2% answered with 5xx", series{http("5xx"): "0+1x100", http("2xx"): "0+199x100", http("source"): "0+50x100"}},
		{"MuaraAPIErrorsSlowly", "25h", series{http("5xx"): "0+4x1600", http("2xx"): "0+996x1600"}, ns(),
			"A few of the merchants' requests fail, for long: 0.4% answered with 5xx", series{http("5xx"): "0+5x1600", http("2xx"): "0+9995x1600"}},
		{"MuaraAPISlow", "25m", series{
			`muara_http_request_seconds_bucket{namespace="p",route="/order",le="1"}`:    "0+90x60",
			`muara_http_request_seconds_bucket{namespace="p",route="/order",le="2.5"}`:  "0+100x60",
			`muara_http_request_seconds_bucket{namespace="p",route="/order",le="+Inf"}`: "0+100x60",
			`muara_http_request_seconds_count{namespace="p",route="/order"}`:            "0+100x60",
		}, ns(), "One order in a hundred is accepted only after 2.35s", series{
			`muara_http_request_seconds_bucket{namespace="p",route="/order",le="1"}`:    "0+100x60",
			`muara_http_request_seconds_bucket{namespace="p",route="/order",le="+Inf"}`: "0+100x60",
			`muara_http_request_seconds_count{namespace="p",route="/order"}`:            "0+100x60",
		}},
		{"MuaraAsksUnanswered", "25m", series{asks("inquiry", "no_answer"): "0+1x40", asks("inquiry", "error"): "0+1x40", asks("inquiry", "found"): "0+1x40"}, ns("kind", "inquiry"),
			"Merchants wait in vain: 66.67% of the questions of kind inquiry get no answer", series{
				asks("inquiry", "no_answer"): "0+1x40", asks("inquiry", "found"): "0+2x40", // the next source knew
				asks("check", "refused"): "0+9x40", asks("check", "left"): "0+9x40", asks("check", "done"): "0+1x40", // as numbers and merchants are
				asks("operators", "no_answer"): "0x20 8x20", // a few are nothing to wake somebody for
				asks("price", "no_answer"):     "0+9x40",    // the price that is known is the answer
			}},
		{"MuaraOrdersNotFinal", "25m", series{
			placed("ppob"): "0+4x60", order("completed"): "7x60", placed("smm"): "0+9x60", strings.Replace(order("completed"), "ppob", "smm", 1): "0+1x60",
		}, ns(), "Orders are accepted (60 in 15 minutes) and none becomes final", series{
			placed("ppob"): "0+4x60", order("failed"): "0+1x60",
		}},
		{"MuaraOrdersNotFinal", "25m", series{placed("ppob"): "0+4x60"}, ns(), "Orders are accepted (60 in 15 minutes) and none becomes final",
			series{placed("smm"): "0+4x60", placed("otp"): "0+4x60", placed("product"): "0+4x60"}}, // these take hours, or no time
		slowly("300"),   // as Prometheus 2 keeps the bound
		slowly("300.0"), // and 3
		{"MuaraOrdersWaiting", "12m", series{"muara_orders_queued_oldest_seconds" + of: "301x20", "muara_orders_queued_oldest_seconds" + of2: "299x20"}, hulu,
			"Orders wait for 5m 1s to be sent to hulu", series{"muara_orders_queued_oldest_seconds" + of: "301x2 10x20"}},
		{"MuaraOrdersUnasked", "15m", series{"muara_orders_due_oldest_seconds" + of: "700x20"}, hulu,
			"Nobody has asked hulu about orders that were due 11m 40s ago", series{"muara_orders_due_oldest_seconds" + of: "600x20"}},
		{"MuaraUnknownOld", "10m", series{"muara_orders_unknown_oldest_seconds" + of: "7200x20"}, hulu,
			"An outcome at hulu has been unknown for 2h 0m 0s", series{"muara_orders_unknown_oldest_seconds" + of: "1800x20"}},
		{"MuaraUnknownGrowing", "26m", series{"muara_orders_unknown" + of: "1+1x40"}, hulu,
			"27 purchases at hulu have an unknown outcome, and ever more", series{"muara_orders_unknown" + of: "40x40"}},
		{"MuaraOrdersFlagged", "40m", series{`muara_orders_flagged{namespace="p"}`: "2x60", `muara_orders_flagged{namespace="p",pod="other"}`: "2x60"}, ns(),
			"2 orders wait for an operator's decision", series{`muara_orders_flagged{namespace="p"}`: "2x20 0x40"}},
		{"MuaraLateSuccess", "70m", series{`muara_order_rupiah_total{namespace="p",upstream="hulu",category="ppob",mode="live",kind="late_cost"}`: "0x30 6000x60"}, hulu,
			"hulu delivered what it had reported as failed: 6k rupiah lost in an hour",
			series{`muara_order_rupiah_total{namespace="p",upstream="hulu",category="ppob",mode="live",kind="cost"}`: "0x30 6000x60"}},
		{"MuaraLateSuccess", "70m", series{`muara_order_rupiah_total{namespace="p",upstream="hulu",category="ppob",mode="live",kind="late_cost"}`: "_x30 6000x60"}, hulu,
			"hulu delivered what it had reported as failed: 6k rupiah lost in an hour",
			series{`muara_order_rupiah_total{namespace="p",upstream="hulu",category="ppob",mode="live",kind="late_cost"}`: "_x2 6000x90"}},
		{"MuaraLedgerDrift", "1m", series{`muara_ledger_drift{namespace="p"}`: "1x5"}, ns(), "The books do not add up: 1 problems", series{`muara_ledger_drift{namespace="p"}`: "0x5"}},
		{"MuaraLedgerUnverified", "4h", series{last("verify"): "0x300", period("verify"): "3600x300"}, ns(),
			"The books were last proved 4h 0m 0s ago, or never", series{last("verify"): "0+60x300", period("verify"): "3600x300"}},
		{"MuaraLedgerUnverified", "40m", series{period("verify"): "3600x60"}, ns(), // since the schedulers started
			"The books were last proved 6h 0m 0s ago, or never", series{last("verify"): "0x10 stale", period("verify"): "3600x60"}},
		{"MuaraFloatLow", "15m", series{"muara_upstream_runway_seconds" + of: "18000x20"}, hulu,
			"Our balance at hulu lasts for 5h 0m 0s", series{"muara_upstream_runway_seconds" + of: "25000x20"}},
		{"MuaraFloatGone", "8m", series{"muara_upstream_runway_seconds" + of: "1800x20"}, hulu,
			"Our balance at hulu is used up in 30m 0s", series{"muara_upstream_runway_seconds" + of: "3600x20"}},
		{"MuaraBalanceUnheard", "15m", series{"muara_upstream_balance_age_seconds" + of: "3700x20"}, hulu,
			"hulu has not told our balance for 1h 1m 40s", series{"muara_upstream_balance_age_seconds" + of: "60x20"}},
		{"MuaraDepositsSilent", "2h30m", series{
			`muara_deposit_invoices_total{namespace="p",gateway="loket",outcome="opened"}`: "0+1x200", `muara_deposits_total{namespace="p",gateway="loket",state="paid"}`: "40x200",
		}, ns("gateway", "loket"), "120 invoices of loket in two hours, and none confirmed as paid", series{
			`muara_deposit_invoices_total{namespace="p",gateway="loket",outcome="opened"}`: "0+1x200", `muara_deposits_total{namespace="p",gateway="loket",state="paid"}`: "0x130 1x70",
		}},
		{"MuaraDepositsUnasked", "15m", series{`muara_deposits_due_oldest_seconds{namespace="p",gateway="loket"}`: "700x20"}, ns("gateway", "loket"),
			"Nobody has asked loket about deposits that were due 11m 40s ago", series{`muara_deposits_due_oldest_seconds{namespace="p",gateway="loket"}`: "600x20"}},
		{"MuaraDepositsFlagged", "40m", series{`muara_deposits_flagged{namespace="p"}`: "0x60", `muara_deposits_suspense{namespace="p"}`: "3x60"}, ns(),
			"3 deposits or payments wait for an operator's decision", series{`muara_deposits_flagged{namespace="p"}`: "2x20 0x40", `muara_deposits_suspense{namespace="p"}`: "0x60"}},
		{"MuaraWithdrawalsWaiting", "15m", series{`muara_withdrawals_oldest_seconds{namespace="p",state="unknown"}`: "3600x20"}, ns("state", "unknown"),
			"A withdrawal has been unknown for 1h 0m 0s", series{
				`muara_withdrawals_oldest_seconds{namespace="p",state="sent"}`: "9000x20", `muara_withdrawals_oldest_seconds{namespace="p",state="sending"}`: "20x20",
			}},
		{"MuaraWithdrawalsUnapproved", "15m", series{`muara_withdrawals_oldest_seconds{namespace="p",state="pending"}`: "46800x20"}, ns(),
			"A withdrawal has waited for approval for 13h 0m 0s", series{`muara_withdrawals_oldest_seconds{namespace="p",state="pending"}`: "36000x20"}},
		{"MuaraWithdrawalsFlagged", "40m", series{`muara_withdrawals_flagged{namespace="p"}`: "1x60"}, ns(),
			"1 withdrawals wait for an operator's decision", series{`muara_withdrawals_flagged{namespace="p"}`: "1x20 0x40"}},
		{"MuaraBooksDiffer", "20m", series{
			`muara_reconciliation_lines{namespace="p",upstream="hulu",kind="amount"}`: "2x30", `muara_reconciliation_lines{namespace="p",upstream="hulu",kind="only_theirs"}`: "1x30",
			`muara_reconciliation_lines{namespace="p",upstream="hulu",kind="amount",pod="other"}`: "2x30",
		}, hulu, "3 purchases of a day differ between our books and those of hulu", series{
			`muara_reconciliation_lines{namespace="p",upstream="hulu",kind="matched"}`: "900x30", `muara_reconciliation_lines{namespace="p",upstream="hulu",kind="unchecked"}`: "9x30",
		}},
		{"MuaraBooksUncompared", "70m", series{"muara_reconciliation_age_seconds" + of: "219600x80"}, hulu,
			"Our books were last compared with those of hulu for a day that ended 2d 13h 0m 0s ago", series{"muara_reconciliation_age_seconds" + of: "180000x80"}},
		{"MuaraPurchasesHeld", "5m", series{"muara_upstream_purchases_held_seconds" + of: "360x20"}, hulu,
			"No purchase has been sent to hulu for 6m 0s: the outcome of one is open", series{"muara_upstream_purchases_held_seconds" + of: "120x20"}},
		{"MuaraBalanceMovedByOthers", "70m", series{"muara_upstream_unexplained_rupiah" + of: "25000x80"}, hulu,
			"Somebody else moved our balance at hulu by 25k rupiah in a day", series{"muara_upstream_unexplained_rupiah" + of: "0x80"}},
		{"MuaraCallbacksUnread", "15m", series{`muara_callbacks_oldest_seconds{namespace="p"}`: "700x20"}, ns(),
			"A callback of a source has not been read for 11m 40s", series{`muara_callbacks_oldest_seconds{namespace="p"}`: "30x20"}},
		{"MuaraCallbacksForged", "30m", series{`muara_callbacks_read_total{namespace="p",upstream="hulu",state="forged"}`: "0+1x40"}, hulu,
			"Callbacks in the name of hulu are not signed by it", series{`muara_callbacks_read_total{namespace="p",upstream="hulu",state="applied"}`: "0+9x40"}},
		{"MuaraUpstreamRefusesUs", "15m", series{`muara_upstream_refusals_total{namespace="p",upstream="hulu",reason="our_balance"}`: "0+1x30"}, ns("upstream", "hulu", "reason", "our_balance"),
			"hulu refuses purchases for what is ours to put right: our_balance", series{`muara_upstream_refusals_total{namespace="p",upstream="hulu",reason="customer"}`: "0+9x30"}},
		{"MuaraUpstreamFailing", "30m", series{order("failed"): "0+3x60", order("completed"): "0+1x60"}, hulu,
			"75% of the orders at hulu fail", series{order("failed"): "0+1x60", order("completed"): "0+3x60"}},
		{"MuaraBudgetClosed", "15m", series{"muara_budget_closed_until_seconds" + of: "7200x30"}, hulu,
			"hulu has put us off for ten minutes: nothing is sent to it", series{"muara_budget_closed_until_seconds" + of: "300x30"}},
		{"MuaraBreakerOpen", "12m", series{"muara_upstream_breaker_open" + of: "1x30"}, hulu,
			"No purchase has been sent to hulu for ten minutes: too many had failed", series{"muara_upstream_breaker_open" + of: "0x30"}},
		{"MuaraBudgetForgotten", "30m", series{"muara_budget_memory_lost_total" + of: "0x10 1x60"}, ns(),
			"Redis lost its data or does not answer: purchases wait meanwhile", series{"muara_budget_memory_lost_total" + of: "1x60", "muara_budget_redis_failures_total" + of: "3x60"}},
		{"MuaraCatalogueStale", "20m", series{"muara_catalog_late_seconds" + of: "5400x30"}, hulu,
			"What hulu sells, and for how much, should have been read 1h 30m 0s ago", series{"muara_catalog_late_seconds" + of: "60x30"}},
		{"MuaraSchedulerSilent", "10m", series{`muara_scheduler_last_success_timestamp_seconds{namespace="p",name="queued"}`: "0x30"}, ns(),
			"No scheduler works: nothing that a message was lost about is found again, and no open order is asked about",
			series{
				`muara_scheduler_last_success_timestamp_seconds{namespace="p",name="queued",pod="a"}`: "0x30", // this one has gone, the other works
				`muara_scheduler_last_success_timestamp_seconds{namespace="p",name="queued",pod="b"}`: "0+60x30",
				`muara_build_info{namespace="p",pod="api"}`:                                           "1x30",
			}},
		{"MuaraSchedulerSilent", "5m", series{`muara_build_info{namespace="p",pod="api"}`: "1x30"}, ns(),
			"No scheduler works: nothing that a message was lost about is found again, and no open order is asked about", series{}},
		{"MuaraSchedulerJobFails", "25m", series{`muara_scheduler_failures_total{namespace="p",name="poll"}`: "0+1x40"}, ns("name", "poll"),
			"The scheduler's job poll fails", series{`muara_scheduler_failures_total{namespace="p",name="poll"}`: "0x10 2x30"}},
		{"MuaraSchedulerJobLate", "1h30m", series{last("rollup"): "60x100", period("rollup"): "600x100", last("verify"): "60x100", period("verify"): "3600x100"}, ns("name", "rollup"),
			"The scheduler's job rollup has not gone well for long", series{last("rollup"): "60+60x100", period("rollup"): "600x100"}},
		{"MuaraSchedulerJobLate", "40m", series{period("prune"): "3600x60"}, ns("name", "prune"),
			"The scheduler's job prune has not gone well for long", series{last("prune"): "60x60", period("prune"): "3600x60", period("verify"): "3600x60"}},
		{"MuaraSchedulerJobLate", "2h", series{last("rollup"): "60x130", period("rollup"): "600x130"}, ns("name", "rollup"),
			"The scheduler's job rollup has not gone well for long", series{last("rollup"): "60x20 stale", period("rollup"): "600x20 stale"}}, // no scheduler
		{"MuaraWebhooksLate", "15m", series{`muara_webhooks_oldest_seconds{namespace="p"}`: "600x30"}, ns(),
			"A merchant in good health has waited 10m 0s for an event", series{`muara_webhooks_oldest_seconds{namespace="p"}`: "5x30"}},
		{"MuaraWebhooksParked", "70m", series{`muara_webhook_parked_total{namespace="p"}`: "0+1x90"}, ns(),
			"60 events were given up in an hour", series{`muara_webhook_parked_total{namespace="p"}`: "0x30 20x60"}},
		{"MuaraWebhooksSuspended", "13h", series{`muara_webhook_suspensions_total{namespace="p",pod="a"}`: "0x300 1x600", `muara_webhook_suspensions_total{namespace="p",pod="b"}`: "0x900"}, ns(),
			"A merchant's endpoint was switched off: for days nothing but failures came of it",
			series{`muara_webhook_suspensions_total{namespace="p",pod="a"}`: "0x30 1x900", `muara_webhook_endpoints_suspended{namespace="p"}`: "1x900"}},
	}
}

// promTest writes a case as promtool reads it; without labels the alert must be silent.
func promTest(a alarm, in series, rule monitoringv1.Rule, sounds bool) map[string]any {
	var input []map[string]string
	for _, name := range slices.Sorted(maps.Keys(in)) {
		input = append(input, map[string]string{"series": name, "values": in[name]})
	}
	expected := []map[string]any{}
	if sounds {
		all := maps.Clone(a.labels)
		all["severity"] = rule.Labels["severity"]
		expected = append(expected, map[string]any{
			"exp_labels": all, "exp_annotations": map[string]string{"summary": a.summary, "runbook_url": rule.Annotations["runbook_url"]},
		})
	}
	return map[string]any{
		"interval": "1m", "input_series": input,
		"alert_rule_test": []map[string]any{{"eval_time": a.at, "alertname": a.alert, "exp_alerts": expected}},
	}
}

// tried is the same situation with what merchants try out: where the mode is told, it is the other one, and else the source is one of the
// test mode. Nothing is left of some, which are not of a source.
func tried(a alarm) series {
	in, other := series{}, false
	for name, values := range a.loud {
		told := strings.Contains(name, `mode="live"`)
		other = other || told || strings.Contains(name, `upstream="hulu"`) || strings.Contains(name, `gateway="loket"`)
		in[strings.ReplaceAll(name, `mode="live"`, `mode="test"`)] = values
	}
	if !other || a.alert == "MuaraBudgetForgotten" { // Redis is everybody's
		return nil
	}
	for _, name := range []string{"hulu", "loket"} {
		for _, pod := range []string{"a", "b"} {
			in[`muara_upstream_test{namespace="p",upstream="`+name+`",pod="`+pod+`"}`] = "1x2000"
		}
	}
	return in
}

// alone writes the rules that an alert is made of into a file: what promtool does grows with the rules and with the time.
func alone(t *testing.T, dir, name string) string {
	t.Helper()
	raw, err := os.ReadFile(alertsFile)
	require.NoError(t, err)
	var spec monitoringv1.PrometheusRuleSpec
	require.NoError(t, yaml.UnmarshalStrict(raw, &spec))
	rule := alerts(t)[name]
	needs := rule.Expr.String()
	for i := range spec.Groups {
		spec.Groups[i].Rules = slices.DeleteFunc(spec.Groups[i].Rules, func(r monitoringv1.Rule) bool {
			return r.Alert != name && (r.Record == "" || !strings.Contains(needs, r.Record))
		})
	}
	spec.Groups = slices.DeleteFunc(spec.Groups, func(g monitoringv1.RuleGroup) bool { return len(g.Rules) == 0 })
	doc, err := yaml.Marshal(spec)
	require.NoError(t, err)
	path := filepath.Join(dir, name+".rules.yaml")
	require.NoError(t, os.WriteFile(path, doc, 0o600))
	return path
}

func TestEveryAlertSoundsWhenItMustAndNotOtherwise(t *testing.T) {
	t.Parallel()
	rules := alerts(t)
	tests, muted := map[string][]map[string]any{}, 0
	for _, a := range situations() {
		require.Contains(t, rules, a.alert)
		tests[a.alert] = append(tests[a.alert], promTest(a, a.loud, rules[a.alert], true), promTest(a, a.quiet, rules[a.alert], false))
		if in := tried(a); in != nil {
			tests[a.alert] = append(tests[a.alert], promTest(a, in, rules[a.alert], false))
			muted++
		}
	}
	require.Greater(t, muted, 24)
	dir := t.TempDir()
	args := []string{"test", "rules"}
	for name := range rules {
		require.NotEmpty(t, tests[name], "%s is never tried", name)
		doc, err := yaml.Marshal(map[string]any{"rule_files": []string{alone(t, dir, name)}, "evaluation_interval": "1m", "tests": tests[name]})
		require.NoError(t, err)
		path := filepath.Join(dir, name+".yaml")
		require.NoError(t, os.WriteFile(path, doc, 0o600))
		args = append(args, path)
	}
	out, err := output(t, ".", "", promtool(t), "check", "rules", alertsFile)
	require.NoError(t, err, out)
	out, err = output(t, ".", "", promtool(t), args...)
	require.NoError(t, err, out)
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	t.Parallel()
	known := metricNames(t)
	used := map[string]bool{}
	for name, rule := range alerts(t) {
		require.Regexp(t, `^Muara[A-Z]`, name)
		require.Contains(t, []string{"page", "warning"}, rule.Labels["severity"], name)
		require.Len(t, rule.Annotations, 2, name)
		require.NotEmpty(t, rule.Annotations["summary"], name)
		page, ours := strings.CutPrefix(rule.Annotations["runbook_url"], runbookURL)
		require.True(t, ours, name)
		used[page] = true
		for _, metric := range regexp.MustCompile(`muara_[a-z_]+`).FindAllString(rule.Expr.String(), -1) {
			require.True(t, known[strings.TrimSuffix(strings.TrimSuffix(metric, "_bucket"), "_count")], "%s asks for %s", name, metric)
		}
		require.Regexp(t, `by \(namespace|muara:`, rule.Expr.String(), "%s mixes installations", name)
	}
	entries, err := os.ReadDir("../docs/runbooks")
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name() == "README.md" {
			continue
		}
		require.True(t, used[e.Name()], "%s is nobody's", e.Name())
		delete(used, e.Name())
		text, err := os.ReadFile(filepath.Join("../docs/runbooks", e.Name()))
		require.NoError(t, err)
		for _, part := range []string{"## What it means", "## What merchants see", "## Look", "## Do"} {
			require.Contains(t, string(text), part, e.Name())
		}
	}
	require.Empty(t, used, "runbooks that are not there")
}

func TestTheAlertsComeWithTheChart(t *testing.T) {
	t.Parallel()
	require.Empty(t, all[*monitoringv1.PrometheusRule](render(t, two)))
	r := render(t, two, `metrics: {prometheusRule: {enabled: true, labels: {release: prom}}}`)
	pods := one[*monitoringv1.PodMonitor](render(t, two, `metrics: {podMonitor: {enabled: true}}`), strings.TrimSuffix(prefix, "-"))
	require.True(t, *pods.Spec.ScrapeClassicHistograms, "the rules read buckets")
	rule := one[*monitoringv1.PrometheusRule](r, strings.TrimSuffix(prefix, "-"))
	require.Equal(t, "prom", rule.Labels["release"])
	count := 0
	for _, g := range rule.Spec.Groups {
		for _, x := range g.Rules {
			if x.Alert != "" {
				count++
				require.Equal(t, alerts(t)[x.Alert], x, "braces are Prometheus's, not Helm's")
			}
		}
	}
	require.Len(t, alerts(t), count)
}

// Prometheus 3 keeps the labels le and quantile as numbers with a decimal point, Prometheus 2 as they are served.
func TestNoRuleAndNoPanelDependsOnHowABoundIsWritten(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(alertsFile)
	require.NoError(t, err)
	written := []string{string(raw)}
	for _, q := range dashboards(t) {
		written = append(written, q.expr)
	}
	for _, text := range written {
		require.NotRegexp(t, `\b(le|quantile)\s*=\s*['"][0-9]+['"]`, text)
	}
}
