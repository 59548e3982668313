{{/*
Says which release of a chart looks at all namespaces, or at one: an object that grants nothing, under a name that all
releases share, so that Helm refuses a second. Two controllers over the same objects would both lead, each by a Lease of
its own, and undo each other's work. The colon keeps the name apart from those of redis-queue.clusterName: names of
namespaces and releases have none.
*/}}
{{- define "redis-queue.claims" -}}
{{- $name := printf "redis-queue:claim:%s" .Chart.Name -}}
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

{{/*
For a release that looks at all namespaces, where the cluster can be asked: nobody else may look at all or at some.
Helm's own refusal of a second ClusterRole names the object only, and it never sees that a Role of the same name clashes.
*/}}
{{- define "redis-queue.checkClaim" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $own := printf "%s/%s" $root.Release.Namespace $root.Release.Name -}}
{{- $claim := lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" $name -}}
{{- $holder := index (($claim.metadata).annotations | default dict) "redis-queue.io/claimed-by" | default "" -}}
{{- if and $holder (ne $holder $own) -}}
{{- fail (printf "release %s of the chart %s looks at all namespaces already, so a second one would act on the same objects: uninstall that one, or give both releases different namespaces (the value namespaces, with the chart redis-queue global.namespaces)" $holder $root.Chart.Name) -}}
{{- end -}}
{{- range (lookup "rbac.authorization.k8s.io/v1" "Role" "" "").items -}}
{{- $holder := index (.metadata.annotations | default dict) "redis-queue.io/claimed-by" | default "" -}}
{{- if and (eq .metadata.name $name) $holder (ne $holder $own) -}}
{{- fail (printf "release %s of the chart %s looks at the namespace %s, so one that looks at all namespaces would act on the same objects: uninstall that one, or give this release other namespaces (the value namespaces, with the chart redis-queue global.namespaces)" $holder $root.Chart.Name .metadata.namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
