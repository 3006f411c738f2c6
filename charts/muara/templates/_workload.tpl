{{/* The one Deployment of all roles. Besides a role's members: args, metricsPort, ports (more of them), grace, scaled (something else sets replicas), env,
volumes and mounts (lists of more of them). */}}

{{- define "muara.security.pod" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "muara.security.container" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Where pods may and should run. */}}
{{- define "muara.pod.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* Nine tenths of the memory limit, for the garbage collector to keep within; nothing where there is no limit in Mi or Gi. */}}
{{- define "muara.memory" -}}
{{- $limit := dig "limits" "memory" "" . | toString -}}
{{- if regexMatch "^[0-9]+[MG]i$" $limit -}}
{{- $mib := mul (regexFind "^[0-9]+" $limit | int64) (ternary 1024 1 (hasSuffix "Gi" $limit)) -}}
{{- div (mul $mib 9) 10 }}MiB
{{- end -}}
{{- end -}}

{{- define "muara.deployment" -}}
{{- $pod := mustMergeOverwrite (deepCopy .root.Values.pod) (.values.pod | default dict) -}}
{{- $bundles := include "muara.role.bundles" . | fromJsonArray -}}
apiVersion: apps/v1
kind: Deployment
metadata: {{- include "muara.role.metadata" . | nindent 2 }}
spec:
  {{- if not .scaled }}
  replicas: {{ .values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  progressDeadlineSeconds: 600
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  selector:
    matchLabels: {{- include "muara.role.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- with $pod.labels }}{{- toYaml . | nindent 8 }}{{- end }}
        {{- include "muara.role.podLabels" . | nindent 8 }}
      annotations:
        kubectl.kubernetes.io/default-container: muara
        checksum/config: {{ include "muara.config" .root | sha256sum }}
        checksum/secrets: {{ toJson $bundles | sha256sum }}
        {{- with $pod.annotations }}{{- toYaml . | nindent 8 }}{{- end }}
    spec:
      serviceAccountName: {{ include "muara.role.serviceAccount" . }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext: {{- include "muara.security.pod" . | nindent 8 }}
      terminationGracePeriodSeconds: {{ .grace }}
      {{- with include "muara.pod.placement" $pod | trim }}{{ . | nindent 6 }}{{- end }}
      topologySpreadConstraints:
        {{- with $pod.topologySpreadConstraints }}
        {{- toYaml . | nindent 8 }}
        {{- else }}
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "muara.role.selector" $ | nindent 14 }}
          matchLabelKeys: [pod-template-hash]
        {{- end }}
        {{- end }}
      containers:
        - name: muara
          image: {{ include "muara.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: {{- toYaml (concat (list "--config" (printf "%s/muara.yaml" (include "muara.config.dir" .root))) .args) | nindent 12 }}
          {{- $memory := include "muara.memory" .values.resources }}
          {{- $key := has .component (list "api" "webhooks") }}
          {{- if or $memory $key .env $pod.env }}
          env:
            {{- with $memory }}
            - {name: GOMEMLIMIT, value: {{ . }}}
            {{- end }}
            {{- if $key }}
            - {name: MUARA_SECRETS_ENCRYPTION_KEY_FILE, value: {{ include "muara.secrets.dir" .root }}/encryption-key}
            {{- end }}
            {{- with .env }}{{- toYaml . | nindent 12 }}{{- end }}
            {{- with $pod.env }}{{- toYaml . | nindent 12 }}{{- end }}
          {{- end }}
          ports:
            {{- range $name, $port := .ports }}
            - {name: {{ $name }}, containerPort: {{ $port }}, protocol: TCP}
            {{- end }}
            - {name: metrics, containerPort: {{ .metricsPort }}, protocol: TCP}
          startupProbe:
            httpGet: {path: /livez, port: metrics}
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 30
          livenessProbe:
            httpGet: {path: /livez, port: metrics}
            periodSeconds: 10
            timeoutSeconds: 3
            failureThreshold: 3
          readinessProbe:
            httpGet: {path: /readyz, port: metrics}
            periodSeconds: 5
            timeoutSeconds: 3
            failureThreshold: 2
          securityContext: {{- include "muara.security.container" . | nindent 12 }}
          {{- with .values.resources }}
          resources: {{- toYaml . | nindent 12 }}
          {{- end }}
          volumeMounts:
            - {name: config, mountPath: {{ include "muara.config.dir" .root }}, readOnly: true}
            - {name: secrets, mountPath: {{ include "muara.secrets.dir" .root }}, readOnly: true}
            {{- with .mounts }}{{- toYaml . | nindent 12 }}{{- end }}
      volumes:
        - name: config
          configMap:
            name: {{ include "muara.fullname" .root }}-config
            defaultMode: 0444
        - name: secrets
          projected:
            defaultMode: 0440
            sources:
              {{- range $bundles }}{{- include "muara.bundle.sources" . | trim | nindent 14 }}{{- end }}
        {{- with .volumes }}{{- toYaml . | nindent 8 }}{{- end }}
{{- end -}}

{{/* What stands beside every role's Deployment. */}}
{{- define "muara.role.beside" -}}
{{- if .root.Values.serviceAccounts.create }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "muara.role.metadata" . | nindent 2 }}
  {{- with .root.Values.serviceAccounts.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- if .values.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{- include "muara.role.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "muara.role.selector" . | nindent 6 }}
{{- end }}
{{- end -}}
