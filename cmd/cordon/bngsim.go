package main

import (
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/lab/bngsim"
)

// simulation is what the flags of "cordon bngsim" say.
type simulation struct {
	bngsim.Config
	view bngsim.View

	nasIP, v4, v6                      string
	secret, secretFile, acctSecretFile string
	nak                                string
	listQuirks                         bool
}

// newBNGSim is "cordon bngsim".
func newBNGSim(sh *shell) *cobra.Command {
	var s simulation
	c := &cobra.Command{
		Use: "bngsim --secret SECRET [--acct-server ADDRESS:PORT]", Short: "Simulate a BNG with subscribers, for labs", Args: cobra.NoArgs,
		Long: "Simulate a BNG with subscribers, for labs: it reports its sessions to an accounting server, answers\n" +
			"CoA and Disconnect requests as its make does, and misbehaves as told. It runs until interrupted.\n" +
			"SIGUSR1 and --table print its sessions on standard output; everything else goes to standard error.",
		Example: "  cordon bngsim --quirks\n" +
			"  cordon bngsim --make cisco-isg --secret testing123 --quirk session-id-changes --quirk padding\n" +
			"  cordon bngsim --make junos --secret testing123 --acct-server 127.0.0.1:1813 --subscribers 200\n" +
			"  cordon bngsim --make mikrotik --name m1 --secret testing123 --lose 0.3 --debug --table",
		RunE: func(c *cobra.Command, _ []string) error {
			if s.listQuirks {
				return bngsim.WriteQuirks(sh.out)
			}
			return s.run(c, sh)
		},
	}
	s.flags(c)
	s.faultFlags(c)
	return c
}

func (s *simulation) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.Platform, "make", "junos", strings.Join(bngsim.Platforms(), ", "))
	f.StringVar(&s.Name, "name", "bng1", "NAS-Identifier, and the first part of every User-Name")
	f.StringVar(&s.nasIP, "nas-ip", "127.0.0.1", "NAS-IP-Address or NAS-IPv6-Address")
	f.StringVar(&s.Listen, "listen", "127.0.0.1:3799", "where CoA and Disconnect requests come to; port 0 takes a free one")
	f.StringVar(&s.secret, "secret", "", "shared secret (better in --secret-file: others can see a command line)")
	f.StringVar(&s.secretFile, "secret-file", "", "file with the shared secret")
	f.StringVar(&s.AcctServer, "acct-server", "", "where accounting goes to, address:port (nowhere if not told)")
	f.StringVar(&s.acctSecretFile, "acct-secret-file", "", "file with the accounting server's secret (default: the same secret)")
	f.IntVar(&s.Subscribers, "subscribers", 10, "how many log in")
	f.StringVar(&s.v4, "v4", "198.18.0.0/16", "prefix that IPv4 addresses come from")
	f.StringVar(&s.v6, "v6", "", "prefix that IPv6 prefixes come from, e.g. 2001:db8::/36 (no IPv6 if not told)")
	f.DurationVar(&s.Interim, "interim", 0, "time between Interim-Updates of a session (none if 0)")
	f.StringSliceVar(&s.Profiles, "profiles", nil, "services or filters that it knows; others are refused (default: knows every name)")
	f.StringVar(&s.Normal, "normal", "", "service, filter, list or rate given at log-in (default: INTERNET, accel-ppp 50000/10000)")
	f.StringVar(&s.RedirectAttribute, "redirect-attribute", "", "accel-ppp: the attribute configured as attr-l4-redirect")
	f.StringVar(&s.IPSetAttribute, "ipset-attribute", "", "accel-ppp: the attribute configured as attr-l4-redirect-ipset")
	f.BoolVar(&s.RequireMessageAuthenticator, "require-message-authenticator", false, "drop requests without one")
	f.BoolVar(&s.view.Changes, "table", false, "print the sessions whenever one came, went or changed")
	f.BoolVar(&s.view.Packets, "debug", false, "show every packet as radclient would")
}

func (s *simulation) faultFlags(c *cobra.Command) {
	f := c.Flags()
	f.Float64Var(&s.Faults.In.Lose, "lose", 0, "probability that a CoA packet is lost, each way, 0 to 1")
	f.Float64Var(&s.Faults.In.Double, "double", 0, "probability that a CoA packet arrives twice, each way, 0 to 1")
	f.DurationVar(&s.Faults.In.Delay, "delay", 0, "delay of CoA packets, each way")
	f.DurationVar(&s.Faults.In.Jitter, "jitter", 0, "and up to this much more, which reorders them")
	f.StringVar(&s.nak, "nak", "", "refuse every request with this Error-Cause, e.g. 503, or none for a NAK without")
	f.BoolVar(&s.Faults.Silent, "silent", false, "read requests, do nothing, say nothing")
	f.BoolVar(&s.Faults.AckIgnore, "ack-ignore", false, "ACK every request and do nothing")
	f.StringSliceVar(&s.Quirks, "quirk", nil, "a quirk of real gear, by name; may be repeated (see --quirks)")
	f.BoolVar(&s.listQuirks, "quirks", false, "list the quirks and end")
	f.DurationVar(&s.SlowBy, "slow-by", 5*time.Second, "time that the quirk slow takes for a request")
	f.DurationVar(&s.ClockSkew, "clock-skew", 10*time.Minute, "what the clock is ahead with the quirk clock-skew")
	f.DurationVar(&s.HookTakes, "hook-takes", 12*time.Second, "time that the quirks slow-hooks and queued-hooks take for a request")
	f.DurationVar(&s.DHCPEvery, "dhcp-every", 3*time.Minute, "time from a restriction to the client's next DHCP request, with the quirk mac-auth")
	f.Uint64Var(&s.Seed, "seed", 1, "seed of whatever is left to chance")
}

func (s *simulation) run(c *cobra.Command, sh *shell) error {
	if err := s.read(); err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return usage("%w", err)
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	defer signal.Stop(asked)
	show := make(chan struct{})
	ctx := c.Context()
	go func() { // ends with ctx
		for {
			select {
			case <-ctx.Done():
				return
			case <-asked:
			}
			select {
			case <-ctx.Done():
				return
			case show <- struct{}{}:
			}
		}
	}()
	s.view.Tables, s.view.Messages, s.view.Show = sh.out, sh.err, show
	return bngsim.Simulate(ctx, s.Config, s.view)
}

// read turns text into what the configuration wants.
func (s *simulation) read() error {
	var err error
	if s.NASIP, err = netip.ParseAddr(s.nasIP); err != nil {
		return usage("--nas-ip: %q is no address", s.nasIP)
	}
	if s.V4, err = netip.ParsePrefix(s.v4); err != nil {
		return usage("--v4: %q is no prefix", s.v4)
	}
	if s.v6 != "" {
		if s.V6, err = netip.ParsePrefix(s.v6); err != nil {
			return usage("--v6: %q is no prefix", s.v6)
		}
	}
	s.Faults.Out = s.Faults.In
	if s.Faults.NAK, err = bngsim.Refusal(s.nak); err != nil {
		return usage("--nak: %w", err)
	}
	if s.Secret, err = bngsim.SecretOf(s.secret, s.secretFile); err != nil {
		return usage("--secret: %w", err)
	}
	if s.AcctSecret, err = bngsim.SecretOf("", s.acctSecretFile); err != nil {
		return usage("--acct-secret-file: %w", err)
	}
	return nil
}
