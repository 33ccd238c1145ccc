package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/app"
	"cordon/cmd/cordon/lab/dialects"
)

// newBNG is "cordon bng".
func newBNG(sh *shell) *cobra.Command {
	r := &remote{shell: sh}
	g := group("bng", "Show, test and maintain the configured BNGs",
		newBNGList(r), newBNGDiscover(r), newBNGMaintenance(r), newBNGSnippet(sh), newBNGTest(r), newBNGProve(r))
	r.flags(g)
	return g
}

func newBNGSnippet(sh *shell) *cobra.Command {
	var file string
	var reveal bool
	c := &cobra.Command{
		Use: "snippet NAME -c FILE", Short: "Print the configuration that a BNG needs to accept our requests", Args: cobra.ExactArgs(1),
		Example: "  cordon bng snippet bng1 -c /etc/cordon/cordon.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			if file == "" {
				return usage("-c FILE is required")
			}
			cfg, parts, err := app.LoadToProve(file)
			if err != nil {
				return failed("cordon check config "+file, "%w", err)
			}
			text, err := dialects.Snippet(cfg, parts, args[0], reveal)
			if err != nil {
				return failed("cordon dialect list", "%w", err)
			}
			_, err = fmt.Fprint(sh.out, text)
			return err
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "configuration file")
	c.Flags().BoolVar(&reveal, "reveal", false, "print the secret in clear")
	return c
}
