package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// radclient runs FreeRADIUS' client: kind is acct, coa, disconnect or status.
// Packets in input are apart by a blank line. An error means that not every
// packet was answered as it should.
func radclient(t testing.TB, server string, kind, secret, input string, options ...string) (string, error) {
	t.Helper()
	path, err := find("radclient")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append(options, "-x", server, kind, secret)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// record is one accounting record as radclient takes it.
type record struct {
	status  string // Start, Interim-Update, Stop; empty: Start
	bng     string // NAS-Identifier; empty: bng1
	user    string
	session string
	ip      string        // Framed-IP-Address; empty: none
	ago     time.Duration // Acct-Delay-Time
	more    string        // further attributes
}

func (r record) String() string {
	status, bng := r.status, r.bng
	if status == "" {
		status = "Start"
	}
	if bng == "" {
		bng = "bng1"
	}
	text := fmt.Sprintf("Acct-Status-Type = %s, NAS-Identifier = %q, User-Name = %q, Acct-Session-Id = %q", status, bng, r.user, r.session)
	if r.ip != "" {
		text += ", Framed-IP-Address = " + r.ip
	}
	if r.ago > 0 {
		text += fmt.Sprintf(", Acct-Delay-Time = %d", int(r.ago.Seconds()))
	}
	if r.more != "" {
		text += ", " + r.more
	}
	return text + "\n"
}

func join(records []record) string {
	var b strings.Builder
	for _, r := range records {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}
