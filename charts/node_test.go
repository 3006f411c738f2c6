package charts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/muarahq/muara/pkg/testproc"
)

// node runs pods of a release as processes: with their own arguments, environment and mounted files and nothing of ours, at an
// address of their own. What it cannot do is isolate them: policies and users are the cluster's.
type node struct {
	t       *testing.T
	release *release
	bin     string
	// secrets by name and key, as they would be in the namespace.
	secrets map[string]map[string]string
	count   atomic.Int64
}

// running is a started pod.
type running struct {
	*testproc.Process
	t    *testing.T
	name string
	root string // of its files
	ip   string
	spec corev1.PodSpec
	log  string
	env  []string
}

func newNode(t *testing.T, r *release, secrets map[string]map[string]string) *node {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "muara")
	out, err := output(t, "..", "", "go", "build", "-buildvcs=false", "-o", bin, "./cmd/muara")
	require.NoError(t, err, out)
	for _, s := range all[*corev1.Secret](r) {
		secrets[s.Name] = s.StringData
	}
	return &node{t: t, release: r, bin: bin, secrets: secrets}
}

// address gives each pod one of the loopback's, apart from those of other test processes.
func (n *node) address() string {
	i, pid := n.count.Add(1), os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 64+pid/256%128, pid%256, i)
}

// mount writes what a volume holds below the pod's root.
func (n *node) mount(root string, spec corev1.PodSpec, m corev1.VolumeMount, rewrite func(string) string) {
	n.t.Helper()
	write := func(name, content string) {
		at := filepath.Join(root, m.MountPath, name)
		require.NoError(n.t, os.MkdirAll(filepath.Dir(at), 0o700))
		require.NoError(n.t, os.WriteFile(at, []byte(content), 0o400))
	}
	i := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
	require.GreaterOrEqual(n.t, i, 0, m.Name)
	v := spec.Volumes[i]
	if v.ConfigMap != nil {
		for name, content := range one[*corev1.ConfigMap](n.release, v.ConfigMap.Name).Data {
			write(name, rewrite(content))
		}
	}
	if v.Projected != nil {
		for _, s := range v.Projected.Sources {
			if s.Secret == nil {
				continue // the operator's way into the cluster
			}
			for _, item := range s.Secret.Items {
				content, ok := n.secrets[s.Secret.Name][item.Key]
				require.True(n.t, ok, "no key %s in secret %s", item.Key, s.Secret.Name)
				write(item.Path, content)
			}
		}
	}
}

var listen = regexp.MustCompile(`(listen: )"?:(\d+)"?`)

// start runs a pod's one container. Its root and its address are those of a process of this machine: paths below the mounts are
// moved, and what would listen everywhere listens at the pod's address.
func (n *node) start(name string, spec corev1.PodSpec) *running {
	n.t.Helper()
	require.Len(n.t, spec.Containers, 1)
	c := spec.Containers[0]
	p := &running{t: n.t, name: name, root: n.t.TempDir(), ip: n.address(), spec: spec}
	move := func(s string) string {
		for _, m := range c.VolumeMounts {
			s = strings.ReplaceAll(s, m.MountPath+"/", filepath.Join(p.root, m.MountPath)+"/")
		}
		return s
	}
	for _, m := range c.VolumeMounts {
		n.mount(p.root, spec, m, func(s string) string { return listen.ReplaceAllString(move(s), `${1}"`+p.ip+`:${2}"`) })
	}
	cmd := exec.Command(n.bin)
	for _, a := range c.Args {
		cmd.Args = append(cmd.Args, move(a))
	}
	for _, e := range c.Env {
		p.env = append(p.env, e.Name+"="+move(e.Value))
	}
	p.run(cmd)
	return p
}

// run starts the process in the pod, with its output in a file that is shown when the test fails.
func (p *running) run(cmd *exec.Cmd) {
	p.t.Helper()
	p.log = filepath.Join(p.root, "log")
	f, err := os.Create(p.log)
	require.NoError(p.t, err)
	defer f.Close()
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.root, p.env, f, f
	p.t.Cleanup(func() {
		if p.t.Failed() {
			b, _ := os.ReadFile(p.log)
			p.t.Logf("end of %s:\n%s", p.name, b[max(0, len(b)-4000):])
		}
	})
	p.Process = testproc.Start(p.t, cmd)
}

// url is where a named port of the pod answers.
func (p *running) url(port, path string) string {
	p.t.Helper()
	ports := p.spec.Containers[0].Ports
	i := slices.IndexFunc(ports, func(x corev1.ContainerPort) bool { return x.Name == port })
	require.GreaterOrEqual(p.t, i, 0, "%s has no port %s", p.name, port)
	return fmt.Sprintf("http://%s:%d%s", p.ip, ports[i].ContainerPort, path)
}

// probe asks as the kubelet does, and gives the status; 0 where nothing answers.
func (p *running) probe(probe *corev1.Probe) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(probe.TimeoutSeconds)*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url(probe.HTTPGet.Port.String(), probe.HTTPGet.Path), nil)
	require.NoError(p.t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (p *running) live() int  { return p.probe(p.spec.Containers[0].LivenessProbe) }
func (p *running) ready() int { return p.probe(p.spec.Containers[0].ReadinessProbe) }

// until waits for a condition of the pod's, which must live meanwhile.
func (p *running) until(what string, done func() bool) {
	p.t.Helper()
	until(p.t, 60*time.Second, p.name+" "+what, func() bool {
		require.True(p.t, p.Running(), "%s has ended", p.name)
		return done()
	})
}

// awaitReady waits until the pod's probes say what they must, in their order.
func (p *running) awaitReady() {
	p.t.Helper()
	p.until("lives", func() bool { return p.live() == http.StatusOK })
	p.until("is ready", func() bool { return p.ready() == http.StatusOK })
}

// remove ends the pod as a node does: SIGTERM, and its grace. It gives how long that took.
func (p *running) remove() time.Duration {
	p.t.Helper()
	began := time.Now()
	require.NoError(p.t, syscall.Kill(p.PID(), syscall.SIGTERM))
	select {
	case <-p.Done():
	case <-time.After(time.Duration(*p.spec.TerminationGracePeriodSeconds) * time.Second):
		require.Fail(p.t, "was still there after its grace", p.name)
	}
	require.NoError(p.t, p.Stop(syscall.SIGTERM), "%s did not end well", p.name)
	return time.Since(began)
}

// finish waits until a pod that is a task has ended well.
func (p *running) finish() {
	p.t.Helper()
	select {
	case <-p.Done():
	case <-time.After(60 * time.Second):
		require.Fail(p.t, "does not end", p.name)
	}
	require.NoError(p.t, p.Stop(syscall.SIGTERM), "%s did not end well", p.name)
}

// exec runs a command of an operator in the pod, as `kubectl exec` would, and decodes its one JSON object.
func (p *running) exec(out any, args ...string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), p.cmdPath(), append([]string{"--config", filepath.Join(p.root, "etc/muara/muara.yaml"), "--json"}, args...)...)
	cmd.Dir, cmd.Env = p.root, p.env
	var errs strings.Builder
	cmd.Stderr = &errs
	raw, err := cmd.Output()
	require.NoError(p.t, err, "muara %v: %s", args, errs.String())
	if out != nil {
		require.NoError(p.t, json.Unmarshal(raw, out))
	}
}

func (p *running) cmdPath() string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.PID()))
	require.NoError(p.t, err)
	return path
}

// until waits for a condition; the deadline fails the test and says what was waited for.
func until(t testing.TB, limit time.Duration, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s in vain until %s", limit, what)
		}
	}
}
