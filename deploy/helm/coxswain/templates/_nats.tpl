{{/*
Runs over NATS: the coordinator's settings of the server, and its credentials from Secrets. Workers get none: within a
release they find the coordinator by its Service.
*/}}

{{/* Validates the values; renders nothing. */}}
{{- define "coxswain.natsCheck" -}}
{{- with .Values.nats }}
{{- if and (not .url) (or .run .auth .existingSecret .tls.existingSecret) }}
{{- fail "nats.url: the address of the NATS server is missing" }}
{{- end }}
{{- if and .auth (not .existingSecret) }}
{{- fail (printf "nats.existingSecret: nats.auth=%s requires a Secret with its keys" .auth) }}
{{- end }}
{{- if and .existingSecret (not .auth) }}
{{- fail "nats.auth: set how nats.existingSecret is used: credentials, nkey, password or token" }}
{{- end }}
{{- if ne (eq .auth "password") (not (empty .user)) }}
{{- fail "nats.user: required with nats.auth=password, and not allowed otherwise" }}
{{- end }}
{{- if and .tls.mutual (not .tls.existingSecret) }}
{{- fail "nats.tls.existingSecret: nats.tls.mutual requires a Secret with the certificate" }}
{{- end }}
{{- end }}
{{- end }}

{{/* The run's name in NATS. */}}
{{- define "coxswain.natsRun" -}}
{{ default (include "coxswain.fullname" .) .Values.nats.run }}
{{- end }}

{{- define "coxswain.natsArguments" -}}
{{- include "coxswain.natsCheck" . }}
{{- with .Values.nats }}
{{- if .url }}
- --set=telemetry.nats.url={{ .url }}
- --set=telemetry.nats.run={{ include "coxswain.natsRun" $ }}
# For workers outside of the release.
- --set=telemetry.nats.advertise={{ include "coxswain.coordinator" $ }}.{{ $.Release.Namespace }}.svc
{{- if eq .auth "credentials" }}
- --set=telemetry.nats.credentials=/etc/coxswain/nats/user.creds
{{- else if eq .auth "nkey" }}
- --set=telemetry.nats.nkey=/etc/coxswain/nats/nkey
{{- else if eq .auth "password" }}
- --set=telemetry.nats.user={{ .user }}
{{- end }}
{{- if .tls.existingSecret }}
- --set=telemetry.nats.tls.ca=/etc/coxswain/nats-tls/ca.crt
{{- if .tls.mutual }}
- --set=telemetry.nats.tls.cert=/etc/coxswain/nats-tls/tls.crt
- --set=telemetry.nats.tls.key=/etc/coxswain/nats-tls/tls.key
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "coxswain.natsEnv" -}}
{{- with .Values.nats }}
{{- if has .auth (list "password" "token") }}
- name: COXSWAIN_NATS_{{ upper .auth }}
  valueFrom:
    secretKeyRef: { name: {{ .existingSecret }}, key: {{ .auth }} }
{{- end }}
{{- end }}
{{- end }}

{{- define "coxswain.natsMounts" -}}
{{- with .Values.nats }}
{{- if has .auth (list "credentials" "nkey") }}
- { name: nats, mountPath: /etc/coxswain/nats, readOnly: true }
{{- end }}
{{- if .tls.existingSecret }}
- { name: nats-tls, mountPath: /etc/coxswain/nats-tls, readOnly: true }
{{- end }}
{{- end }}
{{- end }}

{{/* Only the keys of the Secrets that are presented to the server. */}}
{{- define "coxswain.natsVolumes" -}}
{{- with .Values.nats }}
{{- if has .auth (list "credentials" "nkey") }}
{{- $key := eq .auth "nkey" | ternary "nkey" "user.creds" }}
- name: nats
  secret: { secretName: {{ .existingSecret }}, defaultMode: 0440, items: [{ key: {{ $key }}, path: {{ $key }} }] }
{{- end }}
{{- if .tls.existingSecret }}
- name: nats-tls
  secret:
    secretName: {{ .tls.existingSecret }}
    defaultMode: 0440
    {{- if not .tls.mutual }}
    items: [{ key: ca.crt, path: ca.crt }]
    {{- end }}
{{- end }}
{{- end }}
{{- end }}
