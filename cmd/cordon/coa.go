package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/app"
)

// newCoA is "cordon coa".
func newCoA(sh *shell) *cobra.Command {
	var r app.Rendering
	render := &cobra.Command{
		Use: "render", Short: "Show the packets that a dialect would send; nothing is sent", Args: cobra.NoArgs,
		Example: "  cordon coa render --dialect junos --action restrict --restricted GARDEN --normal overlay \\\n" +
			"    --session 'User-Name=alice,Acct-Session-Id=42'",
		RunE: func(*cobra.Command, []string) error {
			if r.Dialect == "" || r.Session == "" {
				return usage("--dialect and --session are required")
			}
			text, err := app.Render(r)
			if err != nil {
				return failed("cordon dialect show "+r.Dialect, "%w", err)
			}
			_, err = fmt.Fprint(sh.out, text)
			return err
		},
	}
	f := render.Flags()
	f.StringVar(&r.Dialect, "dialect", "", "how the BNG is spoken to; see cordon dialect list")
	f.StringVar(&r.Action, "action", "restrict", "restrict, restore or disconnect")
	f.StringVar(&r.Restricted, "restricted", "", "name of the restricted profile on the BNG")
	f.StringVar(&r.Normal, "normal", "overlay", "name of the normal profile, or overlay")
	f.StringVar(&r.Session, "session", "", "attributes of the session, as radclient reads them")
	f.StringToStringVar(&r.Options, "option", nil, "dialect option, name=value; may be repeated")
	f.BoolVar(&r.Hex, "hex", false, "the attributes as octets")
	return group("coa", "See what would be sent to a BNG", render)
}

// newDialect is "cordon dialect".
func newDialect(sh *shell) *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List the dialects", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			t := table{header: []string{"NAME", "FOR"}}
			for _, d := range app.Dialects() {
				t.rows = append(t.rows, []string{d[0], d[1]})
			}
			return t.write(sh.out, true)
		},
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Show what a dialect sends, needs and is known to get wrong", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := app.DialectText(args[0])
			if err != nil {
				return failed("cordon dialect list", "%w", err)
			}
			_, err = fmt.Fprint(sh.out, text)
			return err
		},
	}
	return group("dialect", "How each make of BNG is spoken to", list, show)
}
