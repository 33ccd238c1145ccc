package bngsim

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// radclient sends a request with FreeRADIUS' own client, which checks the
// answer, and returns what it printed.
func radclient(t *testing.T, server, kind, key, input string, options ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("radclient")
	if err != nil {
		t.Fatalf("radclient is needed (Debian package freeradius-utils): %v", err)
	}
	command := exec.CommandContext(t.Context(), path, append(options, "-x", server, kind, key)...)
	command.Stdin = strings.NewReader(input)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err = command.Run()
	return output.String(), err
}

func TestRadclientAcceptsTheAnswersOverRealUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(Config{Name: "bng1", NASIP: nasIP, Platform: Junos, Secret: secret(t, testSecret), Conn: conn,
		Profiles: []string{"NORMAL", "GARDEN"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := background(func() error { return b.Run(ctx) })
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	subscriber := alice()
	subscriber.Profile.Services = []string{"NORMAL"}
	s, err := b.Login(t.Context(), subscriber)
	if err != nil {
		t.Fatal(err)
	}
	ids := "User-Name = \"alice@isp\", Acct-Session-Id = \"" + s.ID + "\""
	address := b.Addr().String()
	for _, step := range []struct {
		name, kind, key, input, want string
		fails                        bool
	}{
		{"restrict", "coa", testSecret, ids + `, ERX-Service-Activate:1 = "GARDEN", Proxy-State = 0x0102`, "Received CoA-ACK", false},
		{"signed", "coa", testSecret, ids + `, ERX-Service-Deactivate = "GARDEN", Message-Authenticator = 0x00`, "Received CoA-ACK", false},
		{"no such service", "coa", testSecret, ids + `, ERX-Service-Activate:1 = "NONE"`, "Error-Cause = Invalid-Attribute-Value", true},
		{"no such session", "coa", testSecret, `User-Name = "alice@isp", Acct-Session-Id = "x"`,
			"Error-Cause = Session-Context-Not-Found", true},
		{"another secret", "coa", "another-secret", ids, "No reply from server", true},
		{"disconnect", "disconnect", testSecret, ids, "Received Disconnect-ACK", false},
		{"disconnect of nobody", "disconnect", testSecret, ids, "Error-Cause = Session-Context-Not-Found", true},
	} {
		output, err := radclient(t, address, step.kind, step.key, step.input, "-r", "1", "-t", "0.5")
		if !strings.Contains(output, step.want) || (err != nil) != step.fails {
			t.Errorf("%s: %v, want %q in\n%s", step.name, err, step.want, output)
		}
	}
	if len(b.Sessions()) != 0 {
		t.Errorf("sessions left: %v", b.Sessions())
	}
}

// What FreeRADIUS' own client makes of the quirks of answers; the note says what
// the BNG made of the request.
func TestRadclientSeesTheQuirksOfAnswers(t *testing.T) {
	const plain, signed = "", ", Message-Authenticator = 0x00"
	for _, test := range []struct {
		quirk Quirk
		kind  string
		more  string
		want  string
		fails bool
	}{
		{Padding, "coa", signed, "Received CoA-ACK", false},
		{NoMessageAuth, "coa", signed, "Received CoA-ACK", false},
		{BadMessageAuth, "coa", plain, "Received CoA-ACK", false},
		{BadMessageAuth, "coa", signed, "No reply from server", true},
		{WrongID, "coa", plain, "No reply from server", true},
		{WrongCode, "coa", plain, "Received Disconnect-ACK", true},
		{SilentCoA, "coa", plain, "No reply from server", true},
		{SilentCoA, "disconnect", plain, "Received Disconnect-ACK", false},
		{DropsMessageAuth, "coa", signed, "No reply from server", true},
		{NeedsTimestamp, "coa", plain, "No reply from server", true},
		{ClockSkew, "coa", plain, "Event-Timestamp = ", false},
		{ProxyStateRefused, "coa", ", Proxy-State = 0x01", "Error-Cause = Unsupported-Attribute", true},
		{AckBefore, "disconnect", plain, "Received Disconnect-ACK", false},
	} {
		t.Run(string(test.quirk)+"/"+test.kind+test.more, func(t *testing.T) {
			t.Parallel()
			conn, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			b, err := New(Config{Name: "bng1", Platform: FilterID, Quirks: []Quirk{test.quirk}, Secret: secret(t, testSecret), Conn: conn})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := background(func() error { return b.Run(ctx) })
			defer func() {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}()
			if _, err := b.Login(t.Context(), alice()); err != nil {
				t.Fatal(err)
			}
			output, err := radclient(t, b.Addr().String(), test.kind, testSecret, `User-Name = "alice@isp"`+test.more, "-r", "1",
				"-t", "0.5")
			if !strings.Contains(output, test.want) || (err != nil) != test.fails {
				t.Errorf("%v, want %q in\n%s", err, test.want, output)
			}
		})
	}
}

// BenchmarkProcess is the BNG's share of one CoA exchange without the socket.
func BenchmarkProcess(b *testing.B) {
	bng, err := New(Config{Name: "bng1", Platform: FilterID, Secret: secret(b, testSecret), KeepPackets: -1, DuplicateWindow: -1})
	if err != nil {
		b.Fatal(err)
	}
	const sessions = 5000
	for range sessions {
		if _, err := bng.Login(b.Context(), alice()); err != nil {
			b.Fatal(err)
		}
	}
	request := coa(b, 1, `User-Name="alice@isp", Acct-Session-Id=000007D0, Filter-Id=GARDEN`)
	b.ReportAllocs()
	for b.Loop() {
		if answer, note := bng.process(request, dasAddr, func([]byte) {}); answer == nil {
			b.Fatal(note)
		}
	}
}
