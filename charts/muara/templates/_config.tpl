{{/* muara.yaml. Where the chart puts what the file names: */}}
{{- define "muara.config.dir" -}}/etc/muara{{- end -}}
{{- define "muara.secrets.dir" -}}/run/muara{{- end -}}

{{/* muara.yaml as the roles read it: the values under `config`, and what is the chart's to say. */}}
{{- define "muara.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $dir := include "muara.secrets.dir" . -}}
{{- $own := dict
  "api" (dict "listen" ":8080" "admin_listen" (ternary ":8081" "off" .Values.api.admin.enabled) "metrics_listen" ":9090")
  "database" (dict "url_file" (printf "%s/database-url" $dir))
  "redis" (dict "url_file" (printf "%s/redis-url" $dir))
  "worker" (dict "metrics_listen" ":9091")
  "scheduler" (dict "metrics_listen" ":9092")
  "operator" (dict "metrics_listen" ":9093")
-}}
{{- $upstreams := list -}}
{{- range $name := keys .Values.upstreams | sortAlpha -}}
  {{- $u := index $.Values.upstreams $name -}}
  {{- $entry := mustMergeOverwrite (dict "name" $name) (deepCopy $u.config) -}}
  {{- $credentials := dict -}}
  {{- range $key := keys ($u.credentials | default dict) | sortAlpha -}}
    {{- $_ := set $credentials (printf "%s_file" $key) (printf "%s/upstreams/%s/%s" $dir $name $key) -}}
  {{- end -}}
  {{- if $credentials }}{{- $_ := set $entry "credentials" $credentials }}{{- end -}}
  {{- $upstreams = append $upstreams $entry -}}
{{- end -}}
{{- mustMergeOverwrite $config $own (dict "upstreams" $upstreams) | toYaml -}}
{{- end -}}

{{/* The settings that the chart reckons with, with muara's own defaults. */}}
{{- define "muara.shutdown.milliseconds" -}}
{{- include "muara.milliseconds" (dig "worker" "shutdown_timeout" "30s" .Values.config) -}}
{{- end -}}

{{/* A duration as Go writes it ("1m30s", "250ms") in milliseconds, rounded up. */}}
{{- define "muara.milliseconds" -}}
{{- $units := dict "ms" 1.0 "s" 1000.0 "m" 60000.0 "h" 3600000.0 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9]+(\\.[0-9]+)?(ms|s|m|h)" . -1 -}}
  {{- $sum = addf $sum (mulf (regexFind "^[0-9.]+" . | float64) (index $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- $sum | ceil | int64 -}}
{{- end -}}

{{/* How many whole seconds a worker may take to end. */}}
{{- define "muara.worker.grace" -}}
{{- $root := index . 0 -}}{{- $values := index . 1 -}}
{{- $shutdown := div (add (include "muara.shutdown.milliseconds" $root | int64) 999) 1000 -}}
{{- $values.terminationGracePeriodSeconds | int64 | default (add $shutdown 20) -}}
{{- end -}}

{{/* An upstream's promise, {requests, per}; what muara takes where none is configured. */}}
{{- define "muara.budget" -}}
{{- .budget | default (get (include "muara.drivers" . | fromJson) .driver) | toJson -}}
{{- end -}}

{{/*
The most workers of an upstream that its budget can use. A call holds a slot for its latency L and the slot rests for `per` after it, so
at most requests/(per+L) calls begin a second, and at most requests × L/(per+L) are on their way at once (Little's law); one worker
carries buy_concurrency of them. L is the timeout unless said otherwise, and the number rises with L, so no more is ever of use.
*/}}
{{- define "muara.worker.useful" -}}
{{- $root := index . 0 -}}{{- $values := index . 1 -}}
{{- $budget := include "muara.budget" $values.config | fromJson -}}
{{- $per := include "muara.milliseconds" $budget.per | int64 -}}
{{- $latency := include "muara.milliseconds" ($values.autoscaling.latency | default $values.config.timeout | default "20s") | int64 -}}
{{- $each := include "muara.worker.buying" . | int64 -}}
{{- $calls := mul ($budget.requests | int64) $latency -}}
{{- $carried := mul (add $per $latency) $each -}}
{{- div (add $calls (sub $carried 1)) $carried -}}
{{- end -}}

{{/* Purchases of one worker at once. */}}
{{- define "muara.worker.buying" -}}
{{- $root := index . 0 -}}{{- $values := index . 1 -}}
{{- $values.buyConcurrency | int64 | default (dig "worker" "buy_concurrency" 32 $root.Values.config | int64) -}}
{{- end -}}

{{/* The most workers: what the budget can use and a spare, or fewer where so configured. */}}
{{- define "muara.worker.most" -}}
{{- $values := index . 1 -}}
{{- $cap := add (include "muara.worker.useful" . | int64) ($values.autoscaling.spare | int64) -}}
{{- with $values.autoscaling.maxReplicas | int64 }}{{- $cap = min $cap . }}{{- end -}}
{{- max $cap ($values.autoscaling.minReplicas | int64) 1 -}}
{{- end -}}
