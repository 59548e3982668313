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

{{/* Labels may not contain the + of a version with build metadata; _ stands for it, as everywhere in Helm. */}}
{{- define "redis-queue.labels" -}}
{{ include "redis-queue.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/part-of: redis-queue
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "redis-queue.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "redis-queue.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/*
registry/repository:tag, or @digest when the tag is one. The registry has no default: without one a container runtime
would pull from a namespace of Docker Hub that is not ours.
*/}}
{{- define "redis-queue.image" -}}
{{- $global := (.Values.global).image | default dict -}}
{{- $registry := .Values.image.registry | default $global.registry -}}
{{- if not $registry -}}
{{- fail (printf "no registry for the image %s: set global.image.registry, or image.registry of the chart %s, to the registry that you pushed the images to, such as --set global.image.registry=registry.example" .Values.image.repository .Chart.Name) -}}
{{- end -}}
{{- $tag := .Values.image.tag | default $global.tag | default (replace "+" "_" .Chart.AppVersion) | toString -}}
{{ $registry }}/{{ .Values.image.repository }}{{ if hasPrefix "sha256:" $tag }}@{{ else }}:{{ end }}{{ $tag }}
{{- end -}}

{{/* Names of the Secrets with Redis credentials that may be read in any namespace, as JSON. */}}
{{- define "redis-queue.redisSecretNames" -}}
{{- $global := (.Values.global).redis | default dict -}}
{{- .Values.redis.secretNames | default $global.secretNames | default (list "redis-credentials") | uniq | toJson -}}
{{- end -}}

{{/* "true" when the controller talks over the bus; empty otherwise. */}}
{{- define "redis-queue.usesBus" -}}
{{- if include "redis-queue.can" (list . "bus") }}{{ if .Values.bus.enabled }}true{{ end }}{{ end -}}
{{- end -}}

{{- define "redis-queue.busSecretName" -}}
{{- $global := (.Values.global).bus | default dict -}}
{{- .Values.bus.secretName | default $global.secretName | default "redis-queue-bus" -}}
{{- end -}}

{{/* The Secret with the client certificate for the bus; empty: none. A chart that turns TLS off has none of the globals. */}}
{{- define "redis-queue.busCertificates" -}}
{{- $global := eq (toString .Values.bus.tls.enabled) "false" | ternary dict (((.Values.global).bus).tls | default dict) -}}
{{- .Values.bus.tls.secretName | default $global.secretName | default "" -}}
{{- end -}}

{{/* The name in the certificate of the Redis of the bus; empty: its host. */}}
{{- define "redis-queue.busServerName" -}}
{{- $global := eq (toString .Values.bus.tls.enabled) "false" | ternary dict (((.Values.global).bus).tls | default dict) -}}
{{- .Values.bus.tls.serverName | default $global.serverName | default "" -}}
{{- end -}}

{{/* Whether host and port of the bus speak TLS: the chart's own value, which may be false, else the global one. */}}
{{- define "redis-queue.busTls" -}}
{{- $global := ((.Values.global).bus).tls | default dict -}}
{{- kindIs "bool" .Values.bus.tls.enabled | ternary .Values.bus.tls.enabled ($global.enabled | default false) -}}
{{- end -}}

{{/*
The namespaces that the controller looks at, as JSON; empty: all of them. A chart without the value looks after something
cluster-scoped and cannot be confined.
*/}}
{{- define "redis-queue.namespaces" -}}
{{- if hasKey .Values "namespaces" -}}
{{- .Values.namespaces | default (.Values.global).namespaces | default list | uniq | toJson -}}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* The same for people: "all namespaces", "namespace shop", "namespaces shop, crm". */}}
{{- define "redis-queue.whichNamespaces" -}}
{{- $names := include "redis-queue.namespaces" . | fromJsonArray -}}
{{- if not $names -}}all namespaces
{{- else if eq (len $names) 1 -}}namespace {{ first $names }}
{{- else -}}namespaces {{ join ", " $names }}
{{- end -}}
{{- end -}}
