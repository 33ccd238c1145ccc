package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/lab/bench"
)

// newBench is "cordon bench".
func newBench(sh *shell) *cobra.Command {
	return group("bench", "Measure the throughput of CoA and accounting, and the accuracy of attribution",
		newBenchAttribution(sh), newBenchCoA(sh), newBenchAccounting(sh), newBenchCompare(sh), newBenchFleet(sh), newBenchResponder(sh))
}

// newBenchAttribution is "cordon bench attribution".
func newBenchAttribution(sh *shell) *cobra.Command {
	var n int
	var seed uint64
	var asJSON bool
	c := &cobra.Command{
		Use: "attribution", Args: cobra.NoArgs,
		Short: "Attribute verdicts about simulated networks, and count right, wrong and missing attributions",
		Long: "Simulates BNGs whose addresses, prefixes and port blocks change holders within seconds, and whose records\n" +
			"are lost, late, duplicated or stamped by skewed clocks, and attributes each verdict; then as many again with\n" +
			"missing or changing names, clocks that are hours off, addresses that are released or reused, NATs, lagging\n" +
			"translators' logs, and two instances whose Redis is unavailable, crashes, or is unreachable for one of them.\n" +
			"Sends no packet. Exits 1 if any attribution is wrong, or if without faults fewer verdicts are attributed\n" +
			"than before.",
		RunE: func(c *cobra.Command, _ []string) error {
			if n < 1 {
				return usage("-n must be > 0")
			}
			a, err := bench.MeasureAttribution(c.Context(), n, seed)
			if err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			if !asJSON {
				fmt.Fprint(sh.out, a.Text())
			} else if err := a.Write(sh.out); err != nil {
				return err // of standard output
			}
			if wrong := a.Wrong(); wrong > 0 {
				return failed("", "%d verdicts are attributed to a wrong subscriber", wrong)
			}
			if short := a.Shortfalls(); len(short) > 0 {
				return failed("", "too few verdicts without faults are attributed: %s", strings.Join(short, "; "))
			}
			return nil
		},
	}
	f := c.Flags()
	f.IntVarP(&n, "verdicts", "n", 1_000_000, "verdicts without faults, and as many with")
	f.Uint64Var(&seed, "seed", 1, "random seed")
	f.BoolVar(&asJSON, "json", false, "one line of JSON")
	return c
}

// benchFlags are the flags that the measurements share.
type benchFlags struct {
	target, secret, secretFile string
	config                     bench.Config
	asJSON                     bool
}

func (b *benchFlags) window(c *cobra.Command, n int) {
	c.Flags().IntVarP(&b.config.N, "exchanges", "n", n, "exchanges")
	c.Flags().IntVar(&b.config.InFlight, "in-flight", 64, "exchanges in flight")
}

// newBenchCoA is "cordon bench coa".
func newBenchCoA(sh *shell) *cobra.Command {
	var b benchFlags
	c := &cobra.Command{
		Use: "coa --target ADDRESS[:PORT] --secret SECRET", Args: cobra.NoArgs,
		Short: "Send CoA-Requests as fast as the responder replies; never to a BNG in service",
		Long: "Sends CoA-Requests for sessions that do not exist (User-Name bench@example.net), with\n" +
			"Message-Authenticator and Event-Timestamp, without pacing. It would overload a BNG in service.",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := b.read(c.Context()); err != nil {
				return err
			}
			f, err := bench.Cordon(c.Context(), b.config)
			if err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			if !b.asJSON {
				fmt.Fprintln(sh.out, f.Text())
				return nil
			}
			return json.NewEncoder(sh.out).Encode(f) // of standard output
		},
	}
	f := c.Flags()
	f.StringVar(&b.target, "target", "", "address of the responder; default port 3799")
	f.StringVar(&b.secret, "secret", "", "shared secret (visible to other users of this host)")
	f.StringVar(&b.secretFile, "secret-file", "", "file with the shared secret")
	f.BoolVar(&b.asJSON, "json", false, "one line of JSON")
	b.window(c, 100_000)
	return c
}

// read resolves the target and reads the secret.
func (b *benchFlags) read(ctx context.Context) error {
	if b.target == "" || (b.secret == "") == (b.secretFile == "") {
		return usage("--target and one of --secret and --secret-file are required")
	}
	target := b.target
	if _, _, err := net.SplitHostPort(target); err != nil {
		target = net.JoinHostPort(strings.Trim(target, "[]"), "3799")
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return usage("--target: %w", err)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return usage("--target: %w", err)
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return usage("--target: %w", err)
	}
	b.config.Target = netip.AddrPortFrom(addresses[0].Unmap(), uint16(number))
	if b.config.Secret, err = bench.ReadSecret(b.secret, b.secretFile); err != nil {
		return usage("%w", err)
	}
	if err := b.config.Validate(); err != nil {
		return usage("%w", err)
	}
	return nil
}

// newBenchCompare is "cordon bench compare", which make bench-coa runs.
func newBenchCompare(sh *shell) *cobra.Command {
	var b benchFlags
	var rounds int
	c := &cobra.Command{
		Use: "compare", Short: "Compare with a bare socket, layeh.com/radius and radclient, against one responder", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			stop, err := b.startResponder(c.Context(), "127.0.0.1:0")
			if err != nil {
				return err
			}
			defer stop()
			m, err := bench.Compare(c.Context(), b.config, rounds)
			if err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			return m.Write(sh.out) // of standard output
		},
	}
	c.Flags().IntVar(&rounds, "rounds", 5, "rounds per client")
	b.window(c, 200_000)
	return c
}

// newBenchFleet is "cordon bench fleet".
func newBenchFleet(sh *shell) *cobra.Command {
	var b benchFlags
	var bngs int
	c := &cobra.Command{
		Use: "fleet", Short: "Measure many BNGs at addresses of this host, and how unresponsive ones slow down the others", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			stop, err := b.startResponder(c.Context(), "0.0.0.0:0")
			if err != nil {
				return err
			}
			defer stop()
			m, err := bench.MeasureFleet(c.Context(), b.config, bngs)
			if err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			return m.Write(sh.out) // of standard output
		},
	}
	c.Flags().IntVar(&bngs, "bngs", 10_000, "number of BNGs; one in a hundred is unresponsive")
	b.window(c, 200_000)
	return c
}

// benchSecret is that of the responders that the measurements start on this host.
const benchSecret = "the benchmark's own secret"

// startResponder starts "cordon bench responder" as the target, in a process of its own,
// as a BNG is a machine of its own.
func (b *benchFlags) startResponder(ctx context.Context, listen string) (stop func(), err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start responder: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	command := exec.CommandContext(ctx, program, "bench", "responder", "--listen", listen, "--secret", benchSecret)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start responder: %w", err)
	}
	stop = func() { cancel(); _ = command.Wait() }
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		b.config.Target, err = netip.ParseAddrPort(strings.TrimSpace(line))
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("start responder: %w", err)
	}
	b.config.Secret, err = bench.ReadSecret(benchSecret, "")
	return stop, err // it is never empty
}

// newBenchResponder is "cordon bench responder", which the measurements start.
func newBenchResponder(sh *shell) *cobra.Command {
	var listen, secret string
	c := &cobra.Command{
		Use: "responder", Short: "Acknowledge every CoA-Request", Args: cobra.NoArgs, Hidden: true,
		RunE: func(c *cobra.Command, _ []string) error {
			key, err := bench.ReadSecret(secret, "")
			if err != nil {
				return usage("%w", err)
			}
			r, err := bench.Listen(c.Context(), listen, key)
			if err != nil {
				return failed("", "%w", err)
			}
			fmt.Fprintln(sh.out, r.Addr())
			return r.Serve(c.Context()) // it ends with the context, without an error
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:3799", "IPv4 address to listen on")
	c.Flags().StringVar(&secret, "secret", "", "shared secret")
	return c
}
