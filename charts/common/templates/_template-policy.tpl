{{/*
What spec.template may not ask for unless a value allows it. The same text judges WorkerPools as people write them and
Deployments as the workerpool-controller does, so that neither can be a way around the other.

A rule looks at single fields: one that was there before, unchanged, passes, and what is new has to obey.
*/}}

{{/* The values that are the floor, own ones before the globals: {allow, serviceAccountNames, refusedSecretNames}. */}}
{{- define "redis-queue.templateFloor" -}}
{{- $own := .Values.template | default dict -}}
{{- $global := (.Values.global).template | default dict -}}
{{- range $key := list "allow" "serviceAccountNames" "refusedSecretNames" }}
{{ $key }}: {{ get $own $key | default (get $global $key) | default list | uniq | toJson }}
{{- end -}}
{{- end -}}

{{/* Needs the variables pod and oldPod: maps, empty where there is nothing to judge. */}}
{{- define "redis-queue.templateVariables" -}}
- name: containers
  expression: variables.pod.?containers.orValue([]) + variables.pod.?initContainers.orValue([])
- name: oldContainers
  expression: variables.oldPod.?containers.orValue([]) + variables.oldPod.?initContainers.orValue([])
- name: volumes
  expression: variables.pod.?volumes.orValue([])
- name: oldVolumes
  expression: variables.oldPod.?volumes.orValue([])
{{- end -}}

{{/*
The rules. Takes a dict: template (redis-queue.templateFloor), where (names the template in messages), tokenByDefault (not
empty: a template that says nothing of the token mounts it, as Kubernetes has it), reason (of the refusal).
*/}}
{{- define "redis-queue.templateValidations" -}}
{{- $allow := .template.allow -}}
{{- $accounts := concat (list "" "default") .template.serviceAccountNames | uniq -}}
{{- $refused := .template.refusedSecretNames | toJson -}}
{{- $wayOut := "unless the Helm value template.allow (global.template.allow of the chart redis-queue) has" -}}
{{- if not (has "privileged" $allow) }}
- expression: >-
    variables.containers.all(c,
    !(c.?securityContext.?privileged.orValue(false) == true ||
    c.?securityContext.?windowsOptions.?hostProcess.orValue(false) == true) ||
    variables.oldContainers.exists(old, old.?name == c.?name && old.?securityContext == c.?securityContext)) &&
    (variables.pod.?securityContext.?windowsOptions.?hostProcess.orValue(false) != true ||
    variables.oldPod.?securityContext == variables.pod.?securityContext)
  message: no container of {{ .where }} may be privileged, {{ $wayOut }} privileged
  reason: {{ .reason }}
{{- end }}
{{- if not (has "hostNamespaces" $allow) }}
- expression: >-
    ['hostNetwork', 'hostPID', 'hostIPC'].all(field,
    variables.pod[?field].orValue(false) != true || variables.oldPod[?field].orValue(false) == true)
  message: '{{ .where }} may not have hostNetwork, hostPID or hostIPC, {{ $wayOut }} hostNamespaces'
  reason: {{ .reason }}
{{- end }}
{{- if not (has "hostPath" $allow) }}
- expression: variables.volumes.all(v, !has(v.hostPath) || v in variables.oldVolumes)
  message: no volume of {{ .where }} may be a hostPath, {{ $wayOut }} hostPath
  reason: {{ .reason }}
{{- end }}
{{- if not (has "capabilities" $allow) }}
- expression: >-
    variables.containers.all(c, c.?securityContext.?capabilities.?add.orValue([]).all(capability,
    capability == 'NET_BIND_SERVICE' || variables.oldContainers.exists(old, old.?name == c.?name &&
    capability in old.?securityContext.?capabilities.?add.orValue([]))))
  message: '{{ .where }} may add no capability but NET_BIND_SERVICE, {{ $wayOut }} capabilities'
  reason: {{ .reason }}
{{- end }}
{{- if not (has "ephemeralContainers" $allow) }}
- expression: >-
    variables.pod.?ephemeralContainers.orValue([]) == [] ||
    variables.pod.?ephemeralContainers == variables.oldPod.?ephemeralContainers
  message: '{{ .where }} may have no ephemeralContainers, {{ $wayOut }} ephemeralContainers'
  reason: {{ .reason }}
{{- end }}
- expression: >-
    ['serviceAccountName', 'serviceAccount'].all(field,
    variables.pod[?field].orValue('') in {{ $accounts | toJson }} || variables.pod[?field] == variables.oldPod[?field])
  message: '{{ .where }} names a ServiceAccount that is neither "default" nor in the Helm value template.serviceAccountNames (global.template.serviceAccountNames of the chart redis-queue)'
  reason: {{ .reason }}
{{- if not (has "tokens" $allow) }}
- expression: >-
    (variables.pod.?automountServiceAccountToken.orValue({{ if .tokenByDefault }}size(variables.pod) > 0{{ else }}false{{ end }}) != true ||
    (size(variables.oldPod) > 0 &&
    variables.pod.?automountServiceAccountToken == variables.oldPod.?automountServiceAccountToken)) &&
    variables.volumes.all(v, !v.?projected.?sources.orValue([]).exists(source, has(source.serviceAccountToken)) ||
    v in variables.oldVolumes)
  message: '{{ .where }} may mount no token of a ServiceAccount, {{ $wayOut }} tokens'
  reason: {{ .reason }}
{{- end }}
{{- if .template.refusedSecretNames }}
- expression: >-
    variables.containers.all(c,
    c.?env.orValue([]).all(e, !(e.?valueFrom.?secretKeyRef.?name.orValue('') in {{ $refused }}) ||
    variables.oldContainers.exists(old, old.?name == c.?name && e in old.?env.orValue([]))) &&
    c.?envFrom.orValue([]).all(e, !(e.?secretRef.?name.orValue('') in {{ $refused }}) ||
    variables.oldContainers.exists(old, old.?name == c.?name && e in old.?envFrom.orValue([]))))
  message: '{{ .where }} takes environment variables from a Secret that the Helm value template.refusedSecretNames (global.template.refusedSecretNames of the chart redis-queue) lists'
  reason: {{ .reason }}
- expression: >-
    variables.volumes.all(v, v in variables.oldVolumes || (!(v.?secret.?secretName.orValue('') in {{ $refused }}) &&
    v.?projected.?sources.orValue([]).all(source, !(source.?secret.?name.orValue('') in {{ $refused }})) &&
    !(v.?csi.?nodePublishSecretRef.?name.orValue('') in {{ $refused }}) &&
    !(v.?azureFile.?secretName.orValue('') in {{ $refused }}) &&
    ['cephfs', 'flexVolume', 'iscsi', 'rbd', 'scaleIO', 'storageos'].all(driver,
    !(v[?driver].?secretRef.?name.orValue('') in {{ $refused }}))))
  message: '{{ .where }} has a volume from a Secret that the Helm value template.refusedSecretNames (global.template.refusedSecretNames of the chart redis-queue) lists'
  reason: {{ .reason }}
- expression: >-
    variables.pod.?imagePullSecrets.orValue([]).all(secret, !(secret.?name.orValue('') in {{ $refused }}) ||
    secret in variables.oldPod.?imagePullSecrets.orValue([]))
  message: '{{ .where }} pulls images with a Secret that the Helm value template.refusedSecretNames (global.template.refusedSecretNames of the chart redis-queue) lists'
  reason: {{ .reason }}
{{- end }}
{{- end -}}
