{{/*
The name of the policy over a controller's ServiceAccount. Cluster-wide: two releases must not meet.
*/}}
{{- define "redis-queue.accountPolicyOf" -}}
{{- $root := .root -}}
{{- $writes := include "redis-queue.writes" . | fromYaml -}}
{{- include "redis-queue.accountPolicy" (dict
  "name" (include "redis-queue.clusterName" $root)
  "labels" (include "redis-queue.labels" $root)
  "controller" $root.Chart.Name
  "namespace" $root.Release.Namespace
  "serviceAccountName" (include "redis-queue.serviceAccountName" $root)
  "lease" (include "redis-queue.fullname" $root)
  "statuses" $writes.statuses
  "finalizers" $writes.finalizers
  "ended" $writes.ended
  "owned" (.owned | default dict)
  "created" (.created | default dict)
  "scratch" (.scratch | default list)
  "workers" (include "redis-queue.can" (list $root "workers"))
  "replaceStuck" (and (include "redis-queue.can" (list $root "workers")) $root.Values.workers.replaceStuck)
  "excludedNamespaces" (include "redis-queue.excludedNamespaces" $root | fromJsonArray)
  "template" (include "redis-queue.templateFloor" $root | fromYaml)
  "webhooks" (empty (include "redis-queue.keepsCertificate" $root) | ternary "" (include "redis-queue.webhookName" $root))
) -}}
{{- end -}}

{{/* Where no worker may be created or changed, as JSON. */}}
{{- define "redis-queue.excludedNamespaces" -}}
{{- (.Values.admission).excludedNamespaces | default (list "kube-system" .Release.Namespace) | uniq | toJson -}}
{{- end -}}

{{/* "true" when the controller has a ServiceAccount that pods which are none of ours do not have as well. */}}
{{- define "redis-queue.ownAccount" -}}
{{- if or .Values.serviceAccount.create .Values.serviceAccount.name -}}true{{- end -}}
{{- end -}}

{{/*
"true" when this chart has the policy over its ServiceAccount. Not where nothing may be cluster-wide, and not over the
namespace's default ServiceAccount, which pods that are none of ours have as well.
*/}}
{{- define "redis-queue.bindsAccount" -}}
{{- if and .Values.admission.enabled (include "redis-queue.ownAccount" .) (not (include "redis-queue.namespaces" . | fromJsonArray)) -}}true{{- end -}}
{{- end -}}

{{/* The entry of a confined controller in admission.accounts of redis-queue-crds. */}}
{{- define "redis-queue.accountEntry" -}}
- controller: {{ .Chart.Name }}
  namespace: {{ .Release.Namespace }}
  serviceAccountName: {{ include "redis-queue.serviceAccountName" . }}
  leaseName: {{ include "redis-queue.fullname" . }}
{{- if and (include "redis-queue.can" (list . "workers")) .Values.workers.replaceStuck }}
  replaceStuck: true
{{- end }}
{{- end -}}

{{/* For the notes: how the ServiceAccount is bound where this chart has nothing cluster-wide. */}}
{{- define "redis-queue.accountNote" -}}
{{- if include "redis-queue.namespaces" . | fromJsonArray }}

No other release of the chart {{ .Chart.Name }} may look at all namespaces: both would act on the same objects, and Helm does not
refuse it. Releases for other namespaces are fine.
{{- end }}
{{- if not (include "redis-queue.ownAccount" .) }}
{{- if .Values.admission.enabled }}

No policy binds the controller: it runs as the namespace's default ServiceAccount. Set serviceAccount.create, or a
serviceAccount.name that no other pods have.
{{- end }}
{{- else if include "redis-queue.namespaces" . | fromJsonArray }}

The chart has nothing cluster-wide. So that a policy binds its ServiceAccount, redis-queue-crds has to list it:

  admission:
    accounts:
{{ include "redis-queue.accountEntry" . | indent 6 }}
{{- end }}
{{- end -}}

{{/*
What a controller writes, from its own rules: {statuses, finalizers, ended}, plurals of our group; of what it may patch it
writes the finalizers, and what it may delete it deletes at its end. The rights are the one place that says it. A rule for
something else has to stand in `owned`, or nothing would bind what is written.
*/}}
{{- define "redis-queue.writes" -}}
{{- $statuses := list -}}
{{- $finalizers := list -}}
{{- $ended := list -}}
{{- $owned := .owned | default dict -}}
{{- $created := .created | default dict -}}
{{- range $rule := list .rules .clusterRules | compact | join "\n" | fromYamlArray -}}
{{- if or (has "create" $rule.verbs) (has "update" $rule.verbs) (has "patch" $rule.verbs) (has "delete" $rule.verbs) -}}
{{- range $group := $rule.apiGroups -}}
{{- range $resource := $rule.resources -}}
{{- if and (eq $group "redis-queue.io") (hasSuffix "/status" $resource) -}}
{{- $statuses = append $statuses (trimSuffix "/status" $resource) -}}
{{- else if and (eq $group "redis-queue.io") (hasSuffix "/finalizers" $resource) -}}
{{- /* Nothing is written there: it is a right that admission asks for. */ -}}
{{- else if eq $group "redis-queue.io" -}}
{{- if has "delete" $rule.verbs }}{{ $ended = append $ended $resource }}{{ end -}}
{{- if has "patch" $rule.verbs }}{{ $finalizers = append $finalizers $resource }}{{ end -}}
{{- if and (has "create" $rule.verbs) (not (hasKey $created $resource)) -}}
{{- fail (printf "the chart %s has a right to create %s, and nothing says which: name the label that says whose they are, as in \"created\" (dict \"%s\" \"redis-queue.io/label\")" $.root.Chart.Name $resource $resource) -}}
{{- end -}}
{{- else if not (hasKey $owned (printf "%s/%s" $group $resource)) -}}
{{- fail (printf "the chart %s has a right to write %s/%s, and nothing says which of them: name the kind that owns them, as in \"owned\" (dict \"%s/%s\" \"Kind\")" $.root.Chart.Name $group $resource $group $resource) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "statuses" $statuses "finalizers" $finalizers "ended" $ended | toYaml -}}
{{- end -}}

{{/*
Binds a ServiceAccount of ours to what its controller does, whatever RBAC grants it: what is not listed is refused. Who
steals its token, or deceives the controller, can write nothing else. Takes a dict:

  name, labels          of the policy and its binding
  controller            who its events say they are from
  namespace             of the ServiceAccount, and of the Lease
  serviceAccountName
  lease                 name of its Lease
  statuses, finalizers  plurals of our group whose status it writes, or whose finalizers
  ended                 plurals of our group whose objects it deletes once they have ended and their time to live is over
  owned                 other resources that it writes ("group/plural") → the kind that has to be their controller
  created               plurals of our group that it creates, and deletes once they have ended → the label that says whose
                        they are: its value is what their names begin with; may be absent
  workers               not empty: it writes the Deployments, PodDisruptionBudgets and pods of WorkerPools
  replaceStuck          true: it may delete pods of WorkerPools, and ask whether they may be evicted
  excludedNamespaces    where no worker may be created or changed
  template              the floor for pod templates; see redis-queue.templateFloor
  webhooks              name of the Secret with the certificate of its webhooks, which it writes; may be absent
*/}}
{{- define "redis-queue.accountPolicy" -}}
{{- $user := printf "system:serviceaccount:%s:%s" .namespace .serviceAccountName -}}
{{- $owned := deepCopy .owned -}}
{{- $created := .created | default dict -}}
{{- if .workers }}{{ $owned = merge $owned (dict "apps/deployments" "WorkerPool" "policy/poddisruptionbudgets" "WorkerPool") }}{{ end -}}
{{- $allowed := list "coordination.k8s.io/leases CREATE" "coordination.k8s.io/leases UPDATE" "/events CREATE" "/events UPDATE" -}}
{{- range .statuses }}{{ $allowed = append $allowed (printf "redis-queue.io/%s/status UPDATE" .) }}{{ end -}}
{{- range .finalizers }}{{ $allowed = append $allowed (printf "redis-queue.io/%s UPDATE" .) }}{{ end -}}
{{- range .ended }}{{ $allowed = append $allowed (printf "redis-queue.io/%s DELETE" .) }}{{ end -}}
{{- range $plural, $_ := $created }}{{ $allowed = append $allowed (printf "redis-queue.io/%s CREATE" $plural) }}{{ end -}}
{{- range $target, $_ := $owned }}{{ $allowed = append (append $allowed (printf "%s CREATE" $target)) (printf "%s UPDATE" $target) }}{{ end -}}
{{- if .workers }}{{ $allowed = append $allowed "/pods UPDATE" }}{{ end -}}
{{- if .replaceStuck }}{{ $allowed = append (append $allowed "/pods DELETE") "/pods/eviction CREATE" }}{{ end -}}
{{- $configurations := list "validatingwebhookconfigurations" "mutatingwebhookconfigurations" -}}
{{- if .webhooks -}}
{{- $allowed = append $allowed "/secrets UPDATE" -}}
{{- range $configurations }}{{ $allowed = append $allowed (printf "admissionregistration.k8s.io/%s UPDATE" .) }}{{ end -}}
{{- end -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ .name }}
  labels: {{- .labels | nindent 4 }}
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
      expression: request.userInfo.username == '{{ $user }}'
  variables:
    - name: target
      expression: >-
        request.resource.group + '/' + request.resource.resource +
        (request.?subResource.orValue('') == '' ? '' : '/' + request.subResource)
    - name: owners
      expression: >-
        object.?metadata.?ownerReferences.orValue([]).filter(owner,
        owner.?controller.orValue(false) && owner.apiVersion.startsWith('redis-queue.io/'))
    - name: oldOwners
      expression: >-
        oldObject == null ? variables.owners : oldObject.?metadata.?ownerReferences.orValue([]).filter(owner,
        owner.?controller.orValue(false) && owner.apiVersion.startsWith('redis-queue.io/'))
    {{- if .workers }}
    # Only a Deployment has a template here; a size that changes on one that is going, or in a template that stays, passes.
    - name: changesTemplate
      expression: >-
        variables.target == 'apps/deployments' && !has(object.metadata.deletionTimestamp) &&
        (oldObject == null || object.spec.template.spec != oldObject.spec.template.spec)
    - name: pod
      expression: "variables.changesTemplate ? object.spec.template.spec : dyn({})"
    - name: oldPod
      expression: "variables.changesTemplate && oldObject != null ? oldObject.spec.template.spec : dyn({})"
    {{- include "redis-queue.templateVariables" . | nindent 4 }}
    {{- end }}
  validations:
    - expression: >-
        (variables.target + ' ' + request.operation) in {{ $allowed | toJson }}
      messageExpression: >-
        'the {{ .controller }} never does this: ' + request.operation + ' ' + variables.target
      message: the {{ .controller }} never does this
      reason: Forbidden
    - expression: >-
        variables.target != 'coordination.k8s.io/leases' ||
        (request.namespace == '{{ .namespace }}' && object.metadata.name == '{{ .lease }}')
      message: the {{ .controller }} writes Lease {{ .namespace }}/{{ .lease }} and no other
      reason: Forbidden
    - expression: >-
        variables.target != '/events' ||
        (object.involvedObject.?apiVersion.orValue('').startsWith('redis-queue.io/') &&
        object.?reportingComponent.orValue('') == '{{ .controller }}' &&
        (oldObject == null || oldObject.?reportingComponent.orValue('') == '{{ .controller }}'))
      message: the {{ .controller }} writes events of its own, on objects of redis-queue.io
      reason: Forbidden
    {{- with .webhooks }}
    - expression: >-
        variables.target != '/secrets' || (request.namespace == '{{ $.namespace }}' && object.metadata.name == '{{ . }}' &&
        object.metadata.?labels == oldObject.metadata.?labels &&
        object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences &&
        object.metadata.?finalizers == oldObject.metadata.?finalizers)
      message: the {{ $.controller }} writes the certificate in Secret {{ $.namespace }}/{{ . }} and no other
      reason: Forbidden
    - expression: >-
        !variables.target.startsWith('admissionregistration.k8s.io/') ||
        (object.metadata.name == '{{ $.namespace }}-{{ . }}' &&
        object.metadata.?labels == oldObject.metadata.?labels &&
        object.metadata.?annotations == oldObject.metadata.?annotations &&
        object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences &&
        object.metadata.?finalizers == oldObject.metadata.?finalizers &&
        size(object.?webhooks.orValue([])) == size(oldObject.?webhooks.orValue([])) &&
        object.?webhooks.orValue([]).all(webhook, oldObject.?webhooks.orValue([]).exists(old,
        old.name == webhook.name &&
        old.clientConfig.?service == webhook.clientConfig.?service && old.clientConfig.?url == webhook.clientConfig.?url &&
        ['rules', 'failurePolicy', 'matchPolicy', 'namespaceSelector', 'objectSelector', 'sideEffects', 'timeoutSeconds',
        'admissionReviewVersions', 'matchConditions', 'reinvocationPolicy'].all(field, old[?field] == webhook[?field]))))
      message: of webhook configurations the {{ $.controller }} writes caBundle in {{ $.namespace }}-{{ . }}, and nothing else
      reason: Forbidden
    {{- end }}
    {{- range .finalizers }}
    - expression: >-
        variables.target != 'redis-queue.io/{{ . }}' || request.operation != 'UPDATE' || (object.?spec == oldObject.?spec &&
        object.metadata.?labels == oldObject.metadata.?labels &&
        object.metadata.?annotations == oldObject.metadata.?annotations &&
        object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences &&
        object.metadata.?finalizers.orValue([]).filter(name, !name.startsWith('redis-queue.io/')) ==
        oldObject.metadata.?finalizers.orValue([]).filter(name, !name.startsWith('redis-queue.io/')))
      message: of {{ . }} the {{ $.controller }} writes finalizers of redis-queue.io and the status, nothing else
      reason: Forbidden
    {{- end }}
    {{- range .ended }}
    {{- $label := get $created . }}
    - expression: >-
        variables.target != 'redis-queue.io/{{ . }}' || request.operation != 'DELETE' ||
        (has(oldObject.status.completionTime) && (has(oldObject.spec.ttlSecondsAfterFinished)
        {{- if $label }} ||
        '{{ $label }}' in oldObject.metadata.?labels.orValue({})
        {{- end }}))
      message: of {{ . }} the {{ $.controller }} deletes those that have ended and have ttlSecondsAfterFinished{{ with $label }} or the label {{ . }}{{ end }}, and no others
      reason: Forbidden
    {{- end }}
    {{- range $plural, $label := $created }}
    - expression: >-
        variables.target != 'redis-queue.io/{{ $plural }}' || request.operation != 'CREATE' ||
        (object.metadata.?labels[?'{{ $label }}'].orValue('') != '' &&
        object.metadata.name.startsWith(object.metadata.labels['{{ $label }}'] + '-'))
      message: the {{ $.controller }} creates {{ $plural }} whose names begin with the value of their label {{ $label }}, and no others
      reason: Forbidden
    {{- end }}
    {{- range .scratch | default list }}
    {{- $label := get $created . }}
    - expression: >-
        variables.target != 'redis-queue.io/{{ . }}' || request.operation != 'CREATE' ||
        (has(object.spec.scratch) && has(object.spec.from.backup) &&
        variables.owners.exists(owner, owner.kind == 'QueueBackupSchedule' &&
        owner.name == object.metadata.?labels[?'{{ $label }}'].orValue('')))
      message: of {{ . }} the {{ $.controller }} creates those with scratch, from a QueueBackup, that the schedule of their label {{ $label }} controls, and no others
      reason: Forbidden
    {{- end }}
    {{- range $target, $kind := $owned }}
    - expression: >-
        variables.target != '{{ $target }}' || (variables.owners.exists(owner, owner.kind == '{{ $kind }}' &&
        variables.oldOwners.exists(old, old.kind == owner.kind && old.uid == owner.uid)))
      message: the {{ $.controller }} writes {{ $target }} that a {{ $kind }} controls, before and after, and no others
      reason: Forbidden
    {{- end }}
    {{- if .workers }}
    - expression: >-
        !(variables.target in ['apps/deployments', 'policy/poddisruptionbudgets']) ||
        ((object.metadata.?labels[?'redis-queue.io/pool'].orValue('') == object.metadata.name ||
        (oldObject != null && object.metadata.?labels == oldObject.metadata.?labels)) &&
        variables.owners.exists(owner, owner.name == object.metadata.name) &&
        ((object.spec.?selector.?matchLabels.orValue({}) == {'redis-queue.io/pool': object.metadata.name} &&
        size(object.spec.?selector.?matchExpressions.orValue([])) == 0) ||
        (oldObject != null && object.spec.?selector == oldObject.spec.?selector)))
      message: what the {{ .controller }} writes has the name of its WorkerPool, in metadata.name, in the label redis-queue.io/pool and in its selector
      reason: Forbidden
    - expression: >-
        !(variables.target in ['apps/deployments', 'policy/poddisruptionbudgets', '/pods']) ||
        !(request.namespace in {{ .excludedNamespaces | toJson }}) ||
        (oldObject != null && object != null && object.spec.?template == oldObject.spec.?template)
      message: no workers may be created or changed in this namespace; see the Helm value admission.excludedNamespaces of the chart {{ .controller }}
      reason: Forbidden
    - expression: >-
        variables.target != '/pods' || request.operation != 'UPDATE' || ('redis-queue.io/pool' in oldObject.metadata.?labels.orValue({}) &&
        object.spec == oldObject.spec &&
        object.metadata.?labels == oldObject.metadata.?labels &&
        object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences &&
        object.metadata.?finalizers == oldObject.metadata.?finalizers &&
        object.metadata.?annotations.orValue({}).all(name, name == 'controller.kubernetes.io/pod-deletion-cost' ||
        oldObject.metadata.?annotations[?name] == object.metadata.?annotations[?name]) &&
        oldObject.metadata.?annotations.orValue({}).all(name, name == 'controller.kubernetes.io/pod-deletion-cost' ||
        name in object.metadata.?annotations.orValue({})))
      message: of pods the {{ .controller }} writes the annotation controller.kubernetes.io/pod-deletion-cost, on those of WorkerPools, and nothing else
      reason: Forbidden
    {{- if .replaceStuck }}
    - expression: >-
        variables.target != '/pods' || request.operation != 'DELETE' ||
        ('redis-queue.io/pool' in oldObject.metadata.?labels.orValue({}) &&
        oldObject.metadata.?ownerReferences.orValue([]).exists(owner, owner.?controller.orValue(false) &&
        owner.kind == 'ReplicaSet' && owner.apiVersion == 'apps/v1'))
      message: the {{ .controller }} deletes pods of WorkerPools that a ReplicaSet replaces, and no others
      reason: Forbidden
    # An eviction does not show whose pod it is.
    - expression: >-
        variables.target != '/pods/eviction' || (has(request.dryRun) && request.dryRun)
      message: the {{ .controller }} asks by a dry run whether a pod may be evicted, and evicts none
      reason: Forbidden
    {{- end }}
    {{- include "redis-queue.templateValidations" (dict "template" .template "where" "the pod template" "tokenByDefault" "true" "reason" "Forbidden") | trim | nindent 4 }}
    {{- end }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels: {{- .labels | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end -}}
