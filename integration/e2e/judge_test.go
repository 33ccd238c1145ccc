package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// bngMake is one dialect in one of its forms, as a BNG is configured for it.
type bngMake struct {
	name       string
	dialect    string
	restricted string
	normal     string
	options    string // dialect_options as name=value; empty: none
	packets    int    // of one restriction
}

var bngMakes = []bngMake{
	{"filter-id", "filter-id", "GARDEN", "INTERNET", "", 1},
	{"mikrotik", "mikrotik", "garden", "customers", "", 1},
	{"junos swap", "junos", "GARDEN(10m)", "SVC-INET", "", 2},
	{"junos overlay", "junos", "GARDEN", "overlay", "", 1},
	{"accel-ppp shaper", "accel-ppp", "GARDEN", "50000/50000", "", 1},
	{"accel-ppp L4 redirect", "accel-ppp", "1", "overlay", "l4_redirect_number=243", 1},
}

// render is "cordon coa render" for the session alice/a1.
func (m bngMake) render(t *testing.T, action string) string {
	t.Helper()
	args := []string{"coa", "render", "--dialect", m.dialect, "--action", action, "--restricted", m.restricted, "--normal", m.normal,
		"--session", "User-Name=alice,Acct-Session-Id=a1,Framed-IP-Address=198.51.100.7"}
	if m.options != "" {
		args = append(args, "--option", m.options)
	}
	r := runCLI(t, nil, args...)
	if r.code != 0 {
		t.Fatal(r)
	}
	return r.out
}

// packetsOf splits rendered packets into their attribute lines.
func packetsOf(text string) [][]string {
	var all [][]string
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		all = append(all, strings.Split(block, "\n"))
	}
	return all
}

func TestRadclientSendsWhatIsRenderedAndFreeRADIUSAcceptsIt(t *testing.T) {
	t.Parallel()
	for _, m := range bngMakes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			bng := startRadiusd(t, 1, nil)
			for _, action := range []string{"restrict", "restore", "disconnect"} {
				kind, code := "coa", "CoA-Request"
				if action == "disconnect" {
					kind, code = "disconnect", "Disconnect-Request"
				}
				text := m.render(t, action)
				want := packetsOf(text)
				if action == "restrict" && len(want) != m.packets {
					t.Errorf("%d packets, want %d:\n%s", len(want), m.packets, text)
				}
				before := len(bng.requests())
				out, err := radclient(t, fmt.Sprintf("127.0.0.1:%d", bng.coa[0]), kind, coaSecret, text, "-r", "2", "-t", "5", "-d", bng.dir)
				if err != nil {
					t.Errorf("%s: radclient: %v\n%s\nof:\n%s", action, err, out, text)
				}
				var got [][]string
				for _, q := range bng.requests()[before:] {
					if q.code != code {
						t.Errorf("%s arrived as %s", action, q.code)
					}
					got = append(got, q.attributes)
				}
				if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
					t.Errorf("%s: FreeRADIUS read\n%s\nof:\n%s", action, got, text)
				}
			}
		})
	}
}

func TestWhatIsSentIsWhatIsRendered(t *testing.T) {
	t.Parallel()
	for _, m := range bngMakes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, func(s *site) {
				more := fmt.Sprintf("    dialect: %s\n    profiles:\n      walled-garden: {restricted: %q, normal: %q}\n      block-smtp: "+
					"{restricted: OTHER, normal: %q}",
					m.dialect, m.restricted, m.normal, m.normal)
				if name, value, ok := strings.Cut(m.options, "="); ok {
					more += fmt.Sprintf("\n    dialect_options: {%s: %q}", name, value)
				}
				s.bngs[0].more = more
			})
			b.account(record{user: "alice", session: "a1", ip: "198.51.100.7"})
			b.report("198.51.100.7")
			want := packetsOf(m.render(t, "restrict"))
			expectPackets(t, b.bng, want)
			c := b.stands("alice", "restricted", "bng1/a1 acked")

			b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
			want = append(want, packetsOf(m.render(t, "restore"))...)
			expectPackets(t, b.bng, want)
			b.stands("alice", "closed")

			b.ok("quarantine", "add", "--subscriber", "alice", "--profile", "disconnect", "--reason", "stuck", "--wait", "20s")
			want = append(want, packetsOf(m.render(t, "disconnect"))...)
			expectPackets(t, b.bng, want)
			if last := b.bng.requests()[len(want)-1]; last.code != "Disconnect-Request" || last.timestamp == "" || !last.signed {
				t.Errorf("%+v", last)
			}
		})
	}
}

func expectPackets(t *testing.T, bng *radiusd, want [][]string) {
	t.Helper()
	within(t, soon, fmt.Sprintf("the BNG has got\n%s", want), func() (string, bool) {
		var got [][]string
		for _, q := range bng.requests() {
			got = append(got, q.attributes)
		}
		return fmt.Sprint(got), slices.EqualFunc(got, want, slices.Equal[[]string])
	})
}

func TestARefusedStepUndoesTheStepsBeforeIt(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) {
		s.bngs[0].more = "    dialect: junos\n    profiles:\n      walled-garden: {restricted: NO-SUCH-SERVICE, normal: SVC-INET}\n" +
			"      block-smtp: {restricted: NO-SMTP, normal: SVC-INET}"
	})
	b.online("alice", "198.51.100.7")
	b.report("198.51.100.7")
	line := func(attribute string) string {
		return `CoA-Request: User-Name = "alice", Acct-Session-Id = "s-alice", ` + attribute
	}
	b.bng.expect("alice", line(`ERX-Service-Deactivate = "SVC-INET"`), line(`ERX-Service-Activate:1 = "NO-SUCH-SERVICE"`),
		line(`ERX-Service-Activate:1 = "SVC-INET"`))
	c := b.stands("alice", "restricting", "bng1/s-alice refused")
	if cause := c.Sessions[0].ErrorCause; cause == nil || *cause != 404 {
		t.Errorf("%s", show(c))
	}
}
