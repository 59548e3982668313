{{/* One replica at a time may be evicted; with a single replica a budget would only block drains. */}}
{{- define "redis-queue.podDisruptionBudget" -}}
{{- if gt (int .Values.replicas) 1 }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "redis-queue.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "redis-queue.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "redis-queue.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end -}}
