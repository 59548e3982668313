{{/*
"true" where the controller serves webhooks. Not where nothing may be cluster-wide, as their configurations are: what they
would refuse, the conditions say there.
*/}}
{{- define "redis-queue.servesWebhooks" -}}
{{- if include "redis-queue.can" (list . "webhooks") -}}
{{- if and .Values.webhooks.enabled (not (include "redis-queue.namespaces" . | fromJsonArray)) -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" where the controller makes the certificate of its webhooks itself. */}}
{{- define "redis-queue.keepsCertificate" -}}
{{- if and (include "redis-queue.servesWebhooks" .) (not .Values.webhooks.certManagerCertificate) -}}true{{- end -}}
{{- end -}}

{{/* Of the Service and the Secret. */}}
{{- define "redis-queue.webhookName" -}}
{{ include "redis-queue.fullname" . | trunc 55 | trimSuffix "-" }}-webhook
{{- end -}}

{{/*
What webhooks need: a Service, the Secret of their certificate, which whoever makes it fills, and their configurations.
Takes a dict: root (the chart's context), kinds: a list of dicts with plural, kind (lower case), and mutates ("true": its
objects get defaults).
*/}}
{{- define "redis-queue.webhooks" -}}
{{- $root := .root -}}
{{- $name := include "redis-queue.webhookName" $root -}}
{{- $labels := include "redis-queue.labels" $root -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- $labels | nindent 4 }}
spec:
  selector: {{- include "redis-queue.selectorLabels" $root | nindent 4 }}
  ports:
    - name: webhooks
      port: 443
      targetPort: webhooks
---
# Without data, so that an upgrade never takes away what is in it.
apiVersion: v1
kind: Secret
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- $labels | nindent 4 }}
type: Opaque
{{- range $verb := list "validate" "mutate" }}
{{- $kinds := list }}
{{- range $.kinds }}{{ if or (eq $verb "validate") .mutates }}{{ $kinds = append $kinds . }}{{ end }}{{ end }}
{{- if $kinds }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: {{ eq $verb "validate" | ternary "ValidatingWebhookConfiguration" "MutatingWebhookConfiguration" }}
metadata:
  name: {{ $root.Release.Namespace }}-{{ $name }}
  labels: {{- $labels | nindent 4 }}
  {{- with $root.Values.webhooks.certManagerCertificate }}
  annotations:
    cert-manager.io/inject-ca-from: {{ $root.Release.Namespace }}/{{ . }}
  {{- end }}
webhooks:
  {{- range $kinds }}
  - name: {{ $verb }}.{{ .plural }}.redis-queue.io
    # caBundle is not written here: who makes the certificate publishes its CA.
    clientConfig:
      service:
        name: {{ $name }}
        namespace: {{ $root.Release.Namespace }}
        path: /{{ $verb }}/{{ .kind }}
    rules:
      - apiGroups: [redis-queue.io]
        apiVersions: ['*']
        operations: [CREATE, UPDATE]
        resources: [{{ .plural }}]
    failurePolicy: {{ $root.Values.webhooks.failurePolicy }}
    matchPolicy: Equivalent
    sideEffects: None
    timeoutSeconds: 5
    admissionReviewVersions: [v1]
    # What must never wait for a webhook: deletions, finalizers, labels, and the controllers' own writes.
    matchConditions:
      - name: not-being-deleted
        expression: '!has(object.metadata.deletionTimestamp)'
      - name: spec-changes
        expression: oldObject == null || object.?spec != oldObject.?spec
      - name: not-the-controller
        expression: >-
          request.userInfo.username != 'system:serviceaccount:{{ $root.Release.Namespace }}:{{ include "redis-queue.serviceAccountName" $root }}'
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}
