// Modules whose files are read, not their code: the definitions of the resources that are not Kubernetes' own.
module github.com/muarahq/muara/charts/tools/crds

go 1.26.0

require (
	github.com/external-secrets/external-secrets v1.3.2 // config/crds/bases
	github.com/kedacore/keda/v2 v2.21.0 // config/crd/bases
	sigs.k8s.io/gateway-api v1.6.3 // config/crd/standard
)
