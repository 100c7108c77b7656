{{/* Names and labels of all resources. */}}

{{- define "coxswain.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for suffixes: the names of a Job's pods have at most 63 characters. */}}
{{- define "coxswain.fullname" -}}
{{- $name := include "coxswain.name" . }}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The coordinator's Service, by which workers find it, and its StatefulSet. */}}
{{- define "coxswain.coordinator" -}}
{{ include "coxswain.fullname" . }}-coordinator
{{- end }}

{{- define "coxswain.serviceAccount" -}}
{{- default (.Values.serviceAccount.create | ternary (include "coxswain.fullname" .) "default") .Values.serviceAccount.name }}
{{- end }}

{{- define "coxswain.tokenSecret" -}}
{{- default (printf "%s-token" (include "coxswain.fullname" .)) .Values.auth.existingSecret }}
{{- end }}

{{- define "coxswain.tlsSecret" -}}
{{- default (printf "%s-tls" (include "coxswain.fullname" .)) .Values.tls.existingSecret }}
{{- end }}

{{- define "coxswain.cacheClaim" -}}
{{- default (printf "%s-cache" (include "coxswain.fullname" .)) .Values.cache.pvc.existingClaim }}
{{- end }}

{{/* Selector labels of pods; must never change. Takes a dict of root and component. */}}
{{- define "coxswain.selector" -}}
app.kubernetes.io/name: {{ include "coxswain.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/*
Labels of all resources except pods, which a new version of the chart must not restart. Takes a dict of root and
component.
*/}}
{{- define "coxswain.labels" -}}
{{ include "coxswain.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}
