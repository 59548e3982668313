{{/*
Refuses an unknown key below global, which is a misspelt one. Only when the chart is installed by itself: as a part of
a chart of yours it is handed the globals of all the other parts as well.
*/}}
{{- define "redis-queue.checkGlobals" -}}
{{- if .Chart.IsRoot -}}
{{- $known := list "image" "redis" "bus" "namespaces" "template" -}}
{{- range $key, $_ := .Values.global -}}
{{- if not (has $key $known) -}}
{{- fail (printf "global.%s is unknown; there are global.%s" $key (join ", global." $known)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
