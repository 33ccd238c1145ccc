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
		Use: "prove NAME -c FILE --session ID", Args: cobra.ExactArgs(1),
		Short: "Restrict and restore a test line, verify both, and keep the proof",
		Long: "Sends the BNG what a case would send for one session: THE LINE IS RESTRICTED until both are verified. The proof\n" +
			"is kept below journal.dir; an experimental dialect needs one before mode enforce. Copy the file to the other\n" +
			"instances.",
		Example: "  cordon bng prove bng1 -c /etc/cordon/cordon.yaml --session 0000001a --profile walled-garden --ask",
		RunE: func(c *cobra.Command, args []string) error {
			if file == "" || p.Session == "" {
				return usage("-c FILE and --session are required")
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
	f.StringVar(&p.Session, "session", "", "Acct-Session-Id of the test line, or its attributes in radclient's syntax")
	f.StringVar(&p.Profile, "profile", "", "profile, or disconnect (default: every profile of the BNG in turn)")
	f.DurationVar(&p.Wait, "wait", 20*time.Second,
		"how long verification may take; if only accounting shows a change, more than an Interim-Update interval")
	f.BoolVar(&ask, "ask", false, "ask at the terminal where nothing else can verify it")
	f.BoolVarP(&p.Verbose, "verbose", "v", false, "show every packet")
	return c
}

// ask asks at the terminal; only y and yes mean yes.
func (r *remote) ask(question string) (bool, error) {
	if _, err := fmt.Fprintf(r.err, "%s [y/N] ", question); err != nil {
		return false, err
	}
	line, err := bufio.NewReader(r.in).ReadString('\n')
	if err != nil && line == "" {
		return false, fmt.Errorf("no answer at the terminal: %w", err)
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
	next := "verify by yourself with --ask, or configure bngs[].verify"
	if !proved[0].Restrict.Done() {
		next = "check the session and the profile's name on the BNG, with --verbose; cordon dialect show lists the meaning of Error-Causes"
	}
	return failed(next, "not proved")
}
