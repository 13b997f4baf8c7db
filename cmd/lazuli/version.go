package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionInfo is what the program knows of itself. Its JSON is that of `lazuli version --json`.
type versionInfo struct {
	Version  string `json:"version"`          // of the module, "(devel)" for a build that is no release
	Commit   string `json:"commit,omitempty"` // absent when it was built outside a checkout
	Modified bool   `json:"modified"`         // whether the checkout differed from the commit
	Go       string `json:"go"`
	Platform string `json:"platform"` // operating system/architecture
}

func newVersionCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Tell which release this is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := buildVersion()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), v)
			}
			fmt.Fprintln(cmd.OutOrStdout(), v)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func (v versionInfo) String() string {
	commit := v.Commit
	if commit == "" {
		commit = "unknown commit"
	}
	if v.Modified {
		commit += " with changes"
	}
	return fmt.Sprintf("lazuli %s (%s) %s %s", v.Version, commit, v.Go, v.Platform)
}

// buildVersion reads what the Go toolchain wrote into the binary.
func buildVersion() versionInfo {
	v := versionInfo{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
