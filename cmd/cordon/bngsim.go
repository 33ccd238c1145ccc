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

// simulation is the flags of "cordon bngsim".
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
		Long: "Simulate a BNG with subscribers, for labs: it sends accounting for its sessions, replies to CoA-Requests and\n" +
			"Disconnect-Requests as its platform does, and misbehaves as the flags say. It runs until interrupted.\n" +
			"SIGUSR1 and --table print its sessions on standard output; everything else is on standard error.",
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
	f.StringVar(&s.Platform, "make", "junos", "platform: "+strings.Join(bngsim.Platforms(), ", "))
	f.StringVar(&s.Name, "name", "bng1", "NAS-Identifier, and prefix of every User-Name")
	f.StringVar(&s.nasIP, "nas-ip", "127.0.0.1", "NAS-IP-Address or NAS-IPv6-Address")
	f.StringVar(&s.Listen, "listen", "127.0.0.1:3799", "address for CoA-Requests and Disconnect-Requests; port 0: any free port")
	f.StringVar(&s.secret, "secret", "", "shared secret (visible to other users of this host: better --secret-file)")
	f.StringVar(&s.secretFile, "secret-file", "", "file with the shared secret")
	f.StringVar(&s.AcctServer, "acct-server", "", "accounting server, address:port (default: none)")
	f.StringVar(&s.acctSecretFile, "acct-secret-file", "", "file with the accounting server's secret (default: the same secret)")
	f.IntVar(&s.Subscribers, "subscribers", 10, "number of subscribers")
	f.StringVar(&s.v4, "v4", "198.18.0.0/16", "pool of IPv4 addresses")
	f.StringVar(&s.v6, "v6", "", "pool of IPv6 prefixes, e.g. 2001:db8::/36 (default: no IPv6)")
	f.DurationVar(&s.Interim, "interim", 0, "interval of Interim-Updates; 0 disables them")
	f.StringSliceVar(&s.Profiles, "profiles", nil, "services or filters that it knows; it refuses others (default: any)")
	f.StringVar(&s.Normal, "normal", "", "service, filter, list or rate at log-in (default: INTERNET, accel-ppp 50000/10000)")
	f.StringVar(&s.RedirectAttribute, "redirect-attribute", "", "accel-ppp: the attribute configured as attr-l4-redirect")
	f.StringVar(&s.IPSetAttribute, "ipset-attribute", "", "accel-ppp: the attribute configured as attr-l4-redirect-ipset")
	f.BoolVar(&s.RequireMessageAuthenticator, "require-message-authenticator", false, "discard requests without Message-Authenticator")
	f.BoolVar(&s.view.Changes, "table", false, "print the sessions whenever one starts, ends or changes")
	f.BoolVar(&s.view.Packets, "debug", false, "show every packet as radclient would")
}

func (s *simulation) faultFlags(c *cobra.Command) {
	f := c.Flags()
	f.Float64Var(&s.Faults.In.Lose, "lose", 0, "probability that a CoA packet is lost, each way, 0 to 1")
	f.Float64Var(&s.Faults.In.Double, "double", 0, "probability that a CoA packet is duplicated, each way, 0 to 1")
	f.DurationVar(&s.Faults.In.Delay, "delay", 0, "delay of CoA packets, each way")
	f.DurationVar(&s.Faults.In.Jitter, "jitter", 0, "random additional delay, which reorders packets")
	f.StringVar(&s.nak, "nak", "", "NAK every request with this Error-Cause, e.g. 503; none: without Error-Cause")
	f.BoolVar(&s.Faults.Silent, "silent", false, "discard every request")
	f.BoolVar(&s.Faults.AckIgnore, "ack-ignore", false, "ACK every request without applying it")
	f.StringSliceVar(&s.Quirks, "quirk", nil, "quirk of a real platform; may be repeated (see --quirks)")
	f.BoolVar(&s.listQuirks, "quirks", false, "list the quirks")
	f.DurationVar(&s.SlowBy, "slow-by", 5*time.Second, "processing time with the quirk slow")
	f.DurationVar(&s.ClockSkew, "clock-skew", 10*time.Minute, "how far the clock is ahead with the quirk clock-skew")
	f.DurationVar(&s.HookTakes, "hook-takes", 12*time.Second, "processing time with the quirks slow-hooks and queued-hooks")
	f.DurationVar(&s.DHCPEvery, "dhcp-every", 3*time.Minute, "time from a restriction to the next DHCP request, with the quirk mac-auth")
	f.Uint64Var(&s.Seed, "seed", 1, "random seed")
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
		return usage("--nas-ip: invalid address %q", s.nasIP)
	}
	if s.V4, err = netip.ParsePrefix(s.v4); err != nil {
		return usage("--v4: invalid prefix %q", s.v4)
	}
	if s.v6 != "" {
		if s.V6, err = netip.ParsePrefix(s.v6); err != nil {
			return usage("--v6: invalid prefix %q", s.v6)
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
