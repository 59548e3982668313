{{/*
The Deployment of a controller. Everything that a restricted namespace asks for is set, and nothing that a controller
does not need is: no writable disk but /tmp, no privilege.
*/}}
{{- define "redis-queue.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "redis-queue.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "redis-queue.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  revisionHistoryLimit: 3
  {{- if include "redis-queue.backupVolume" . }}
  # A volume that one node may have at a time is let go of by the old pod before the new one asks for it.
  strategy:
    type: Recreate
  {{- end }}
  selector:
    matchLabels: {{- include "redis-queue.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "redis-queue.labels" . | nindent 8 }}
      {{- with .Values.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "redis-queue.serviceAccountName" . }}
      terminationGracePeriodSeconds: 30
      {{- with .Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "redis-queue.podSecurity" . | nindent 6 }}
      containers:
        - name: {{ .Chart.Name }}
          image: {{ include "redis-queue.image" . | quote }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          args: {{- include "redis-queue.args" . | fromYamlArray | toYaml | nindent 12 }}
          env:
            - name: POD_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            - name: POD_NAMESPACE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.namespace
            - name: NODE_OPTIONS
              value: {{ .Values.nodeOptions | quote }}
            {{- with .Values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            - name: http
              containerPort: 8080
            {{- if include "redis-queue.servesWebhooks" . }}
            - name: webhooks
              containerPort: {{ .Values.webhooks.port }}
            {{- end }}
          livenessProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 5
            timeoutSeconds: 5
          resources: {{- toYaml .Values.resources | nindent 12 }}
          {{- include "redis-queue.containerSecurity" . | nindent 10 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- if include "redis-queue.backupVolume" . }}
            - name: backups
              mountPath: /backups
            {{- end }}
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: 16Mi
        {{- with include "redis-queue.backupVolume" . }}
        - name: backups
          persistentVolumeClaim:
            claimName: {{ . }}
        {{- end }}
      {{- include "redis-queue.podPlacement" . | nindent 6 }}
      topologySpreadConstraints:
        {{- if .Values.topologySpreadConstraints }}
        {{- toYaml .Values.topologySpreadConstraints | nindent 8 }}
        {{- else }}
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "redis-queue.selectorLabels" . | nindent 14 }}
        {{- end }}
{{- end -}}

{{/* What the restricted Pod Security standard asks of a pod. */}}
{{- define "redis-queue.podSecurity" -}}
securityContext:
  # The image names uid and gid, 65532, so that OpenShift can give others.
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
  {{- if include "redis-queue.backupVolume" . }}
  {{- with .Values.storage.volume.fsGroup }}
  fsGroup: {{ . }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  {{- end }}
{{- end -}}

{{/* The same for its containers. */}}
{{- define "redis-queue.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* On which nodes pods run, as the values have it; may be empty. */}}
{{- define "redis-queue.podPlacement" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The claim of the volume for backups; empty: there is none. */}}
{{- define "redis-queue.backupVolume" -}}
{{- if include "redis-queue.can" (list . "storage") -}}{{ .Values.storage.volume.claimName }}{{- end -}}
{{- end -}}

{{/*
The flags of a controller, as a YAML list. A chart declares in Chart.yaml, as the annotation redis-queue.io/settings,
which of its values are flags and nothing more: podStartTime is --pod-start-time. What only extraArgs can set comes last;
a flag that would keep every pod from starting or from leading is refused. Tests compare the flags with each app's --help.
*/}}
{{- define "redis-queue.args" -}}
{{- $args := list "--http-port=8080" (printf "--lease-name=%s" (include "redis-queue.fullname" .)) (printf "--log-level=%s" .Values.logLevel) -}}
{{- if include "redis-queue.can" (list . "redis") -}}
{{- $args = append $args (printf "--redis-secret-names=%s" (include "redis-queue.redisSecretNames" . | fromJsonArray | join ",")) -}}
{{- end -}}
{{- if include "redis-queue.usesBus" . -}}
{{- $args = append $args (printf "--bus-secret-name=%s" (include "redis-queue.busSecretName" .)) -}}
{{- $args = append $args (printf "--bus-tls=%s" (include "redis-queue.busTls" .)) -}}
{{- with include "redis-queue.busCertificates" . }}{{ $args = append $args (printf "--bus-tls-secret-name=%s" .) }}{{ end -}}
{{- with include "redis-queue.busServerName" . }}{{ $args = append $args (printf "--bus-tls-server-name=%s" .) }}{{ end -}}
{{- end -}}
{{- if include "redis-queue.can" (list . "workers") -}}
{{- with .Values.workers.secretNames }}{{ $args = append $args (uniq . | join "," | printf "--worker-secret-names=%s") }}{{ end -}}
{{- $args = append $args (printf "--worker-run-as-user=%s" (.Values.workers.runAsUser | default "image" | toString)) -}}
{{- end -}}
{{- if include "redis-queue.can" (list . "storage") -}}
{{- $args = append $args (uniq .Values.storage.secretNames | join "," | printf "--storage-secret-names=%s") -}}
{{- $args = append $args (printf "--pod-identity=%t" .Values.storage.podIdentity) -}}
{{- if include "redis-queue.backupVolume" . }}{{ $args = append $args "--volume-directory=/backups" }}{{ end -}}
{{- end -}}
{{- if include "redis-queue.servesWebhooks" . -}}
{{- $args = append $args (printf "--webhook-name=%s" (include "redis-queue.webhookName" .)) -}}
{{- $args = append $args (printf "--webhook-port=%v" .Values.webhooks.port) -}}
{{- $args = append $args (printf "--webhook-certificates=%s" (empty .Values.webhooks.certManagerCertificate | ternary "own" "secret")) -}}
{{- end -}}
{{- with include "redis-queue.namespaces" . | fromJsonArray }}{{ $args = append $args (join "," . | printf "--namespace-scope=%s") }}{{ end -}}
{{- $settings := splitList "," (nospace (index (.Chart.Annotations | default dict) "redis-queue.io/settings" | default "")) | compact -}}
{{- range $settings -}}
{{- $value := get $.Values . | toString -}}
{{- if $value }}{{ $args = append $args (printf "--%s=%s" (kebabcase .) $value) }}{{ end -}}
{{- end -}}
{{- $own := list "release-finalizers" "unless-deployment" "http-port" "lease-name" "log-level" "redis-secret-names" "bus-secret-name" "bus-tls" "bus-tls-secret-name" "bus-tls-server-name" "worker-secret-names" "worker-run-as-user" "storage-secret-names" "pod-identity" "volume-directory" "webhook-name" "webhook-port" "webhook-certificates" "namespace-scope" -}}
{{- range $settings }}{{ $own = append $own (kebabcase .) }}{{ end -}}
{{- range .Values.extraArgs -}}
{{- $flag := splitList "=" . | first | trimPrefix "--" -}}
{{- if has $flag $own -}}
{{- fail (printf "extraArgs of the chart %s has --%s, which the chart sets itself: from a value, or to fit its ports and rights; take it out" $.Chart.Name $flag) -}}
{{- else if eq $flag "lease-namespace" -}}
{{- fail (printf "extraArgs of the chart %s has --lease-namespace: the right to the Lease is in the namespace of the release, so the controller could never lead; take it out" $.Chart.Name) -}}
{{- else if and (eq $flag "leader-elect") (ne . "--leader-elect=true") -}}
{{- fail (printf "extraArgs of the chart %s has %s: a rollout lets the old and the new pod overlap, and without an election both would act; take it out" $.Chart.Name .) -}}
{{- else if not (has $flag (list "kubeconfig" "leader-elect")) -}}
{{- fail (printf "extraArgs of the chart %s has --%s, which the %s does not have, so no pod would start; take it out" $.Chart.Name $flag $.Chart.Name) -}}
{{- end -}}
{{- $args = append $args . -}}
{{- end -}}
{{- toYaml $args -}}
{{- end -}}
