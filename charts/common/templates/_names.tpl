{{/* The name of a controller's objects: release and chart, without saying the same twice. */}}
{{- define "redis-queue.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of cluster-wide objects: releases of one name in two namespaces must not meet. */}}
{{- define "redis-queue.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "redis-queue.fullname" .) -}}
{{- end -}}

{{- define "redis-queue.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "redis-queue.labels" -}}
{{ include "redis-queue.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: redis-queue
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "redis-queue.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "redis-queue.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* registry/repository:tag, or @digest when the tag is one. */}}
{{- define "redis-queue.image" -}}
{{- $global := (.Values.global).image | default dict -}}
{{- $registry := .Values.image.registry | default $global.registry -}}
{{- $tag := .Values.image.tag | default $global.tag | default .Chart.AppVersion | toString -}}
{{- with $registry }}{{ . }}/{{ end }}{{ .Values.image.repository }}{{ if hasPrefix "sha256:" $tag }}@{{ else }}:{{ end }}{{ $tag }}
{{- end -}}

{{/* Names of the Secrets with Redis credentials that may be read in any namespace, as JSON. */}}
{{- define "redis-queue.redisSecretNames" -}}
{{- $global := (.Values.global).redis | default dict -}}
{{- .Values.redis.secretNames | default $global.secretNames | default (list "redis-credentials") | uniq | toJson -}}
{{- end -}}

{{- define "redis-queue.busSecretName" -}}
{{- $global := (.Values.global).bus | default dict -}}
{{- .Values.bus.secretName | default $global.secretName | default "redis-queue-bus" -}}
{{- end -}}

{{/* "true" when host and port of the bus speak TLS; empty otherwise. */}}
{{- define "redis-queue.busTls" -}}
{{- $global := ((.Values.global).bus).tls | default dict -}}
{{- if or .Values.bus.tls.enabled $global.enabled }}true{{ end -}}
{{- end -}}
