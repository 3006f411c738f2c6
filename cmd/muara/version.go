package main

import (
	"fmt"
	"io"
	"runtime/debug"
)

// version is set by the linker in releases.
var version = "" //nolint:gochecknoglobals // -ldflags -X can set nothing else

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	v := currentVersion()
	return e.Print(map[string]string{"version": v}, func(w io.Writer) { _, _ = fmt.Fprintln(w, "muara "+v) })
}

// currentVersion is the release, or else the commit that was built.
func currentVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	if len(revision) < 12 {
		return "devel"
	}
	return "devel-" + revision[:12] + dirty
}
