{{/*
Says which release of a chart looks at all namespaces, or at one: an object that grants nothing, under a name that all
releases share, so that Helm refuses a second. Two controllers over the same objects would both lead, each by a Lease of
its own, and undo each other's work.
*/}}
{{- define "redis-queue.claims" -}}
{{- $name := printf "redis-queue-%s" .Chart.Name -}}
{{- $namespaces := include "redis-queue.namespaces" . | fromJsonArray -}}
{{- if not $namespaces }}{{ include "redis-queue.checkClaim" (list . $name) }}{{ end -}}
{{- range $namespaces | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ if . }}Role{{ else }}ClusterRole{{ end }}
metadata:
  name: {{ $name }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- include "redis-queue.labels" $ | nindent 4 }}
  annotations:
    redis-queue.io/claimed-by: {{ $.Release.Namespace }}/{{ $.Release.Name }}
rules: []
{{- end }}
{{- end -}}

{{/* Helm's own refusal names the object; this one, where the cluster can be asked, says what to do. */}}
{{- define "redis-queue.checkClaim" -}}
{{- $root := index . 0 -}}
{{- $claim := lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" (index . 1) -}}
{{- $holder := index (($claim.metadata).annotations | default dict) "redis-queue.io/claimed-by" | default "" -}}
{{- if and $holder (ne $holder (printf "%s/%s" $root.Release.Namespace $root.Release.Name)) -}}
{{- fail (printf "release %s of the chart %s looks at all namespaces already, so a second one would act on the same objects: uninstall that one, or give both releases different namespaces (the value namespaces, with the chart redis-queue global.namespaces)" $holder $root.Chart.Name) -}}
{{- end -}}
{{- end -}}
