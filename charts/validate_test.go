package charts

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatCannotWorkIsRefusedWithItsName(t *testing.T) {
	t.Parallel()
	for doc, why := range map[string]string{
		`database: {url: {existingSecret: null}}`:                                                                "database.url: say where it is",
		`redis: {url: {existingSecret: null}}`:                                                                   "redis.url: say where it is",
		`encryptionKey: {existingSecret: null}`:                                                                  "encryptionKey: say where it is",
		`upstreams: {hulu-1: {credentials: {more: {}}}}`:                                                         "upstreams.hulu-1.credentials.more: say where it is",
		`redis: {url: {existingSecret: null, remoteRef: {key: x}}}`:                                              "externalSecrets.secretStoreRef.name",
		`upstreams: {hulu-1: {credentials: {api_key: {value: x}}}}`:                                              "upstreams.hulu-1.credentials.api_key: is in more than one place",
		`networkPolicy: {database: {peers: []}}`:                                                                 "networkPolicy.database.peers: say where it is",
		`networkPolicy: {redis: {peers: []}}`:                                                                    "networkPolicy.redis.peers: say where it is",
		`upstreams: {hulu-1: {config: {timeout: 30s}}}`:                                                          "upstreams.hulu-1.config.timeout: 30s must be shorter than config.worker.shutdown_timeout (30000ms)",
		`config: {worker: {shutdown_timeout: 20000ms}}`:                                                          "upstreams.hulu-1.config.timeout: 20s must be shorter",
		`upstreams: {hulu-1: {terminationGracePeriodSeconds: 39}}`:                                               "upstreams.hulu-1.terminationGracePeriodSeconds: 39 is not 10 seconds more",
		`workers: {terminationGracePeriodSeconds: 30}`:                                                           "upstreams.hilir-2.terminationGracePeriodSeconds: 30 is not 10 seconds more",
		`webhooks: {terminationGracePeriodSeconds: 30}`:                                                          "webhooks.terminationGracePeriodSeconds: 30 is not 10 seconds more",
		`api: {terminationGracePeriodSeconds: 59}`:                                                               "api.terminationGracePeriodSeconds: at least api.drainNotice (10s) and 50 seconds",
		`api: {drainNotice: 11s}`:                                                                                "api.terminationGracePeriodSeconds: at least api.drainNotice (11s) and 50 seconds",
		`api: {autoscaling: {minReplicas: 11}}`:                                                                  "api.autoscaling.maxReplicas: less than minReplicas",
		`api: {ingress: {enabled: true}}`:                                                                        "api.ingress.hosts: at least one",
		`api: {httpRoute: {enabled: true}}`:                                                                      "api.httpRoute.parentRefs: at least one",
		`workers: {autoscaling: {enabled: true}}`:                                                                "autoscaling.keda.serverAddress",
		`webhooks: {autoscaling: {enabled: true}}`:                                                               "autoscaling.keda.serverAddress",
		`{workers: {autoscaling: {enabled: true, minReplicas: 0}}, autoscaling: {provider: external}}`:           "upstreams.hulu-1.autoscaling.minReplicas: 0 needs autoscaling.provider=keda",
		`upstreams: {hulu-1: {autoscaling: {enabled: true, minReplicas: 3}}}`:                                    "upstreams.hulu-1.autoscaling.minReplicas: its budget can use 2 workers (with the spare), not 3",
		`upstreams: {hulu-1: {config: {provides: [ppob, check]}, autoscaling: {enabled: true, minReplicas: 0}}}`: "upstreams.hulu-1.autoscaling.minReplicas: 0 is not for one that provides check",
		`upstreams: {hulu-1: {autoscaling: {enabled: true, minReplicas: 2, maxReplicas: 1}}}`:                    "upstreams.hulu-1.autoscaling.maxReplicas: less than minReplicas",
	} {
		_, err := try(t, two, doc)
		require.ErrorContains(t, err, why, doc)
	}
}

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := try(t)
	for _, name := range []string{"database.url:", "redis.url:", "encryptionKey:", "networkPolicy.database.peers:", "networkPolicy.redis.peers:"} {
		require.ErrorContains(t, err, name)
	}
	_, err = try(t, base)
	require.NoError(t, err, "an installation may begin without upstreams")
}
