package bng

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

func pathsOf(faults quarantine.Faults) (paths []string) {
	for _, f := range faults {
		paths = append(paths, f.Path)
	}
	return paths
}

func TestAFaultOfABNGHasThePathToItsValue(t *testing.T) {
	junos, _ := dialect.Builtin().Get("junos")
	ericsson, _ := dialect.Builtin().Get("ericsson-se")
	for name, test := range map[string]struct {
		change func(*Config)
		paths  []string
	}{
		"nothing":              {func(*Config) {}, nil},
		"no name":              {func(c *Config) { c.Name = "" }, []string{"name"}},
		"a name with a slash":  {func(c *Config) { c.Name = "a/b" }, []string{"name"}},
		"an unconfigured name": {func(c *Config) { c.Group = "nas:x" }, []string{"group"}},
		"a former one":         {func(c *Config) { c.Formerly = []string{"x", "y/z"} }, []string{"formerly[1]"}},
		"no address":           {func(c *Config) { c.Address = netip.Addr{} }, []string{"address"}},
		"a multicast address":  {func(c *Config) { c.Address = netip.MustParseAddr("224.0.0.1") }, []string{"address"}},
		"no secret":            {func(c *Config) { c.Secret = radiusx.Secret{} }, []string{"secret"}},
		"a negative rate":      {func(c *Config) { c.Rate, c.MaxInFlight = -1, -1 }, []string{"rate", "max_in_flight"}},
		"an empty NAS":         {func(c *Config) { c.NAS = []NAS{{Identifier: "x"}, {}} }, []string{"nas[1]"}},
		"interims of a kind":   {func(c *Config) { c.InterimAddresses = "most" }, []string{"interim_addresses"}},
		"no dialect":           {func(c *Config) { c.Dialect = nil }, []string{"dialect"}},
		"an unknown option":    {func(c *Config) { c.Options = map[string]string{"x": "1"} }, []string{"dialect_options"}},
		"a proxy": {func(c *Config) { c.Via = &Proxy{Name: "aaa1", Deadline: time.Minute} },
			[]string{"via.address", "via.secret", "via.deadline"}},
		"profiles": {func(c *Config) {
			c.Dialect, c.Profiles = ericsson, map[string]dialect.Profile{"b": {Normal: dialect.Overlay},
				"a": {Restricted: "X", Normal: "$No-Such"}}
		}, []string{"profiles.a", "profiles.b"}},
		"a foreign profile of ours": {func(c *Config) {
			c.Profiles, c.Foreign = map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "PLAN"}},
				[]string{"SUSPENDED", "GAR*"}
		}, []string{"foreign_profiles[1]"}},
		"a signature of a kind": {func(c *Config) { c.MessageAuthenticator = 7 }, []string{"message_authenticator"}},
		"no time stamp where it must be": {func(c *Config) {
			d := *junos
			d.EventTimestamp = dialect.StampMandatory
			c.Dialect, c.OmitEventTimestamp = &d, true
		}, []string{"event_timestamp"}},
	} {
		c := testFleet(t).named["bng1"].Config
		test.change(&c)
		got := slices.Compact(pathsOf(c.Validate()))
		if !slices.Equal(got, test.paths) {
			t.Errorf("%s: paths %q, want %q: %v", name, got, test.paths, c.Validate())
		}
	}
}

func TestRequestsAreSignedAsWrittenOrElseAsSuitsThePlatform(t *testing.T) {
	builtin, _ := dialect.Builtin().Get("filter-id")
	d := *builtin
	d.MessageAuthenticator, d.EventTimestamp = dialect.SignOmit, dialect.StampOmit
	for _, test := range []struct {
		signing, stamping string
		want              coa.MessageAuthenticatorMode
		omitted           bool
		paths             []string
	}{
		{"", "", coa.MessageAuthenticatorOmit, true, nil},
		{"send", "send", coa.MessageAuthenticatorSend, false, nil},
		{"require-reply", "omit", coa.MessageAuthenticatorRequireReply, true, nil},
		{"maybe", "mandatory", coa.MessageAuthenticatorSend, false, []string{"message_authenticator", "event_timestamp"}},
	} {
		c := Config{Dialect: &d}
		paths := pathsOf(c.Sign(test.signing, test.stamping))
		if !slices.Equal(paths, test.paths) || c.MessageAuthenticator != test.want || c.OmitEventTimestamp != test.omitted {
			t.Errorf("%q %q: %v, omitted %t, faults at %q", test.signing, test.stamping, c.MessageAuthenticator,
				c.OmitEventTimestamp, paths)
		}
	}
}

func TestFaultsBetweenBNGsHaveTheirPlace(t *testing.T) {
	a, b := testFleet(t).named["bng1"].Config, testFleet(t).named["bng2"].Config
	a.NAS = nil
	b.NAS = []NAS{{IP: a.Address, Identifier: "edge-2"}}
	a.Group, b.Group, b.Interim = "pair", "pair", time.Hour
	faults := ValidateFleet([]Config{a, b})
	if got := pathsOf(faults); !slices.Equal(got, []string{"bngs[1].group", "bngs[1].nas"}) {
		t.Errorf("%v", faults)
	}
	_, err := NewFleet([]Config{a, b, a})
	if err == nil || !strings.Contains(err.Error(), `bngs[2].name: duplicate name "bng1"`) ||
		!strings.Contains(err.Error(), "interim must be the same as of bng1") {
		t.Errorf("%v", err)
	}
}
