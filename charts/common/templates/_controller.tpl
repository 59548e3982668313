{{/*
All objects of a controller. Takes the dict of redis-queue.rights, and owned: what the controller writes beside its kinds
("group/plural") → the kind that has to be its controller by owner reference; may be absent. So may created: what it
creates of our group, plural → the label that says whose they are; scratch, those of them that are restores which write into
no queue; and webhooks, the kinds that it judges, as redis-queue.webhooks takes them.
*/}}
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
{{- include "redis-queue.claims" .root }}
{{- if include "redis-queue.servesWebhooks" .root }}
---
{{ include "redis-queue.webhooks" (dict "root" .root "kinds" .webhooks) }}
{{- end }}
{{- if include "redis-queue.bindsAccount" .root }}
---
{{ include "redis-queue.accountPolicyOf" . }}
{{- end }}
{{- with include "redis-queue.uninstall" . }}
---
{{ . }}
{{- end }}
{{- end -}}
