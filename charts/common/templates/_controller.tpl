{{/* All objects of a controller. Takes the dict of redis-queue.rights. */}}
{{- define "redis-queue.controller" -}}
{{- include "redis-queue.checkGlobals" .root -}}
{{ include "redis-queue.deployment" .root }}
---
{{ include "redis-queue.metrics" .root }}
{{- with include "redis-queue.podDisruptionBudget" .root | trim }}
---
{{ . }}
{{- end }}
---
{{ include "redis-queue.rights" . }}
{{- end -}}
