{{/* Secrets. A "bundle" is a dict: root, name (of the objects), metadata (extra YAML), files (file name to a secret's place). */}}

{{- define "muara.place.given" -}}
{{- if or .value .existingSecret .remoteRef }}yes{{- end -}}
{{- end -}}

{{/* What of a bundle is written inline goes into a Secret, what is elsewhere into an ExternalSecret. */}}
{{- define "muara.bundle" -}}
{{- $inline := dict -}}{{- $remote := list -}}
{{- range $file := keys .files | sortAlpha -}}
  {{- $place := index $.files $file -}}
  {{- if $place.value }}{{- $_ := set $inline $file $place.value }}{{- end -}}
  {{- if $place.remoteRef }}{{- $remote = append $remote (dict "secretKey" $file "remoteRef" $place.remoteRef) }}{{- end -}}
{{- end -}}
{{- if $inline }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "muara.labels" .root | nindent 4 }}
  {{- with .annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
type: Opaque
stringData: {{- toYaml $inline | nindent 2 }}
{{- end }}
{{- if $remote }}
---
apiVersion: {{ .root.Values.externalSecrets.apiVersion }}
kind: ExternalSecret
metadata:
  name: {{ .name }}-external
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "muara.labels" .root | nindent 4 }}
  {{- with .annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  refreshInterval: {{ .root.Values.externalSecrets.refreshInterval }}
  secretStoreRef: {{- toYaml .root.Values.externalSecrets.secretStoreRef | nindent 4 }}
  target:
    name: {{ .name }}-external
    creationPolicy: Owner
  data: {{- toYaml $remote | nindent 4 }}
{{- end }}
{{- end -}}

{{/* A bundle's files as sources of a projected volume, each under dir. */}}
{{- define "muara.bundle.sources" -}}
{{- range $file := keys .files | sortAlpha }}
{{- $place := index $.files $file }}
{{- $from := dict "name" $.name "key" $file }}
{{- if $place.remoteRef }}{{- $from = dict "name" (printf "%s-external" $.name) "key" $file }}{{- end }}
{{- with $place.existingSecret }}{{- $from = dict "name" .name "key" .key }}{{- end }}
- secret:
    name: {{ $from.name }}
    items:
      - {key: {{ $from.key | quote }}, path: {{ printf "%s%s" ($.dir | default "") $file }}}
{{- end }}
{{- end -}}

{{/* What all roles share; nothing where nothing is written inline or fetched. */}}
{{- define "muara.bundle.common" -}}
{{- dict "name" (printf "%s-servers" (include "muara.fullname" .)) "files" (dict "database-url" .Values.database.url "redis-url" .Values.redis.url) | toJson -}}
{{- end -}}

{{- define "muara.bundle.key" -}}
{{- dict "name" (printf "%s-encryption-key" (include "muara.fullname" .)) "files" (dict "encryption-key" .Values.encryptionKey) | toJson -}}
{{- end -}}

{{- define "muara.bundle.upstream" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}
{{- $u := index $root.Values.upstreams $name -}}
{{- dict "name" (printf "%s-upstream-%s" (include "muara.fullname" $root) $name) "dir" (printf "upstreams/%s/" $name) "files" ($u.credentials | default dict) | toJson -}}
{{- end -}}

{{- define "muara.bundle.migrate" -}}
{{- dict "name" (printf "%s-migrate" (include "muara.fullname" .)) "files" (dict "database-url" (ternary .Values.database.directURL .Values.database.url (include "muara.place.given" .Values.database.directURL | empty | not))) | toJson -}}
{{- end -}}

{{/* The bundles that a role's pods are given. */}}
{{- define "muara.role.bundles" -}}
{{- $all := list (include "muara.bundle.common" .root | fromJson) -}}
{{- if has .component (list "api" "webhooks") }}{{- $all = append $all (include "muara.bundle.key" .root | fromJson) }}{{- end -}}
{{- if .upstream }}{{- $all = append $all (include "muara.bundle.upstream" (list .root .upstream) | fromJson) }}{{- end -}}
{{- toJson $all -}}
{{- end -}}
