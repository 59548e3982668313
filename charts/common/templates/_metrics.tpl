{{- define "redis-queue.metrics" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "redis-queue.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "redis-queue.labels" . | nindent 4 }}
spec:
  selector: {{- include "redis-queue.selectorLabels" . | nindent 4 }}
  ports:
    - name: http
      port: 8080
      targetPort: http
{{- if .Values.metrics.serviceMonitor.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "redis-queue.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "redis-queue.labels" . | nindent 4 }}
    {{- with .Values.metrics.serviceMonitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels: {{- include "redis-queue.selectorLabels" . | nindent 6 }}
  endpoints:
    - port: http
      path: /metrics
      interval: {{ .Values.metrics.serviceMonitor.interval }}
      # The namespace of a sample is that of the object which it is about, not that of the controller's pod.
      honorLabels: true
{{- end }}
{{- if include "redis-queue.can" (list . "workers") }}
{{- with .Values.metrics.workers.podMonitor }}
{{- if .enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include "redis-queue.fullname" $ }}-workers
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- include "redis-queue.labels" $ | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  namespaceSelector:
    {{- with include "redis-queue.namespaces" $ | fromJsonArray }}
    matchNames: {{ toJson . }}
    {{- else }}
    any: true
    {{- end }}
  selector:
    matchExpressions:
      - key: redis-queue.io/pool
        operator: Exists
  podTargetLabels: [redis-queue.io/pool]
  podMetricsEndpoints:
    - port: http
      path: /metrics
      interval: {{ .interval }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
