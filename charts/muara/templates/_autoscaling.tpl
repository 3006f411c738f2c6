{{/*
Scales a role by what waits for it. Besides a role's members: least, most, backlog (of one pod), age (a duration), wait and ages (metrics: names to
labels), wake (a metric of seconds that wakes the last pod), target (what is scaled; by default its Deployment). Every scheduler tells the same numbers, so the largest is taken, not the sum.
*/}}
{{- define "muara.autoscaler" -}}
{{- $age := divf (include "muara.milliseconds" .age | float64) 1000.0 -}}
{{- $name := include "muara.role.name" . }}
---
{{- if eq .root.Values.autoscaling.provider "keda" }}
{{- $here := dict "namespace" .root.Release.Namespace }}
{{- $waiting := list }}{{- $ages := list }}
{{- range $metric, $labels := .wait }}{{- $waiting = append $waiting (printf "max(%s)" (include "muara.series" (list $metric $here $labels))) }}{{- end }}
{{- range $metric, $labels := .ages }}{{- $ages = append $ages (printf "max(%s)" (include "muara.series" (list $metric $here $labels))) }}{{- end }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{- include "muara.role.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {{- .target | default (dict "name" $name) | toYaml | nindent 4 }}
  minReplicaCount: {{ .least }}
  maxReplicaCount: {{ .most }}
  pollingInterval: {{ .root.Values.autoscaling.keda.pollingInterval }}
  cooldownPeriod: {{ .root.Values.autoscaling.keda.cooldownPeriod }}
  # Without Prometheus nothing is taken away.
  fallback: {failureThreshold: 4, replicas: {{ max (.least | int64) 1 }}, behavior: currentReplicasIfHigher}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        scaleDown: {stabilizationWindowSeconds: 300}
  triggers:
    {{- include "muara.keda.trigger" (dict "root" .root "name" "backlog" "type" "AverageValue" "threshold" .backlog "query" (join " + " $waiting)) | nindent 4 }}
    {{- range $i, $query := $ages }}
    {{- include "muara.keda.trigger" (dict "root" $.root "name" (printf "age-%d" $i) "type" "Value" "threshold" $age "query" $query) | nindent 4 }}
    {{- end }}
    {{- with .wake }}
    {{- $late := include "muara.series" (list . $here (dict "upstream" $.upstream)) }}
    {{- include "muara.keda.trigger" (dict "root" $.root "name" "wake" "type" "AverageValue" "threshold" 1 "query" (printf "max(%s) > bool 300" $late)) | nindent 4 }}
    {{- end }}
{{- else }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{- include "muara.role.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {{- .target | default (dict "apiVersion" "apps/v1" "kind" "Deployment" "name" $name) | toYaml | nindent 4 }}
  minReplicas: {{ .least }}
  maxReplicas: {{ .most }}
  metrics:
    {{- range $metric, $labels := .wait }}
    - type: External
      external:
        metric: {{- include "muara.external.metric" (list $metric $labels) | nindent 10 }}
        target: {type: AverageValue, averageValue: {{ $.backlog | toString | quote }}}
    {{- end }}
    {{- range $metric, $labels := .ages }}
    - type: External
      external:
        metric: {{- include "muara.external.metric" (list $metric $labels) | nindent 10 }}
        target: {type: Value, value: {{ $age | ceil | int64 | toString | quote }}}
    {{- end }}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 300}
{{- end }}
{{- end -}}

{{/* A metric with labels from two dicts, as PromQL. */}}
{{- define "muara.series" -}}
{{- $labels := merge (dict) (index . 1) (index . 2) -}}
{{- $matchers := list -}}
{{- range $k := keys $labels | sortAlpha }}{{- $matchers = append $matchers (printf "%s=%q" $k (index $labels $k)) }}{{- end -}}
{{- index . 0 }}{ {{- join "," $matchers -}} }
{{- end -}}

{{- define "muara.keda.trigger" -}}
{{- $keda := .root.Values.autoscaling.keda -}}
- type: prometheus
  name: {{ .name }}
  metricType: {{ .type }}
  metadata:
    serverAddress: {{ $keda.serverAddress }}
    query: {{ .query | squote }}
    threshold: {{ .threshold | toString | quote }}
    {{- with $keda.authModes }}
    authModes: {{ . | quote }}
    {{- end }}
    activationThreshold: "0"
    ignoreNullValues: "false"
  {{- with $keda.authenticationRef }}
  authenticationRef: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "muara.external.metric" -}}
name: {{ index . 0 }}
{{- with index . 1 }}
selector:
  matchLabels: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}
