{{/* Common parts of the coordinator's and the workers' pods. */}}

{{/* Complies with Pod Security's "restricted". Volumes belong to the group. */}}
{{- define "coxswain.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "coxswain.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* The first lines of a pod's spec. */}}
{{- define "coxswain.podCommon" -}}
serviceAccountName: {{ include "coxswain.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  {{- include "coxswain.podSecurity" . | nindent 2 }}
{{- end }}

{{/* Scheduling constraints. Takes a component's values. */}}
{{- define "coxswain.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "coxswain.tokenEnv" -}}
- name: COXSWAIN_TOKEN
  valueFrom:
    secretKeyRef: { name: {{ include "coxswain.tokenSecret" . }}, key: token }
{{- end }}

{{/* The volume of models, for pods that mount it. */}}
{{- define "coxswain.cacheVolume" -}}
- name: cache
  {{- if eq .Values.cache.type "pvc" }}
  persistentVolumeClaim: { claimName: {{ include "coxswain.cacheClaim" . }} }
  {{- else if eq .Values.cache.type "hostPath" }}
  hostPath: { path: {{ .Values.cache.hostPath.path }}, type: DirectoryOrCreate }
  {{- else if .Values.cache.sizeLimit }}
  emptyDir: { sizeLimit: {{ .Values.cache.sizeLimit }} }
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
