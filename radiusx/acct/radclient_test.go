package acct

import (
	"bytes"
	"context"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// radclient sends packets with FreeRADIUS' own client, an implementation that
// shares nothing with ours, and returns what it printed.
func radclient(t *testing.T, server, kind, key, input string, options ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("radclient")
	if err != nil {
		t.Fatalf("radclient is needed (Debian package freeradius-utils): %v", err)
	}
	args := append(slices.Clone(options), "-x", server, kind, key)
	command := exec.CommandContext(t.Context(), path, args...)
	command.Stdin = strings.NewReader(input)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err = command.Run()
	return output.String(), err
}

// serveUDP runs a server on real loopback sockets.
func serveUDP(t *testing.T, handler Handler) (*Server, string) {
	t.Helper()
	server, err := New(Config{
		Holdable: hostAddress,
		Listen:   []string{"127.0.0.1:0"},
		Clients:  []Client{{Prefix: netip.MustParsePrefix("127.0.0.0/8"), Secret: secret(t, testSecret)}},
		Handler:  handler,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return server, server.Addrs()[0].String()
}

func TestRadclientsRecordsAreStoredAndAnswered(t *testing.T) {
	m := &memory{}
	_, address := serveUDP(t, m)
	output, err := radclient(t, address, "acct", testSecret, `
Acct-Status-Type = Start, Acct-Session-Id = "0000A1B2", User-Name = "alice@isp", NAS-IP-Address = 192.0.2.1, Framed-IP-Address = 198.51.100.7, Framed-IPv6-Prefix = 2001:db8:1:2::/64, Delegated-IPv6-Prefix = 2001:db8:3::/56, Framed-IPv6-Address = 2001:db8:4::1, Event-Timestamp = "Jan  1 2020 00:00:00 UTC", Proxy-State = 0x0102, Proxy-State = 0x03

Acct-Status-Type = Interim-Update, Acct-Session-Id = "0000A1B2:1", User-Name = "alice@isp", ERX-Service-Session = "GARDEN"

Acct-Status-Type = Start, Acct-Session-Id = "isg1", User-Name = "bob", Cisco-AVPair = "parent-session-id=isg0"

Acct-Status-Type = Stop, Acct-Session-Id = "se1", User-Name = "carol", Acct-Alt-Session-ID = "0B000001"

Acct-Status-Type = Accounting-On, NAS-Identifier = "bng1", Message-Authenticator = 0x00
`)
	if err != nil || strings.Count(output, "Received Accounting-Response") != 5 {
		t.Fatalf("radclient: %v\n%s", err, output)
	}
	if !strings.Contains(output, "Proxy-State = 0x0102\n\tProxy-State = 0x03") {
		t.Errorf("Proxy-State was not echoed in order:\n%s", output)
	}
	byID := map[string]Record{}
	for _, r := range m.all() {
		byID[r.SessionID] = r
	}
	if len(byID) != 5 {
		t.Fatalf("stored %d records", len(byID))
	}
	alice := byID["0000A1B2"]
	if alice.UserName != "alice@isp" || alice.FramedIP.String() != "198.51.100.7" || len(alice.Prefixes) != 3 || alice.Service {
		t.Errorf("session's record: %+v", alice)
	}
	if alice.AtSource != FromDelay || time.Since(alice.Latest) > time.Hour {
		t.Errorf("a clock of 2020 was believed: %v", alice.At)
	}
	for _, id := range []string{"0000A1B2:1", "isg1", "se1"} {
		if !byID[id].Service {
			t.Errorf("service record %s is not marked", id)
		}
	}
	if on := byID[""]; on.Status != On || on.NAS.Identifier != "bng1" {
		t.Errorf("Accounting-On: %+v", on)
	}
}

func TestRadclientsStatusServerIsAnswered(t *testing.T) {
	server, address := serveUDP(t, &memory{})
	output, err := radclient(t, address, "status", testSecret, "Message-Authenticator = 0x00")
	if err != nil || !strings.Contains(output, "Received") {
		t.Errorf("radclient: %v\n%s", err, output)
	}
	if server.Stats()[StatusServer] != 1 {
		t.Errorf("counters: %v", server.Stats())
	}
}

func TestRadclientWithAnotherSecretGetsNoReply(t *testing.T) {
	m := &memory{}
	server, address := serveUDP(t, m)
	output, err := radclient(t, address, "acct", "another-secret", "Acct-Status-Type = Start, Acct-Session-Id = 1", "-r", "1", "-t", "0.3")
	if err == nil || strings.Contains(output, "Received Accounting-Response") {
		t.Errorf("radclient got an answer:\n%s", output)
	}
	if len(m.all()) != 0 || server.Stats()[BadAuthenticator] != 1 {
		t.Errorf("counters: %v", server.Stats())
	}
}
