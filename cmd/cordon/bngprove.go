package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/app"
	"cordon/cmd/cordon/lab/prove"
)

func newBNGProve(r *remote) *cobra.Command {
	p := prove.Proving{}
	var file string
	var ask bool
	c := &cobra.Command{
		Use: "prove NAME -c FILE --session ID", Short: "Restrict a test line, look, restore it, look again, and keep what was seen", Args: cobra.ExactArgs(1),
		Long: "Sends the BNG what a case would send for one session: THE LINE IS RESTRICTED for as long as the looks take.\n" +
			"The proof is kept below journal.dir; an experimental dialect needs it before it may enforce.\n" +
			"Copy the file to the other instances.",
		Example: "  cordon bng prove bng1 -c /etc/cordon/cordon.yaml --session 0000001a --profile walled-garden --ask",
		RunE: func(c *cobra.Command, args []string) error {
			if file == "" || p.Session == "" {
				return usage("name the configuration with -c FILE, and the test line's session with --session")
			}
			if err := checkFormat(r.output); err != nil {
				return err
			}
			cfg, parts, err := app.LoadToProve(file)
			if err != nil {
				return failed("cordon check config "+file, "%w", err)
			}
			p.BNG, p.Out = args[0], r.out
			if r.output == formatJSON {
				p.Out = r.err
			}
			if ask {
				p.Ask = r.ask
			}
			proved, err := p.Prove(c.Context(), cfg, parts)
			if err != nil {
				return failed("cordon bng list, cordon session find", "%w", err)
			}
			return r.reportProofs(proved)
		},
	}
	f := c.Flags()
	f.StringVarP(&file, "config", "c", "", "configuration file")
	f.StringVar(&p.Session, "session", "", "Acct-Session-Id of the test line, or its attributes as radclient reads them")
	f.StringVar(&p.Profile, "profile", "", "profile to try, or disconnect (default: every profile of the BNG, one after the other)")
	f.DurationVar(&p.Wait, "wait", 20*time.Second, "how long the network has to show a change; longer than an Interim interval where only accounting shows it")
	f.BoolVar(&ask, "ask", false, "ask the person at the terminal where nothing else shows it")
	f.BoolVarP(&p.Verbose, "verbose", "v", false, "show every packet")
	return c
}

// ask puts a question to the person at the terminal; only yes is a yes.
func (r *remote) ask(question string) (bool, error) {
	if _, err := fmt.Fprintf(r.err, "%s [y/N] ", question); err != nil {
		return false, err
	}
	line, err := bufio.NewReader(r.in).ReadString('\n')
	if err != nil && line == "" {
		return false, fmt.Errorf("nobody answered: %w", err)
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", nil
}

func (r *remote) reportProofs(proved []prove.Proved) error {
	if r.output == formatJSON {
		raw, err := json.Marshal(proved)
		if err != nil {
			return err
		}
		if err := r.print(printed{raw: raw}); err != nil {
			return err
		}
	}
	bad := 0
	for _, p := range proved {
		if p.Error != "" {
			bad++
			r.say("%s: NOT PROVED: %s", p.Profile, strings.ReplaceAll(p.Error, "\n", "; "))
			continue
		}
		r.say("%s: proved; kept in %s", p.Profile, p.File)
	}
	switch {
	case bad == 0:
		return nil
	case bad < len(proved):
		return &exitError{code: exitPartly, err: fmt.Errorf("%d of %d profiles are not proved", bad, len(proved))}
	}
	next := "look at the line yourself with --ask, or give the BNG a verify: check of its own"
	if !proved[0].Restrict.Done() {
		next = "see that the BNG knows the session and the name of the profile, with --verbose; cordon dialect show lists what its refusals mean"
	}
	return failed(next, "not proved")
}
