{{/*
Lets go what a controller holds by finalizers when its release is uninstalled: objects that nobody could delete any more,
nor their namespaces. After the deletion of the release, since its controller would add the finalizers again; with an
account that exists for that time only, and may do nothing else. What they hold outside the cluster stays. Where the hook
is applied as if it were no hook, as the output of `helm template` may be, it finds the Deployment and does nothing.

Takes the dict of redis-queue.rights. Nothing for a controller that writes no finalizers: see redis-queue.writes.
*/}}
{{- define "redis-queue.uninstall" -}}
{{- $root := .root -}}
{{- $held := (include "redis-queue.writes" . | fromYaml).finalizers -}}
{{- if and $held (not (hasKey $root.Values "uninstall")) -}}
{{- fail (printf "the chart %s may patch %s, so the app holds them by a finalizer: name the kinds in its entry of libs/api/src/apps.ts (holds) and in what its main.ts hands to runApp, and run make generate" $root.Chart.Name (join ", " $held)) -}}
{{- end -}}
{{- if and $held $root.Values.uninstall.releaseFinalizers -}}
{{- $account := include "redis-queue.uninstallName" (include "redis-queue.fullname" $root) -}}
{{- $name := printf "%s-uninstall" (include "redis-queue.clusterName" $root) -}}
{{- $namespaces := include "redis-queue.namespaces" $root | fromJsonArray -}}
{{- $labels := include "redis-queue.labels" $root -}}
{{- if and $root.Values.admission.enabled (not $namespaces) -}}
{{ include "redis-queue.uninstallPolicy" (dict
  "name" $name
  "labels" $labels
  "annotations" (include "redis-queue.uninstallHook" -20)
  "controller" $root.Chart.Name
  "namespace" $root.Release.Namespace
  "account" $account
  "held" $held
) }}
---
{{ end -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $account }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- $labels | nindent 4 }}
  annotations: {{- include "redis-queue.uninstallHook" -10 | nindent 4 }}
{{- range $namespaces | default (list "") }}
{{- $prefix := ternary "" "Cluster" (ne . "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $prefix }}Role
metadata:
  name: {{ $name }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- $labels | nindent 4 }}
  annotations: {{- include "redis-queue.uninstallHook" -10 | nindent 4 }}
rules:
  - apiGroups: [redis-queue.io]
    resources: {{ $held | toJson }}
    verbs: [get, list, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $prefix }}RoleBinding
metadata:
  name: {{ $name }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- $labels | nindent 4 }}
  annotations: {{- include "redis-queue.uninstallHook" -5 | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $prefix }}Role
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $account }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- $labels | nindent 4 }}
  annotations: {{- include "redis-queue.uninstallHook" -10 | nindent 4 }}
rules:
  - apiGroups: [apps]
    resources: [deployments]
    resourceNames: [{{ include "redis-queue.fullname" $root }}]
    verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $account }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- $labels | nindent 4 }}
  annotations: {{- include "redis-queue.uninstallHook" -5 | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $account }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ $root.Release.Namespace }}
---
{{ include "redis-queue.uninstallJob" (dict "root" $root "account" $account "namespaces" $namespaces) }}
{{- end -}}
{{- end -}}

{{/* The annotations of an object of the hook, by its weight. What failed stays until the next uninstallation, to be read. */}}
{{- define "redis-queue.uninstallHook" -}}
helm.sh/hook: post-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{/* The Job and its account, from the name of the controller's objects: a label of its pods, of 63 characters at most. */}}
{{- define "redis-queue.uninstallName" -}}
{{- if le (len .) 53 }}{{ . }}{{ else }}{{ . | trunc 44 | trimSuffix "-" }}-{{ . | sha256sum | trunc 8 }}{{ end }}-uninstall
{{- end -}}

{{/*
The Job: the controller's image in the mode that takes the finalizers off. It ends in time for Helm, which waits five
minutes, to say that it failed. Its pod has the labels of the controller's, by which network policies know it, and no proxy
of a mesh, which would keep it from ending.
*/}}
{{- define "redis-queue.uninstallJob" -}}
{{- $root := .root -}}
{{- $deployment := printf "--unless-deployment=%s/%s" $root.Release.Namespace (include "redis-queue.fullname" $root) -}}
{{- $args := list "--release-finalizers=true" $deployment (printf "--log-level=%s" $root.Values.logLevel) -}}
{{- with .namespaces }}{{ $args = append $args (join "," . | printf "--namespace-scope=%s") }}{{ end -}}
{{- range $root.Values.extraArgs -}}
{{- if hasPrefix "--kubeconfig=" . }}{{ $args = append $args . }}{{ end -}}
{{- end -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .account }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "redis-queue.labels" $root | nindent 4 }}
  annotations: {{- include "redis-queue.uninstallHook" 0 | nindent 4 }}
spec:
  activeDeadlineSeconds: 270
  backoffLimit: 2
  ttlSecondsAfterFinished: 86400
  template:
    metadata:
      labels:
        {{- include "redis-queue.labels" $root | nindent 8 }}
        app.kubernetes.io/component: uninstall
        sidecar.istio.io/inject: 'false'
      annotations: {{- merge (dict "linkerd.io/inject" "disabled") ($root.Values.podAnnotations | default dict) | toYaml | nindent 8 }}
    spec:
      serviceAccountName: {{ .account }}
      restartPolicy: Never
      terminationGracePeriodSeconds: 5
      {{- with $root.Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "redis-queue.podSecurity" $root | nindent 6 }}
      containers:
        - name: uninstall
          image: {{ include "redis-queue.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: {{- toYaml $args | nindent 12 }}
          env:
            - name: NODE_OPTIONS
              value: {{ $root.Values.nodeOptions | quote }}
            {{- with $root.Values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          resources: {{- toYaml $root.Values.resources | nindent 12 }}
          {{- include "redis-queue.containerSecurity" $root | nindent 10 }}
      {{- include "redis-queue.podPlacement" $root | nindent 6 }}
{{- end -}}

{{/*
Binds the hook's account to what it is for, whatever RBAC grants it: it takes finalizers of redis-queue.io off objects of
these kinds. Takes a dict: name, labels, annotations (of policy and binding; labels and annotations as text, the latter may
be empty), controller (whose hook it is), namespace and account (of the ServiceAccount), held (plurals of our group).
*/}}
{{- define "redis-queue.uninstallPolicy" -}}
{{- $metadata := printf "name: %s\nlabels: %s" .name (.labels | nindent 2) -}}
{{- with .annotations }}{{ $metadata = printf "%s\nannotations: %s" $metadata (. | nindent 2) }}{{ end -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  {{- $metadata | nindent 2 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: ['*']
        apiVersions: ['*']
        operations: ['*']
        resources: ['*/*']
  matchConditions:
    - name: account
      expression: request.userInfo.username == 'system:serviceaccount:{{ .namespace }}:{{ .account }}'
  variables:
    - name: updatesHeld
      expression: >-
        request.operation == 'UPDATE' && request.?subResource.orValue('') == '' &&
        request.resource.group == 'redis-queue.io' && request.resource.resource in {{ .held | toJson }}
    - name: finalizers
      expression: 'variables.updatesHeld ? object.metadata.?finalizers.orValue([]) : dyn([])'
    - name: oldFinalizers
      expression: 'variables.updatesHeld ? oldObject.metadata.?finalizers.orValue([]) : dyn([])'
  validations:
    - expression: variables.updatesHeld
      messageExpression: >-
        'the uninstallation of the {{ .controller }} never does this: ' + request.operation + ' ' +
        request.resource.group + '/' + request.resource.resource
      message: the uninstallation of the {{ .controller }} never does this
      reason: Forbidden
    - expression: >-
        !variables.updatesHeld || (object.?spec == oldObject.?spec &&
        object.metadata.?labels == oldObject.metadata.?labels &&
        object.metadata.?annotations == oldObject.metadata.?annotations &&
        object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences &&
        variables.finalizers.all(name, name in variables.oldFinalizers) &&
        variables.oldFinalizers.all(name, name.startsWith('redis-queue.io/') || name in variables.finalizers))
      message: the uninstallation of the {{ .controller }} takes finalizers of redis-queue.io off, and changes nothing else
      reason: Forbidden
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  {{- $metadata | nindent 2 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end -}}
