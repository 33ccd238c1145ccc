package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/client"
	"cordon/integration/wire"
)

// shell is everything outside of the process that commands use, for tests to replace.
type shell struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	now      func() time.Time
}

// commands lists every command in the order that help shows them. Each has a
// file of its own.
func commands(sh *shell) []*cobra.Command {
	return []*cobra.Command{
		newServe(sh),
		newCheck(sh),
		newQuarantine(sh),
		newVerdict(sh),
		newSession(sh),
		newBNG(sh),
		newInstance(sh),
		newCoA(sh),
		newDialect(sh),
		newBNGSim(sh),
		newBench(sh),
		newDemo(sh),
		newVersion(sh),
	}
}

// run runs one command line and returns the exit code. Data is on standard output,
// everything else on standard error.
func run(ctx context.Context, sh *shell, args []string) int {
	root := &cobra.Command{
		Use: "cordon", Short: "Quarantine abusive subscribers by RADIUS Change-of-Authorization",
		Long: "Cordon moves an abusive subscriber's live session into a restricted profile, and back.\n\n" +
			"Exit codes: 0 done, 1 failed, 2 wrong usage, 3 unreachable, 4 partly done, 130 interrupted.\n" +
			"Output is never coloured.",
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetIn(sh.in)
	root.SetOut(sh.out)
	root.SetErr(sh.err)
	root.SetArgs(args)
	root.AddCommand(commands(sh)...)
	began := false
	watch(root, &began)
	chosen, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if !began { // invalid flags or arguments
		err = usage("%w", err)
	}
	return report(sh, err, chosen.CommandPath())
}

// watch records when a command itself begins: errors before are those of the command
// line.
func watch(c *cobra.Command, began *bool) {
	if do := c.RunE; do != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			*began = true
			return do(c, args)
		}
	}
	for _, sub := range c.Commands() {
		watch(sub, began)
	}
}

// report prints an error and what to do next.
func report(sh *shell, err error, path string) int {
	code, next := explain(err, path)
	for line := range strings.Lines(err.Error()) {
		_, _ = fmt.Fprintf(sh.err, "cordon: %s\n", safe(strings.TrimSuffix(line, "\n")))
	}
	if c, ok := candidatesOf(err); ok {
		_ = holderTable(atTheMoment(c), sh.now()).write(sh.err, true)
	}
	if next != "" {
		_, _ = fmt.Fprintf(sh.err, "try: %s\n", next)
	}
	return code
}

// group is a noun: it does nothing itself, and an unknown verb is an error of the command
// line.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%s: unknown verb %q", c.CommandPath(), args[0])
		}
		return nil
	}, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	g.AddCommand(verbs...)
	return g
}

// remote is how a client command reaches the API and prints what it says.
type remote struct {
	*shell
	addr, token, author string
	output              string
	noHeaders           bool
}

// flags adds the flags that every client command takes.
func (r *remote) flags(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&r.addr, "addr", "",
		"address of the API (CORDON_ADDR; default "+client.DefaultAddr+"); several, with commas, are tried in turn")
	f.StringVar(&r.token, "token", "", "bearer token (visible to other users of this host: better CORDON_TOKEN)")
	f.StringVar(&r.author, "author", "", "author of decisions, if no token names one (default $USER)")
	f.StringVarP(&r.output, "output", "o", formatTable, "output: "+strings.Join(formats, ", "))
	f.BoolVar(&r.noHeaders, "no-headers", false, "omit the header of tables")
}

// client returns a client by flags and environment; flags have priority.
func (r *remote) client() (*client.Client, error) {
	if err := checkFormat(r.output); err != nil {
		return nil, err
	}
	first := func(flag string, variables ...string) string {
		for _, v := range variables {
			if flag == "" {
				flag = r.getenv(v)
			}
		}
		return flag
	}
	c, err := client.New(client.Config{
		Addr: first(r.addr, "CORDON_ADDR"), Token: first(r.token, "CORDON_TOKEN"), Author: first(r.author, "USER"),
	})
	if err != nil {
		return nil, usage("%w", err)
	}
	return c, nil
}

// say prints a message that is not data.
func (r *remote) say(format string, args ...any) {
	_, _ = fmt.Fprintln(r.err, safe(fmt.Sprintf(format, args...)))
}

// decode decodes an answer of the API.
func decode[T any](raw json.RawMessage) (T, error) {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("read the answer: %w", err)
	}
	return v, nil
}

// readDeferred reads the answer to a decision; nil: it is applied.
func readDeferred(raw json.RawMessage) (*wire.Deferred, error) {
	d, err := wire.ReadDeferred(raw)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return d, nil
}

// rawPage is a list of the server's own answers as one.
func rawPage(answers []json.RawMessage) json.RawMessage {
	page, _ := json.Marshal(map[string]any{"results": append([]json.RawMessage{}, answers...)}) // the server's own JSON encodes
	return page
}
