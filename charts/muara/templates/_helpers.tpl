{{/* Names and labels. A "role" is a dict: root (the chart's context), name (of its objects, after the release's), component, upstream (or ""), values. */}}

{{- define "muara.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of the release's objects; short enough that "-worker-" and an upstream's name fit after it. */}}
{{- define "muara.fullname" -}}
{{- $name := include "muara.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "muara.role.name" -}}
{{- printf "%s-%s" (include "muara.fullname" .root) .name -}}
{{- end -}}

{{/* What Services, policies and Deployments select a role's pods by. It never changes over upgrades. */}}
{{- define "muara.role.selector" -}}
app.kubernetes.io/name: {{ include "muara.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .upstream }}
muara.io/upstream: {{ . }}
{{- end }}
{{- end -}}

{{- define "muara.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "muara.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ include "muara.version" . | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: muara
{{- end -}}

{{- define "muara.role.labels" -}}
{{ include "muara.labels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- with .upstream }}
muara.io/upstream: {{ . }}
{{- end }}
{{- end -}}

{{/* Labels of pods: nothing that changes with the chart alone, or an upgrade would restart what has not changed. */}}
{{- define "muara.role.podLabels" -}}
{{ include "muara.role.selector" . }}
app.kubernetes.io/version: {{ include "muara.version" .root | quote }}
app.kubernetes.io/part-of: muara
{{- end -}}

{{- define "muara.role.metadata" -}}
name: {{ include "muara.role.name" . }}
namespace: {{ .root.Release.Namespace }}
labels: {{- include "muara.role.labels" . | nindent 2 }}
{{- end -}}

{{- define "muara.version" -}}
{{- .Values.image.tag | default .Chart.AppVersion | trunc 63 -}}
{{- end -}}

{{- define "muara.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "muara.role.serviceAccount" -}}
{{- ternary (include "muara.role.name" .) "default" .root.Values.serviceAccounts.create -}}
{{- end -}}

{{/* An upstream's values over those of all workers. */}}
{{- define "muara.worker" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}
{{- mustMergeOverwrite (deepCopy $root.Values.workers) (index $root.Values.upstreams $name) | toJson -}}
{{- end -}}

{{/* A worker's role, as JSON without its root. */}}
{{- define "muara.worker.role" -}}
{{- $values := include "muara.worker" . | fromJson -}}
{{- $name := index . 1 -}}
{{- dict "name" (printf "worker-%s" $name) "component" "worker" "upstream" $name "values" $values | toJson -}}
{{- end -}}
