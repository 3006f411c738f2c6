{{/* The budget of each driver, as muara takes it where none is configured. `make generate` writes this file. */}}
{{- define "muara.drivers" -}}
{"digiflazz": {"per":"1s","requests":20},
 "invoice": {"per":"1s","requests":20},
 "muara": {"per":"60s","requests":120},
 "rqid": {"per":"1s","requests":20},
 "rumahotp": {"per":"10s","requests":5},
 "sandbox": {"per":"1s","requests":200},
 "smm": {"per":"1s","requests":20}}
{{- end -}}
