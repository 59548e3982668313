{{/*
Whether a chart declares a capability, as "true" or nothing: include "redis-queue.can" (list . "redis"). Capabilities are
what an app needs beside its kinds; arguments and rights that an app would not understand or use are not rendered. They
stand in Chart.yaml, as the annotation redis-queue.io/capabilities: redis, bus, workers, storage, webhooks; several by comma.
*/}}
{{- define "redis-queue.can" -}}
{{- $chart := (index . 0).Chart -}}
{{- $known := list "redis" "bus" "workers" "storage" "webhooks" -}}
{{- $declared := splitList "," (nospace (index ($chart.Annotations | default dict) "redis-queue.io/capabilities" | default "")) | compact -}}
{{- range $declared -}}
{{- if not (has . $known) -}}
{{- fail (printf "the chart %s declares the capability %s; known are %s" $chart.Name . (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- if has (index . 1) $declared -}}true{{- end -}}
{{- end -}}
