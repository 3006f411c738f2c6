{{/* NetworkPolicy rules. */}}

{{- define "muara.network.ports" -}}
{{- range . }}
- {protocol: TCP, port: {{ . }}}
{{- end }}
{{- end -}}

{{/* Egress to a server: {peers, ports}. */}}
{{- define "muara.network.server" -}}
- to: {{- toYaml .peers | nindent 4 }}
  ports: {{- include "muara.network.ports" .ports | trim | nindent 4 }}
{{- end -}}

{{- define "muara.network.dns" -}}
- to: {{- toYaml .Values.networkPolicy.dns.peers | nindent 4 }}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end -}}

{{/* What every role may reach. */}}
{{- define "muara.network.common" -}}
{{ include "muara.network.dns" . }}
{{ include "muara.network.server" .Values.networkPolicy.database }}
{{ include "muara.network.server" .Values.networkPolicy.redis }}
{{- if and (dig "trace" "endpoint" "" .Values.config) .Values.networkPolicy.tracing.peers }}
{{ include "muara.network.server" .Values.networkPolicy.tracing }}
{{- end }}
{{- end -}}

{{/* The internet without what is private: {root, ports}; no ports means all. */}}
{{- define "muara.network.internet" -}}
{{- $except4 := list -}}{{- $except6 := list -}}
{{- range .root.Values.networkPolicy.private -}}
{{- if contains ":" . }}{{- $except6 = append $except6 . }}{{- else }}{{- $except4 = append $except4 . }}{{- end -}}
{{- end -}}
- to:
    - ipBlock: {cidr: 0.0.0.0/0, except: {{ toJson $except4 }}}
    - ipBlock: {cidr: "::/0", except: {{ toJson $except6 }}}
  {{- with .ports }}
  ports: {{- include "muara.network.ports" . | trim | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Where an upstream's workers may connect to, besides what all may reach; nothing for one that has no address. */}}
{{- define "muara.network.upstream" -}}
{{- $root := index . 0 -}}{{- $u := index . 1 -}}
{{- with $u.config.base_url -}}
{{- $at := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $at.host | trimPrefix ":" | default (ternary "443" "80" (eq $at.scheme "https")) -}}
{{- $egress := $u.egress | default dict -}}
{{- $ports := $egress.ports | default (list ($port | int)) -}}
{{- if $egress.cidrs -}}
- to:
    {{- range $egress.cidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
  ports: {{- include "muara.network.ports" $ports | trim | nindent 4 }}
{{- else -}}
{{ include "muara.network.internet" (dict "root" $root "ports" $ports) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* One role's policy. Besides a role's members: ingress and egress (YAML of more rules), metricsPort. */}}
{{- define "muara.networkpolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{- include "muara.role.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels: {{- include "muara.role.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- $peers := .root.Values.networkPolicy.metrics.peers }}
  {{- if or .ingress $peers }}
  ingress:
    {{- with .ingress }}{{- . | nindent 4 }}{{- end }}
    {{- with $peers }}
    - from: {{- toYaml . | nindent 8 }}
      ports:
        - {protocol: TCP, port: metrics}
    {{- end }}
  {{- else }}
  ingress: []
  {{- end }}
  egress:
    {{- include "muara.network.common" .root | nindent 4 }}
    {{- with .egress }}{{- . | nindent 4 }}{{- end }}
{{- end -}}
