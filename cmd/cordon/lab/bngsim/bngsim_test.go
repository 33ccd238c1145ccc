package bngsim

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/bngsim"
)

func secret(t *testing.T, s string) radiusx.Secret {
	t.Helper()
	secret, err := radiusx.NewSecret(s)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// valid is a configuration that nothing is wrong with.
func valid(t *testing.T) Config {
	return Config{
		Name: "bng1", Platform: "junos", NASIP: netip.MustParseAddr("192.0.2.1"), Listen: "127.0.0.1:0", Secret: secret(t, "testing123"),
		Subscribers: 3, V4: netip.MustParsePrefix("198.18.0.0/29"), V6: netip.MustParsePrefix("2001:db8::/53"),
	}
}

func TestEveryFaultOfAConfigurationIsNamed(t *testing.T) {
	if c := valid(t); c.Validate() != nil {
		t.Fatal(c.Validate())
	}
	for _, test := range []struct {
		name  string
		spoil func(*Config)
		want  string
	}{
		{"make", func(c *Config) { c.Platform = "abacus" }, `unknown platform "abacus": must be one of accel-ppp, cisco-isg, `},
		{"name", func(c *Config) { c.Name = "" }, "name must be set"},
		{"listen", func(c *Config) { c.Listen = "3799" }, `listen: invalid address:port "3799"`},
		{"secret", func(c *Config) { c.Secret = radiusx.Secret{} }, "secret must be set"},
		{"accounting server", func(c *Config) { c.AcctServer = "127.0.0.1" }, `accounting server: invalid address:port "127.0.0.1"`},
		{"accounting port", func(c *Config) { c.AcctServer = "127.0.0.1:0" }, "invalid address:port"},
		{"interim", func(c *Config) { c.Interim = -1 }, "interim must not be negative"},
		{"redirect attribute", func(c *Config) { c.RedirectAttribute = "Nonsense" }, `unknown attribute "Nonsense"`},
		{"subscribers", func(c *Config) { c.Subscribers = -1 }, "the number of subscribers must not be negative"},
		{"IPv4 missing", func(c *Config) { c.V4 = netip.Prefix{} }, "v4: must be an IPv4 prefix"},
		{"IPv4 too small", func(c *Config) { c.Subscribers = 7 }, "v4: 198.18.0.0/29 is too small for 7 subscribers"},
		{"IPv6 too small", func(c *Config) { c.Subscribers = 5 }, "v6: 2001:db8::/53 is too small for 5 subscribers"},
		{"IPv6 too long", func(c *Config) { c.V6 = netip.MustParsePrefix("2001:db8::/64") }, "too small"},
		{"IPv6 is IPv4", func(c *Config) { c.V6 = c.V4 }, "must be an IPv6 prefix"},
		{"probability", func(c *Config) { c.Faults.In.Lose = 1.1 }, "probabilities must be between 0 and 1"},
		{"delay", func(c *Config) { c.Faults.Out.Delay = -1 }, "delays must not be negative"},
	} {
		c := valid(t)
		test.spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: want %q, got %v", test.name, test.want, err)
		}
		if _, err := Open(c, nil); err == nil {
			t.Errorf("%s: opened", test.name)
		}
	}
}

func TestNoTwoSubscribersShareAnything(t *testing.T) {
	c := valid(t)
	c.Subscribers, c.V4, c.V6, c.Normal = 300, netip.MustParsePrefix("198.18.0.0/16"), netip.MustParsePrefix("2001:db8:1000::/36"), "INTERNET"
	var held []netip.Prefix
	names := map[string]bool{}
	for _, s := range c.subscribers() {
		names[s.User], names[s.MAC], names[s.NASPortID] = true, true, true
		held = append(held, netip.PrefixFrom(s.IPv4, 32), s.Prefix, s.Delegated)
		if !c.V4.Contains(s.IPv4) || !c.V6.Overlaps(s.Prefix) || !c.V6.Overlaps(s.Delegated) || s.Prefix.Bits() != 64 ||
			s.Delegated.Bits() != 56 {
			t.Errorf("%s has %s, %s and %s", s.User, s.IPv4, s.Prefix, s.Delegated)
		}
	}
	if len(names) != 3*c.Subscribers {
		t.Errorf("%d different names, MAC addresses and ports for %d subscribers", len(names), c.Subscribers)
	}
	for i, a := range held {
		for _, b := range held[i+1:] {
			if a.Overlaps(b) {
				t.Fatalf("%s and %s overlap", a, b)
			}
		}
	}
}

func TestALineThatMovesLeavesItsAddressAndGetsAFreeOne(t *testing.T) {
	c := valid(t)
	b, err := Open(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.LoginAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		before := b.Sessions()[0]
		after, err := b.Move(t.Context(), before.ID)
		if err != nil {
			t.Fatal(err)
		}
		if after.User != before.User || after.IPv4 == before.IPv4 || after.ID == before.ID || !c.V4.Contains(after.IPv4) ||
			after.IPv4 == c.V4.Addr() {
			t.Errorf("%s moved from %s to %s", before.User, before, after)
		}
		held := map[netip.Addr]bool{}
		for _, s := range b.Sessions() {
			held[s.IPv4] = true
		}
		if len(held) != c.Subscribers {
			t.Fatalf("%d addresses for %d sessions", len(held), c.Subscribers)
		}
	}
	if _, err := b.Move(t.Context(), "nobody's"); err == nil {
		t.Error("a session that is not there moved")
	}
}

func TestAMoveWithoutAFreeAddressIsRefused(t *testing.T) {
	c := valid(t)
	c.Subscribers, c.V4 = 2, netip.MustParsePrefix("198.18.0.0/30")
	b, err := Open(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.LoginAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	extra := b.Subscribers[0]
	extra.User, extra.IPv4 = "extra", netip.MustParseAddr("198.18.0.3")
	if _, err := b.Login(t.Context(), extra); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Move(t.Context(), b.Sessions()[0].ID); err == nil || !strings.Contains(err.Error(), "no address of 198.18.0.0/30 is free") {
		t.Errorf("got %v", err)
	}
}

// records counts what an accounting server receives.
type records struct {
	mu     sync.Mutex // guards what follows
	status []acct.Status
}

func (r *records) Handle(_ context.Context, batch []acct.Record) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range batch {
		if !record.Service {
			r.status = append(r.status, record.Status)
		}
	}
	return make([]error, len(batch))
}

func (r *records) count(s acct.Status) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, status := range r.status {
		if status == s {
			n++
		}
	}
	return n
}

// text is written by one goroutine and read by another.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (w *text) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *text) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// eventually waits until something has come true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not seen: %s", what)
		}
	}
}

func TestASimulationReportsItsSessionsFromOnToOff(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	received := &records{}
	server, err := acct.New(acct.Config{
		Conns: []net.PacketConn{conn}, Handler: received, Holdable: quarantine.Holdable,
		Clients: []acct.Client{{Prefix: netip.MustParsePrefix("127.0.0.1/32"), Secret: secret(t, "accounting")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Run(serving) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	c := valid(t)
	c.AcctServer, c.AcctSecret, c.Interim = conn.LocalAddr().String(), secret(t, "accounting"), 50*time.Millisecond
	show, tables, messages := make(chan struct{}), &text{}, &text{}
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Simulate(ctx, c, View{Tables: tables, Messages: messages, Show: show, Packets: true})
	}()
	eventually(t, "log-ins", func() bool { return strings.Contains(messages.String(), "3 subscribers are on line") })
	eventually(t, "Interim-Updates", func() bool { return received.count(acct.InterimUpdate) >= c.Subscribers })
	show <- struct{}{}
	eventually(t, "the table", func() bool { return strings.Count(tables.String(), "services=INTERNET") == c.Subscribers })
	interrupt()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	got := []int{received.count(acct.On), received.count(acct.Start), received.count(acct.Stop), received.count(acct.Off)}
	if diff := cmp.Diff([]int{1, c.Subscribers, 0, 1}, got); diff != "" {
		t.Errorf("On, Start, Stop, Off: %s", diff)
	}
	for _, want := range []string{"Sent Accounting-Request Id ", "\tAcct-Status-Type = Accounting-On\n", "Received Accounting-Response Id "} {
		if !strings.Contains(messages.String(), want) {
			t.Errorf("want %q in\n%s", want, messages.String())
		}
	}
}

func TestATableIsShownWheneverSessionsChanged(t *testing.T) {
	tables, messages := &text{}, &text{}
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Simulate(ctx, valid(t), View{Tables: tables, Messages: messages, Changes: true}) }()
	eventually(t, "the table", func() bool { return strings.Contains(tables.String(), "bng1-0003@isp.example") })
	interrupt()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestARefusalIsANumberOrNone(t *testing.T) {
	for _, test := range []struct {
		text string
		want bngsim.ErrorCause
		ok   bool
	}{{"", bngsim.OK, true}, {"503", bngsim.SessionNotFound, true}, {"none", bngsim.Unexplained, true}, {"0", 0, false}, {"-1", 0, false},
		{"what", 0, false}} {
		got, err := Refusal(test.text)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%q: %v, %v", test.text, got, err)
		}
	}
}

func TestEveryPlatformHasSomethingNormal(t *testing.T) {
	for _, m := range Platforms() {
		c := valid(t)
		c.Platform = m
		b, err := Open(c, nil)
		if err != nil {
			t.Errorf("%s: %v", m, err)
			continue
		}
		if Normal(m) == "" || slices.ContainsFunc(b.Subscribers, func(s bngsim.Subscriber) bool { return s.Profile.Equal(bngsim.State{}) }) {
			t.Errorf("%s gives nothing at log-in", m)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
