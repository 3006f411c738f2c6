package charts

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

func TestMigrationsNeedNothingThatIsNotThereBeforeTheRelease(t *testing.T) {
	t.Parallel()
	for name, docs := range map[string][]string{
		"existing": {two}, "inline": {two, `database: {url: {value: "postgres://x", existingSecret: null}}`}, "fetched": {mixed},
	} {
		r := render(t, docs...)
		require.Len(t, r.jobs(), 1, name)
		job := r.jobs()[0]
		require.Equal(t, "pre-install,pre-upgrade", job.Annotations["helm.sh/hook"])
		spec := job.Spec.Template.Spec
		require.Equal(t, "default", spec.ServiceAccountName, "it is there in every namespace")
		require.Equal(t, []string{"migrate", "up"}, spec.Containers[0].Args, "without a file: the environment says everything")
		require.Equal(t, []corev1.EnvVar{{Name: "MUARA_DATABASE_URL_FILE", Value: "/run/muara/database-url"}}, spec.Containers[0].Env)
		require.Equal(t, corev1.RestartPolicyNever, spec.RestartPolicy)

		// What it reads is a user's, or a hook that comes earlier.
		early := map[string]bool{}
		for _, o := range r.objects {
			m := o.(meta)
			if m.GetAnnotations()["helm.sh/hook"] == "pre-install,pre-upgrade" && m.GetAnnotations()["helm.sh/hook-weight"] == "-10" {
				early[m.GetName()] = true
				require.Equal(t, "before-hook-creation,hook-succeeded", m.GetAnnotations()["helm.sh/hook-delete-policy"], "it is left to nobody")
			}
		}
		require.Len(t, spec.Volumes, 1)
		for file, from := range sources(t, spec) {
			require.Equal(t, "/run/muara/database-url", file)
			want := map[string]string{"existing": "servers/db", "inline": prefix + "migrate/database-url", "fetched": prefix + "migrate-external/database-url"}
			require.Equal(t, want[name], from)
		}
		require.Equal(t, name != "existing", early[prefix+"migrate"+map[string]string{"inline": "", "fetched": "-external"}[name]] && name != "existing", name)
	}
}

func TestMigrationsReachTheDatabaseAlone(t *testing.T) {
	t.Parallel()
	policy := one[*networkingv1.NetworkPolicy](render(t, two), prefix+"migrate")
	require.Equal(t, "-10", policy.Annotations["helm.sh/hook-weight"], "before the Job")
	require.Empty(t, policy.Spec.Ingress)
	require.Equal(t, []string{"dns", "10.9.0.1/32:5432"}, reaches(policy.Spec.Egress))
}

func TestMigrationsGoPastAPooler(t *testing.T) {
	t.Parallel()
	r := render(t, two, `database: {directURL: {existingSecret: {name: servers, key: direct}}}`)
	require.Equal(t, map[string]string{"/run/muara/database-url": "servers/direct"}, sources(t, r.jobs()[0].Spec.Template.Spec))
	require.Equal(t, "servers/db", sources(t, r.deployment("api").Spec.Template.Spec)["/run/muara/database-url"])
	require.Empty(t, render(t, two, `migrate: {enabled: false}`).jobs())
}
