{{/*
The rights of a controller: one ServiceAccount, what it may do with its kinds, what its capabilities need, and what
leader election and the bus need in the namespace of the release. Where the chart is confined to namespaces, all of them are Roles there, and nothing is
cluster-wide. Takes a dict: root (the chart's context), rules (text: the controller's own rules; may be absent),
clusterRules (text: rules on cluster-wide objects, which a confined controller does without; may be absent).
*/}}
{{- define "redis-queue.rights" -}}
{{- $root := .root }}
{{- $name := include "redis-queue.fullname" $root }}
{{- $clusterName := include "redis-queue.clusterName" $root }}
{{- $namespaces := include "redis-queue.namespaces" $root | fromJsonArray }}
{{- $subject := printf "subjects:\n  - kind: ServiceAccount\n    name: %s\n    namespace: %s" (include "redis-queue.serviceAccountName" $root) $root.Release.Namespace }}
{{- $rules := list (include "redis-queue.sharedRules" $root) .rules (include "redis-queue.workerRules" $root) | compact | join "\n" }}
{{- if $root.Values.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "redis-queue.serviceAccountName" $root }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "redis-queue.labels" $root | nindent 4 }}
  {{- with $root.Values.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
---
{{- end }}
{{- range $namespaces }}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $clusterName }}
  namespace: {{ . }}
  labels: {{- include "redis-queue.labels" $root | nindent 4 }}
rules: {{- $rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $clusterName }}
  namespace: {{ . }}
  labels: {{- include "redis-queue.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $clusterName }}
{{ $subject }}
---
{{- else }}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $clusterName }}
  labels: {{- include "redis-queue.labels" $root | nindent 4 }}
rules:
  {{- $rules | nindent 2 }}
  {{- with .clusterRules }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "redis-queue.webhookRules" $root }}
  {{- . | nindent 2 }}
  {{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ $clusterName }}
  labels: {{- include "redis-queue.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $clusterName }}
{{ $subject }}
---
{{- end }}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}-release
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "redis-queue.labels" $root | nindent 4 }}
rules:
  # The API server knows no name yet when an object is created, so this right alone cannot be bound to one.
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [create]
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    resourceNames: [{{ $name }}]
    verbs: [get, list, watch, update]
  {{- if include "redis-queue.usesBus" $root }}
  - apiGroups: [""]
    resources: [secrets]
    resourceNames: {{ list (include "redis-queue.busSecretName" $root) (include "redis-queue.busCertificates" $root) | compact | uniq | toJson }}
    verbs: [get, list, watch]
  {{- end }}
  {{- if include "redis-queue.servesWebhooks" $root }}
  # The certificate of the webhooks.
  - apiGroups: [""]
    resources: [secrets]
    resourceNames: [{{ include "redis-queue.webhookName" $root }}]
    verbs: [get, list, watch{{ if include "redis-queue.keepsCertificate" $root }}, patch{{ end }}]
  {{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}-release
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "redis-queue.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}-release
{{ $subject }}
{{- end -}}

{{/* To publish the CA of the webhooks' certificate; the policy over the ServiceAccount lets nothing else of them change. */}}
{{- define "redis-queue.webhookRules" -}}
{{- if include "redis-queue.keepsCertificate" . -}}
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingwebhookconfigurations, mutatingwebhookconfigurations]
  resourceNames: [{{ .Release.Namespace }}-{{ include "redis-queue.webhookName" . }}]
  verbs: [get, list, watch, patch]
{{- end -}}
{{- end -}}

{{/* What every controller needs in each namespace that it looks at, and the Secrets of those that know Redis. */}}
{{- define "redis-queue.sharedRules" -}}
{{- if include "redis-queue.can" (list . "redis") -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ include "redis-queue.redisSecretNames" . }}
  verbs: [get, list, watch]
{{ end }}
{{- if include "redis-queue.can" (list . "storage") -}}
{{- with .Values.storage.secretNames -}}
# Read when a run begins, and not watched.
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ uniq . | toJson }}
  verbs: [get]
{{ end }}
{{- end -}}
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* What a controller that creates worker pods needs in each namespace that it looks at. */}}
{{- define "redis-queue.workerRules" -}}
{{- if include "redis-queue.can" (list . "workers") -}}
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
{{- if .Values.workers.replaceStuck }}
- apiGroups: [""]
  resources: [pods]
  verbs: [delete]
# A dry run: whether the PodDisruptionBudgets let a pod go.
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
{{- end }}
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
# Of all ConfigMaps the metadata is watched; content is read only of those that the template of a pool names.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
{{- with .Values.workers.secretNames }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ uniq . | toJson }}
  verbs: [get, list, watch]
{{- end }}
{{- end -}}
{{- end -}}
