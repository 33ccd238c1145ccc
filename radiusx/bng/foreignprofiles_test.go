package bng

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/dialect"
)

func filtered(foreign ...string) func(*Config) {
	return func(c *Config) {
		geared(gear{dialect: "filter-id", restricted: "GARDEN", normal: "PLAN"})(c)
		c.Foreign = foreign
	}
}

func TestAForeignProfileHoldsANewRestrictionUntilItIsGone(t *testing.T) {
	e, net := oneBNG(t, filtered("SUSPENDED", "FUP-*"))
	for _, test := range []struct {
		attribute, value string
		held             bool
	}{
		{"Filter-Id", "SUSPENDED", true}, {"Filter-Id", "FUP-512", true},
		{"Filter-Id", "PLAN", false}, {"Filter-Id", "suspended", false}, {"Filter-Id", "SUSPENDED2", false},
		{"NAS-Port-Id", "SUSPENDED", false}, // carries no profile
	} {
		s := ofAlice()
		s.Attributes = append(s.Attributes, quarantine.Attribute{Name: test.attribute, Value: test.value})
		_, impossible := e.Prepare(s, "garden")
		if held := impossible != nil; held != test.held {
			t.Errorf("%s=%s: %+v, want held: %t", test.attribute, test.value, impossible, test.held)
		}
		if impossible != nil && (impossible.Kind != quarantine.OutcomeRefused || !impossible.Untouched ||
			!strings.Contains(impossible.Reason, test.value)) {
			t.Errorf("%s=%s: %+v", test.attribute, test.value, impossible)
		}
		if out := e.Enforce(t.Context(), quarantine.Order{Session: s, From: []quarantine.AppliedProfile{{Profile: "garden"}}},
			quarantine.OpenGate{}); out.Kind != quarantine.OutcomeAcked {
			t.Errorf("%s=%s: the release: %+v", test.attribute, test.value, out)
		}
	}
	if len(net.sent) != 6 {
		t.Errorf("sent %v", net.sent)
	}
}

func TestAForeignProfileThatAccountingShowedLongAgoIsGone(t *testing.T) {
	e, _ := oneBNG(t, func(c *Config) { filtered("SUSPENDED")(c); c.Interim = 10 * time.Minute })
	s := ofAlice()
	s.SeenAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for ago, held := range map[time.Duration]bool{10 * time.Minute: true, 25 * time.Minute: false} {
		s.Observed = []quarantine.ObservedAttribute{{Attribute: quarantine.Attribute{Name: "Filter-Id", Value: "SUSPENDED"},
			At: s.SeenAt.Add(-ago)}}
		if _, impossible := e.Prepare(s, "garden"); (impossible != nil) != held {
			t.Errorf("%s ago: %+v", ago, impossible)
		}
	}
}

func TestALogInThatBringsAForeignProfileIsLeftAlone(t *testing.T) {
	e, _ := oneBNG(t, filtered("SUSPENDED"))
	for value, left := range map[string]bool{"SUSPENDED": true, "PLAN": false} {
		reported := append(asked(), radiusx.Attribute{Name: "Filter-Id", Value: value})
		l, ok := NewLogIns(e.fleet, AccountingConfig{}).LogIn(reported)
		if !ok {
			t.Fatal("the log-in is nobody's")
		}
		if _, err := l.Reply("garden"); (err != nil) != left || (l.Undo()["garden"] == "") != left {
			t.Errorf("%s: %v, undo %v", value, err, l.Undo())
		}
	}
}

// operator answers questions about lines.
type operator struct {
	word  string
	err   error
	asked []LineQuestion
}

func (o *operator) Ask(_ context.Context, question []byte) (string, error) {
	var q LineQuestion
	if err := json.Unmarshal(question, &q); err != nil {
		return "", err
	}
	o.asked = append(o.asked, q)
	return o.word, o.err
}

func TestTheOperatorsCheckMaySeeAForeignProfile(t *testing.T) {
	for _, test := range []struct {
		operator operator
		again    bool // it may be in force already
		foreign  []string
		sent     int
	}{
		{operator{word: "foreign"}, false, []string{"SUSPENDED"}, 0},
		{operator{word: "normal"}, false, []string{"SUSPENDED"}, 1},
		{operator{word: "foreign", err: errors.New("away")}, false, []string{"SUSPENDED"}, 1},
		{operator{word: "foreign"}, true, []string{"SUSPENDED"}, 1},
		{operator{word: "foreign"}, false, nil, 1},
	} {
		e, net := oneBNG(t, func(c *Config) { filtered(test.foreign...)(c); c.Verify = &test.operator })
		o := prepared(t, e)
		if test.again {
			o.From = []quarantine.AppliedProfile{o.Restriction()}
		}
		out := e.Enforce(t.Context(), o, quarantine.OpenGate{})
		if len(net.sent) != test.sent || (out.Kind == quarantine.OutcomeRefused && out.Untouched) != (test.sent == 0) {
			t.Errorf("%+v: %+v, sent %v", test, out, net.sent)
		}
		if out := e.Enforce(t.Context(), releaseOf(o), quarantine.OpenGate{}); out.Kind != quarantine.OutcomeAcked {
			t.Errorf("%+v: the release: %+v", test, out)
		}
		if len(test.operator.asked) > 0 && len(test.operator.asked[0].Foreign) != 1 {
			t.Errorf("asked %+v", test.operator.asked)
		}
	}
}

func TestAForeignProfileIsNoneOfOurs(t *testing.T) {
	secret, err := radiusx.NewSecret("0123456789abcdef0123456789abcdef")
	must(t, err)
	for foreign, want := range map[string]string{
		"SUSPENDED": "", "GARDEN": "must not match GARDEN", "GAR*": "must not match GARDEN", "PLAN": "must not match PLAN",
		"": "must not match every line", "*": "must not match every line", "overlay": "",
	} {
		c := Config{Name: "bng1", Address: netip.MustParseAddr("192.0.2.1"), Secret: secret}
		filtered(foreign)(&c)
		got := ""
		if err := c.Validate(); err != nil {
			got = err.Error()
		}
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", foreign, got, want)
		}
	}
}

func TestWhereForeignProfilesCannotBeSeenIsSaid(t *testing.T) {
	for name, test := range map[string]struct {
		dialect string
		foreign []string
		verify  LineCheck
		unseen  bool
	}{
		"accounting shows it":  {"filter-id", []string{"SUSPENDED"}, nil, false},
		"nothing shows it":     {"accel-ppp", []string{"suspended"}, nil, true},
		"the operator sees it": {"accel-ppp", []string{"suspended"}, &operator{}, false},
		"none are configured":  {"accel-ppp", nil, nil, false},
	} {
		d, _ := dialect.Builtin().Get(test.dialect)
		c := Config{Dialect: d, Foreign: test.foreign, Verify: test.verify}
		if got := c.ForeignUnseen(); (got != "") != test.unseen {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// The AAA server's names of accel-ppp's attributes are the site's.
func TestALogInAtAccelPPPIsRedirectedIntoOurOwnSetFromTheFirstMoment(t *testing.T) {
	for about, test := range map[string]struct {
		options map[string]string
		want    string // of the reply; "": left alone
	}{
		"redirect and set": {
			map[string]string{"l4_redirect_name": "My-Redirect", "ipset_name": "My-Set", "ipset": "cordon"},
			`set My-Redirect = "1", set My-Set = "cordon"`,
		},
		"without a set":       {map[string]string{"l4_redirect_name": "My-Redirect"}, `set My-Redirect = "1"`},
		"no name":             {map[string]string{"ipset": "cordon", "ipset_name": "My-Set"}, ""},
		"no name for the set": {map[string]string{"l4_redirect_name": "My-Redirect", "ipset": "cordon"}, ""},
	} {
		t.Run(about, func(t *testing.T) {
			test.options["l4_redirect_number"] = "243"
			e, _ := oneBNG(t, geared(gear{dialect: "accel-ppp", restricted: "1", normal: dialect.Overlay, options: test.options}))
			l, ok := NewLogIns(e.fleet, AccountingConfig{}).LogIn(asked())
			if !ok {
				t.Fatal("the log-in is nobody's")
			}
			changes, err := l.Reply("garden")
			var got []string
			for _, c := range changes {
				got = append(got, c.Action.String()+" "+c.Attribute.String())
			}
			if text := strings.Join(got, ", "); text != test.want || (err != nil) != (test.want == "") {
				t.Errorf("got %s, %v; want %s", text, err, test.want)
			}
			if undo := l.Undo()["garden"]; (undo == "") != (test.want == "") || undo != "" && !strings.Contains(undo, `"steps"`) {
				t.Errorf("undo %s", undo)
			}
		})
	}
}
