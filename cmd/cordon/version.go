package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"cordon/integration/wire"
)

// version is set by the linker (-X main.version=…); a plain build is "dev".
var version = "dev"

// thisBuild is the version of this binary.
func thisBuild() wire.Version {
	b := wire.Version{Version: version, Go: runtime.Version()}
	info, _ := debug.ReadBuildInfo() // nil only in a binary built without modules
	if info == nil {
		return b
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.time":
			b.Built = setting.Value
		}
	}
	return b
}

// newVersion is "cordon version".
func newVersion(sh *shell) *cobra.Command {
	r := &remote{shell: sh}
	c := &cobra.Command{
		Use: "version", Short: "Show the version of this build", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return r.printVersion(thisBuild()) },
	}
	c.Flags().StringVarP(&r.output, "output", "o", formatTable, "output: table, json, yaml, name")
	return c
}

func (r *remote) printVersion(b wire.Version) error {
	if err := checkFormat(r.output); err != nil {
		return err
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return r.print(printed{raw: raw, names: []string{b.Version}, text: func(w io.Writer) {
		fmt.Fprintf(w, "cordon %s, commit %s, %s\n", b.Version, cmp.Or(b.Commit, "unknown"), b.Go)
	}})
}
