package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/lab/dialects"
	"cordon/cmd/cordon/lab/radclient"
)

// newCoA is "cordon coa".
func newCoA(sh *shell) *cobra.Command {
	var r dialects.Rendering
	render := &cobra.Command{
		Use: "render", Short: "Print the packets of a dialect without sending them", Args: cobra.NoArgs,
		Example: "  cordon coa render --dialect junos --action restrict --restricted GARDEN --normal overlay \\\n" +
			"    --session 'User-Name=alice,Acct-Session-Id=42'",
		RunE: func(*cobra.Command, []string) error {
			if r.Dialect == "" || r.Session == "" {
				return usage("--dialect and --session are required")
			}
			text, err := dialects.Render(r)
			if err != nil {
				return failed("cordon coa render --help, cordon dialect list, cordon dialect show NAME", "%w", err)
			}
			_, err = fmt.Fprint(sh.out, text)
			return err
		},
	}
	f := render.Flags()
	f.StringVar(&r.Dialect, "dialect", "", "dialect; see cordon dialect list")
	f.StringVar(&r.Action, "action", "restrict", "restrict, restore or disconnect")
	f.StringVar(&r.Restricted, "restricted", "", "name of the restricted profile on the BNG")
	f.StringVar(&r.Normal, "normal", "overlay", "name of the normal profile, or overlay")
	f.StringVar(&r.Session, "session", "", "attributes of the session, in radclient's syntax")
	f.StringToStringVar(&r.Options, "option", nil, "dialect option, name=value; may be repeated")
	f.BoolVar(&r.Hex, "hex", false, "print the attributes in hexadecimal")
	return group("coa", "Print or send CoA packets directly", render, newCoASend(sh))
}

// newCoASend is "cordon coa send".
func newCoASend(sh *shell) *cobra.Command {
	var s radclient.Sending
	var file string
	c := &cobra.Command{
		Use: "send HOST[:PORT] coa|disconnect", Short: "Send requests as radclient does, and print the replies", Args: cobra.ExactArgs(2),
		Long: "Reads attributes from standard input, or from a file, in radclient's syntax, with a blank line between packets.\n" +
			"They are sent to the BNG directly, outside of any case, and not undone.",
		Example: "  echo 'User-Name=alice, Acct-Session-Id=42, Filter-Id=GARDEN' | cordon coa send -S bng1.secret 192.0.2.1 coa",
		RunE: func(c *cobra.Command, args []string) error {
			input, err := readInput(sh, file)
			if err != nil {
				return err
			}
			s.Target, s.Kind, s.Input = args[0], args[1], input
			if s.Secret == "" && s.SecretFile == "" {
				return usage("-S FILE or --secret is required")
			}
			sent, err := s.Send(c.Context(), sh.out)
			switch {
			case err != nil:
				return failed("", "%w", err)
			case sent.Refused+sent.Unanswered == 0:
				return nil
			case sent.Acked > 0:
				return &exitError{code: exitPartly, err: fmt.Errorf("%d acked, %d refused, %d unanswered", sent.Acked, sent.Refused, sent.Unanswered)}
			case sent.Refused == 0:
				return &exitError{code: exitUnreachable, err: errors.New("no reply"),
					next: "check address, port and secret, and that the BNG accepts requests from this host"}
			}
			return failed("", "refused")
		},
	}
	f := c.Flags()
	f.StringVarP(&file, "file", "f", "-", "file with the attributes, - for standard input")
	f.StringVarP(&s.SecretFile, "secret-file", "S", "", "file with the shared secret")
	f.StringVar(&s.Secret, "secret", "", "shared secret (visible to other users of this host: better -S)")
	f.DurationVarP(&s.Timeout, "timeout", "t", 0, "timeout of each request, retransmissions included (default 30s)")
	f.BoolVar(&s.Plain, "plain", false, "omit Message-Authenticator and Event-Timestamp")
	return c
}

func readInput(sh *shell, file string) (string, error) {
	if file == "-" {
		data, err := io.ReadAll(sh.in)
		return string(data), err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", failed("", "%w", err)
	}
	return string(data), nil
}

// newDialect is "cordon dialect".
func newDialect(sh *shell) *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List the dialects", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			t := table{header: []string{"NAME", "SUPPORT", "FOR"}}
			for _, d := range dialects.List() {
				support := string(d.Support)
				if d.Experimental {
					support = "experimental"
				}
				t.add(d.Name, support, d.Title)
			}
			return t.write(sh.out, true)
		},
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Show what a dialect sends and needs, and its known limits", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := dialects.Text(args[0])
			if err != nil {
				return failed("cordon dialect list", "%w", err)
			}
			_, err = fmt.Fprint(sh.out, text)
			return err
		},
	}
	return group("dialect", "Show how each platform is restricted and restored", list, show)
}
