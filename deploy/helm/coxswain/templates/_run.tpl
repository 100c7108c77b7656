{{/* The run file: its text, and the parts that the chart needs. */}}

{{- define "coxswain.runText" -}}
{{- if kindIs "string" .Values.run }}{{ .Values.run }}{{ else }}{{ toYaml .Values.run }}{{ end }}
{{- end }}

{{/* As JSON, after validation. */}}
{{- define "coxswain.run" -}}
{{- if not .Values.run }}
{{- fail "run: the run file is missing. Set it with --set-file run=run.yaml, or as a map under `run:` of a values file (examples/quickstart.yaml)" }}
{{- end }}
{{- $run := fromYaml (include "coxswain.runText" .) }}
{{- if $run.Error }}
{{- fail (printf "run: not a YAML map: %s" $run.Error) }}
{{- end }}
{{- $cluster := $run.cluster | default dict }}
{{- if $cluster.token }}
{{- fail "run.cluster.token: secrets must not be stored in a ConfigMap. Set auth.token or auth.existingSecret instead" }}
{{- end }}
{{- if $cluster.tls }}
{{- fail "run.cluster.tls: the chart sets it. Set tls.enabled, and tls.existingSecret or tls.certManager, instead" }}
{{- end }}
{{- range $secret := list "password" "token" }}
{{- if get ((($run.telemetry | default dict).nats) | default dict) $secret }}
{{- fail (printf "run.telemetry.nats.%s: secrets must not be stored in a ConfigMap. Set nats.existingSecret and nats.auth instead" $secret) }}
{{- end }}
{{- end }}
{{- if and (eq .Values.worker.kind "Job") (kindIs "float64" .Values.worker.count) ($cluster.min_workers) }}
{{- if gt (int $cluster.min_workers) (mul (int .Values.worker.count) (max 1 (int .Values.worker.gpu.count)) | int) }}
{{- fail (printf "run.cluster.min_workers is %d, but worker.count and worker.gpu.count start fewer workers: no step would ever begin" (int $cluster.min_workers)) }}
{{- end }}
{{- end }}
{{- toJson $run }}
{{- end }}

{{/*
Threads of a CPU worker if the run does not set them: the whole CPUs of its limit, otherwise of its request. The program
would use the coordinator's number. Empty if the run sets them, or for GPU workers.
*/}}
{{- define "coxswain.threads" -}}
{{- $run := include "coxswain.run" . | fromJson }}
{{- $said := ($run.compute | default dict).threads | default "auto" }}
{{- if and (eq (toString $said) "auto") (eq (int .Values.worker.gpu.count) 0) }}
{{- $resources := .Values.worker.resources | default dict }}
{{- $cpu := ($resources.limits | default dict).cpu | default (($resources.requests | default dict).cpu) | default "1" | toString }}
{{- if hasSuffix "m" $cpu }}{{ max 1 (div (trimSuffix "m" $cpu | int) 1000) }}{{ else }}{{ max 1 (floor (float64 $cpu) | int) }}{{ end }}
{{- end }}
{{- end }}
