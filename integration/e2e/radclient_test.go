package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// radclient runs FreeRADIUS' client: kind is acct, coa, disconnect or status.
// Packets in input are apart by a blank line. An error means that not every
// packet was answered as it should. Accounting records without Event-Timestamp get
// one, as most BNGs send it: without, nobody knows how long they were on their way.
func radclient(t testing.TB, server string, kind, secret, input string, options ...string) (string, error) {
	t.Helper()
	path, err := find("radclient")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append(options, "-x", server, kind, secret)...)
	if kind == "acct" {
		input = stamped(input, time.Now())
	}
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var delayTime = regexp.MustCompile(`Acct-Delay-Time = (\d+)`)

// stamped adds to each packet that lacks it an Event-Timestamp that its
// Acct-Delay-Time agrees with.
func stamped(input string, now time.Time) string {
	packets := strings.Split(input, "\n\n")
	for i, packet := range packets {
		text := strings.TrimRight(packet, "\n")
		if text == "" || strings.Contains(text, "Event-Timestamp") {
			continue
		}
		at := now.Add(time.Second - 1).Unix() // that second has begun on arrival, or the arrival counts
		if told := delayTime.FindStringSubmatch(text); told != nil {
			delay, _ := strconv.ParseInt(told[1], 10, 64) // it is digits
			at -= delay
		}
		packets[i] = fmt.Sprintf("%s, Event-Timestamp = %d%s", text, at, packet[len(text):])
	}
	return strings.Join(packets, "\n\n")
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
