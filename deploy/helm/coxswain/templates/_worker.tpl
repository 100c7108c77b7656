{{/* The pod of a worker: the same for a Job and a Deployment except `restartPolicy`. Takes a dict of root and restartPolicy. */}}

{{- define "coxswain.workerImage" -}}
{{- $image := .Values.worker.image }}
{{- $suffix := gt (int .Values.worker.gpu.count) 0 | ternary "-cuda" "" }}
{{- $tag := default (printf "%s%s" (default .Chart.AppVersion .Values.image.tag) $suffix) $image.tag }}
{{- printf "%s:%s" (default .Values.image.repository $image.repository) $tag }}
{{- end }}

{{- define "coxswain.workerArguments" -}}
- worker
- --coordinator={{ include "coxswain.coordinator" . }}:7070
- --listen=0.0.0.0:7071
- --http=0.0.0.0:9464
- --reconnect-timeout={{ .Values.worker.reconnectSeconds }}
{{- if eq .Values.worker.kind "Deployment" }}
# A Deployment would restart it.
- --stay
{{- end }}
{{- if gt (int .Values.worker.gpu.count) 1 }}
# One process per GPU; ports are incremented.
- --devices=all
{{- else if eq (int .Values.worker.gpu.count) 1 }}
- --device=cuda
{{- end }}
{{- if .Values.tls.enabled }}
- --tls-ca=/etc/coxswain/tls/ca.crt
{{- if .Values.tls.mutual }}
- --tls-cert=/etc/coxswain/tls/tls.crt
- --tls-key=/etc/coxswain/tls/tls.key
{{- end }}
{{- end }}
{{- end }}

{{- define "coxswain.workerTolerations" -}}
{{- $tolerations := .Values.worker.tolerations }}
{{- if gt (int .Values.worker.gpu.count) 0 }}
{{- $tolerations = concat .Values.worker.gpu.tolerations $tolerations }}
{{- end }}
{{- with $tolerations }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* Memory and CPUs as configured, and GPUs as a limit, which implies the request. */}}
{{- define "coxswain.workerResources" -}}
{{- $resources := .Values.worker.resources | default dict | deepCopy }}
{{- with .Values.worker.gpu }}
{{- if gt (int .count) 0 }}
{{- $limits := merge (dict .resource (int .count)) ($resources.limits | default dict) }}
{{- $resources = set $resources "limits" $limits }}
{{- end }}
{{- end }}
{{- with $resources }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- define "coxswain.workerPod" -}}
{{- $root := .root }}
{{- $labels := dict "root" $root "component" "worker" }}
{{- with $root }}
metadata:
  labels:
    {{- include "coxswain.selector" $labels | nindent 4 }}
    {{- with .Values.worker.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: worker
    checksum/token: {{ .Values.auth.token | sha256sum }}
    {{- with .Values.worker.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "coxswain.podCommon" . | nindent 2 }}
  restartPolicy: {{ $.restartPolicy }}
  terminationGracePeriodSeconds: {{ .Values.worker.terminationGracePeriodSeconds }}
  {{- with .Values.worker.gpu.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  containers:
    - name: worker
      image: {{ include "coxswain.workerImage" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        {{- include "coxswain.workerArguments" . | nindent 8 }}
      env:
        {{- include "coxswain.tokenEnv" . | nindent 8 }}
        {{- with .Values.worker.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        {{- range $index := until (max 1 (int .Values.worker.gpu.count) | int) }}
        {{- $suffix := eq $index 0 | ternary "" (printf "-%d" $index) }}
        - { name: sums{{ $suffix }}, containerPort: {{ add 7071 $index }} }
        - { name: metrics{{ $suffix }}, containerPort: {{ add 9464 $index }} }
        {{- end }}
      readinessProbe:
        httpGet: { path: /readyz, port: metrics }
        periodSeconds: 10
        timeoutSeconds: 5
      livenessProbe:
        httpGet: { path: /healthz, port: metrics }
        initialDelaySeconds: 30
        periodSeconds: 20
        timeoutSeconds: 10
        failureThreshold: 6
      {{- with include "coxswain.workerResources" . }}
      resources:
        {{- . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "coxswain.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - { name: cache, mountPath: /cache }
        - { name: tmp, mountPath: /tmp }
        - { name: shm, mountPath: /dev/shm }
        {{- if .Values.tls.enabled }}
        - { name: tls, mountPath: /etc/coxswain/tls, readOnly: true }
        {{- end }}
        {{- with .Values.worker.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- include "coxswain.cacheVolume" . | nindent 4 }}
    - name: tmp
      emptyDir: {}
    - name: shm
      emptyDir: { medium: Memory, sizeLimit: {{ .Values.worker.shm.sizeLimit }} }
    {{- if .Values.tls.enabled }}
    - name: tls
      secret:
        secretName: {{ include "coxswain.tlsSecret" . }}
        defaultMode: 0440
        {{- if not .Values.tls.mutual }}
        # The coordinator's key is mounted only in the coordinator.
        items: [{ key: ca.crt, path: ca.crt }]
        {{- end }}
    {{- end }}
    {{- with .Values.worker.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with include "coxswain.placement" .Values.worker }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "coxswain.workerTolerations" . }}
  tolerations:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .Values.worker.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    {{- $own := dict "labelSelector" (dict "matchLabels" (include "coxswain.selector" $labels | fromYaml)) }}
    - {{- merge (deepCopy .) $own | toYaml | nindent 6 }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}
