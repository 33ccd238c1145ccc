package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
)

const goodConfig = `
redis: {addrs: ["127.0.0.1:6379"], accept_weak: true}
journal: {dir: /tmp/cordon-test}
http: {listen: "127.0.0.1:0"}
accounting:
  listen: ["127.0.0.1:1813"]
  clients:
    - {address: 127.0.0.1/32, secret: "0123456789abcdef0123456789abcdef", relay_for: [bng1]}
  ignore_sessions: [{realm: voip}, {nas_port_id: "*:836"}]
attribution: {tolerance: 3s, max_age: 7d}
sources:
  - {name: ids, kind: stream, tolerance: 5s, max_age: 6h, quota: 1000/h}
profiles:
  - {name: walled-garden, severity: 20, reachable: "DNS, portal, 112"}
  - {name: disconnect, severity: 30}
bngs:
  - name: bng1
    address: 192.0.2.1
    nas: [{ip: 192.0.2.1}, {identifier: bng1}]
    secret: "0123456789abcdef0123456789abcdef"
    dialect: junos
    message_authenticator: require-reply
    profiles:
      walled-garden: {restricted: GARDEN, normal: "$ERX-Service-Session|SVC-INET"}
policy:
  mode: approve
  rules:
    - {name: bots, match: {category: [botnet], min_confidence: 0.7, prefix: [198.51.100.0/24]}, profile: walled-garden, for: 3d}
    - {name: kick, match: {category: [ddos]}, profile: disconnect, for: 1h, mode: shadow, threshold: {count: 2, within: 24h}}
limits: {per_hour: 5}
exemptions: [{subscriber: "hospital@isp", reason: "emergency line", review: 2027-01-01}]
`

func TestAGoodConfigurationBecomesItsParts(t *testing.T) {
	cfg, parts, warnings, err := parse("cordon.yaml", []byte(goodConfig))
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0].Message, "no tokens") {
		t.Errorf("warnings %v", warnings)
	}
	if cfg.Attribution.Tolerance.Std() != 3*time.Second || cfg.Attribution.MaxAge.Std() != 168*time.Hour ||
		cfg.Attribution.RetryFor.Std() != 35*time.Minute {
		t.Errorf("attribution %+v", cfg.Attribution)
	}
	if want := (quarantine.Limits{PerHour: 5, PerDay: 60, PerBNGPerHour: 10, PerSourcePerHour: 10}); parts.Rules.Limits != want {
		t.Errorf("limits %+v, want %+v", parts.Rules.Limits, want)
	}
	if cfg.Policy.Mode != quarantine.ModeApprove || *cfg.Policy.Rules[1].Mode != quarantine.ModeShadow {
		t.Errorf("modes %s, %s", cfg.Policy.Mode, *cfg.Policy.Rules[1].Mode)
	}
	if len(parts.Fleet) != 1 || len(parts.Fleet[0].NAS) != 2 || !parts.Clients[0].Relay {
		t.Errorf("fleet %+v, clients %+v", parts.Fleet, parts.Clients)
	}
}

func TestAConfigurationThatSaysNothingIsShadowOnLoopback(t *testing.T) {
	if _, _, _, err := parse("cordon.yaml", nil); err == nil {
		t.Error("an empty file was taken for a configuration")
	}
	cfg, _, _, err := parse("cordon.yaml", []byte("instance: a\n"))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Policy.Mode != quarantine.ModeShadow || cfg.HTTP.Listen != "127.0.0.1:8480" {
		t.Errorf("mode %s, listen %s", cfg.Policy.Mode, cfg.HTTP.Listen)
	}
}

func TestEveryFaultIsReportedAtOnceWithItsPlace(t *testing.T) {
	const bad = `
redis: {adrs: ["127.0.0.1:6379"]}
http: {listen: "0.0.0.0:8480"}
accounting:
  listen: ["0.0.0.0:1813"]
  clients:
    - {address: 127.0.0.1/32, relay_for: [bng9]}
attribution: {tolerance: soon, history: 1h}
profiles:
  - {name: walled-garden, severity: 20, reachable: "DNS"}
bngs:
  - name: bng1
    address: 192.0.2.1
    secret_file: /nonexistent/secret
    dialect: junoss
  - name: bng2
    address: 192.0.2.2
    secret: "0123456789abcdef0123456789abcdef"
    dialect: mikrotik
    profiles:
      walled-garden: {restricted: GARDEN, normal: overlay}
policy:
  mode: enforced
  rules:
    - {name: bots, match: {category: [botnet]}, profile: garden}
    - {name: bots, match: {min_confidence: 7}, profile: walled-garden, for: 72h}
exemptions: [{reason: "who?"}]
`
	_, _, _, err := parse("cordon.yaml", []byte(bad))
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("error %v", err)
	}
	want := []string{
		`cordon.yaml:2:9: unknown key adrs`,
		`cordon.yaml:3:16: http.listen: 0.0.0.0:8480 must be a loopback address`,
		`cordon.yaml:5:12: accounting.listen[0]: must be the address`,
		`cordon.yaml:7:7: accounting.clients[0]: must have secret or secret_file`,
		`cordon.yaml:7:43: accounting.clients[0].relay_for[0]: unknown BNG "bng9"`,
		`cordon.yaml:8:26:`,
		`cordon.yaml:14:18: bngs[0].secret_file: read secret`,
		`cordon.yaml:15:14: bngs[0].dialect: unknown dialect "junoss": must be one of`,
		`cordon.yaml:21:22: bngs[1].profiles.walled-garden:`,
		`cordon.yaml:23:9:`,
		`cordon.yaml:25:7: policy.rules[0].for: must be greater than 0`,
		`cordon.yaml:25:58: policy.rules[0].profile: unknown profile "garden"`,
		`cordon.yaml:26:14: policy.rules[1].name: duplicate name "bots"`,
		`cordon.yaml:26:44: policy.rules[1].match.min_confidence: must be between 0 and 1`,
		`cordon.yaml:26:57: policy.rules[1].profile: bng bng1 has no walled-garden`,
		`cordon.yaml:27:14: exemptions[0]: must have exactly one of subscriber, prefix and bng`,
	}
	var got []string
	for _, f := range faults {
		got = append(got, f.Error())
	}
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || strings.HasPrefix(g, w)
		}
		if !found {
			t.Errorf("not reported: %s", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d faults, want %d", len(got), len(want))
	}
	if t.Failed() {
		t.Logf("reported:\n%s", strings.Join(got, "\n"))
	}
}

func TestWhatThePartsThemselvesWouldRefuseIsRefusedByTheCheck(t *testing.T) {
	const tokens = `http:
  listen: "127.0.0.1:0"
  tokens:
    - {name: a, token: "0123456789abcdef0123456789abcdef", scopes: [%s]}
    - {name: %s, token: "fedcba9876543210fedcba9876543210", scopes: [read]}
`
	for what, change := range map[string][2]string{
		"unknown scope":   {"http: {listen: \"127.0.0.1:0\"}\n", fmt.Sprintf(tokens, "wirte", "b")},
		"one name twice":  {"http: {listen: \"127.0.0.1:0\"}\n", fmt.Sprintf(tokens, "read", "a")},
		"host bits":       {"127.0.0.1/32", "127.0.0.1/24"},
		"db on a Cluster": {`addrs: ["127.0.0.1:6379"]`, `addrs: ["127.0.0.1:6379", "127.0.0.1:6380"], db: 1`},
	} {
		text := strings.Replace(goodConfig, change[0], change[1], 1)
		if text == goodConfig {
			t.Fatalf("%s: nothing replaced", what)
		}
		if _, _, _, err := parse("cordon.yaml", []byte(text)); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
}

func TestSecretsAreReadFromFilesAndNeverShown(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte("canary-0123456789abcdef-canary\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(goodConfig, `    secret: "0123456789abcdef0123456789abcdef"
    dialect`, "    secret_file: "+file+"\n    dialect", 1)
	_, parts, _, err := parse("cordon.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(parts.Fleet[0].Secret.Bytes()); got != "canary-0123456789abcdef-canary" {
		t.Errorf("secret %q", got)
	}
}

func TestAnExemptionsFileThatIsMissingOrEmptyIsAFault(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "exemptions.yaml")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/nonexistent/exemptions.yaml", empty} {
		if _, _, _, err := parse("cordon.yaml", []byte(goodConfig+"exemptions_file: "+file+"\n")); err == nil {
			t.Errorf("%s was taken", file)
		}
	}
	good := filepath.Join(t.TempDir(), "exemptions.yaml")
	if err := os.WriteFile(good, []byte("- {prefix: 203.0.113.0/24, reason: office}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, parts, _, err := parse("cordon.yaml", []byte(goodConfig+"exemptions_file: "+good+"\n"))
	if err != nil || len(parts.Rules.Exemptions) != 2 {
		t.Errorf("exemptions %+v, %v", parts, err)
	}
}

func TestWhatIsNoTextIsRefusedWithItsPlace(t *testing.T) {
	_, _, _, err := parse("cordon.yaml", []byte("instance: a\njournal: \x01\n"))
	if want := "cordon.yaml:2:10: control characters are not allowed (value: 1)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func FuzzConfigurationsNeverCrash(f *testing.F) {
	f.Add([]byte(goodConfig))
	f.Add([]byte("bngs: [{profiles: {a: {}}}]"))
	f.Add([]byte("policy: {rules: [null]}"))
	f.Add([]byte("a: &x [*x]"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _, _, _ = parse("cordon.yaml", data)
	})
}

const ownDialect = `name: ours
title: A box of our own
makes: [ours]
support: field
evidence: {mark: field, source: "our laboratory"}
coa_port: 3799
disconnect_port: 3799
rate: 5
max_in_flight: 2
identifiers: {must: [User-Name, Acct-Session-Id]}
disconnect: {must: [User-Name, Acct-Session-Id]}
swap:
  about: The policy is set, and set back.
  restrict: [{coa: ["Our-Policy={restricted}"], undo: ["Our-Policy={normal}"]}]
  restore: [{coa: ["Our-Policy={normal}"], undo: ["Our-Policy={restricted}"]}]
  change: [{coa: ["Our-Policy={restricted}"], undo: ["Our-Policy={previous restricted}"]}]
  coverage: {ipv4: {covered: yes}, ipv6: {covered: yes}}
  verify: [{about: "The policy in the next Interim-Update.", in: interim, reports: some, restricted: ["Our-Policy={restricted}"], restored: ["Our-Policy={normal}"]}]
ack_proves: {applied: false, sentence: "We never looked."}
`

func TestADialectAndADictionaryOfTheOperatorsAreUsed(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	dictionary := write("dictionary.ours", "VENDOR Ours 55555\nBEGIN-VENDOR Ours\nATTRIBUTE Our-Policy 7 string\nEND-VENDOR Ours\n")
	write("ours.yaml", ownDialect)
	text := strings.Replace(goodConfig, "dialect: junos", "dialect: ours", 1)
	text = strings.Replace(text, "$ERX-Service-Session|SVC-INET", "$Our-Policy|PLAN", 1)
	if _, _, _, err := parse("cordon.yaml", []byte(text)); err == nil {
		t.Error("a dialect that nobody knows was taken")
	}
	_, _, _, err := parse("cordon.yaml", []byte(text+"dialects_dir: "+dir+"\n"))
	if err == nil || !strings.Contains(err.Error(), "ours.yaml:") || !strings.Contains(err.Error(), "Our-Policy") {
		t.Errorf("without the dictionary: %v; want the place in the dialect's file", err)
	}
	text += "dialects_dir: " + dir + "\ndictionaries: [" + dictionary + "]\n"
	_, parts, _, err := parse("cordon.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := parts.Fleet[0].Dialect.Name; got != "ours" {
		t.Errorf("dialect %s", got)
	}
	if _, _, _, err := parse("cordon.yaml", []byte(strings.Replace(text, dictionary, "/nonexistent/dictionary", 1))); err == nil {
		t.Error("a dictionary that is not there was taken")
	}
}

func TestAnExperimentalDialectDoesNotEnforce(t *testing.T) {
	text := strings.Replace(goodConfig, "dialect: junos", "dialect: rtbrick", 1)
	text = strings.Replace(text, "$ERX-Service-Session|SVC-INET", "SVC-INET", 1)
	if _, _, _, err := parse("cordon.yaml", []byte(text)); err != nil {
		t.Errorf("in mode approve: %v", err)
	}
	_, _, _, err := parse("cordon.yaml", []byte(strings.Replace(text, "mode: approve", "mode: enforce", 1)))
	if err == nil || !strings.Contains(err.Error(), "experimental") {
		t.Errorf("in mode enforce: %v", err)
	}
}

func TestABNGBehindAProxyNeedsNoSecretOfItsOwn(t *testing.T) {
	const text = `
profiles: [{name: garden, severity: 20, reachable: "112"}]
proxies:
  - {name: aaa1, address: 192.0.2.50, secret: 0123456789abcdef0123456789abcdef, deadline: 20s}
bngs:
  - {name: bng1, address: 192.0.2.1, via: aaa1, dialect: junos, check_event_timestamp: true, profiles: {garden: {restricted: GARDEN, normal: overlay}}}
`
	_, parts, _, err := parse("cordon.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if b := parts.Fleet[0]; b.Via == nil || b.Via.Name != "aaa1" || b.Via.Deadline != 20*time.Second || !b.CheckEventTimestamp {
		t.Errorf("%+v", b)
	}
}

func TestFaultsOfProxiesAreReportedWithTheirPlace(t *testing.T) {
	const text = `
proxies:
  - {name: aaa1, address: 192.0.2.50, secret: 0123456789abcdef0123456789abcdef, deadline: 45s}
  - {name: aaa1, address: 192.0.2.51, secret: 0123456789abcdef0123456789abcdef}
  - {name: aaa2, address: 192.0.2.52}
bngs:
  - {name: bng1, address: 192.0.2.1, via: aaa3, dialect: junos}
`
	_, _, _, err := parse("cordon.yaml", []byte(text))
	for _, want := range []string{
		"cordon.yaml:3:91: proxies[0].deadline: must be from 1s to 30s", "cordon.yaml:4:12: proxies[1].name: duplicate name \"aaa1\"",
		"cordon.yaml:5:5: proxies[2]: must have secret or secret_file",
		`cordon.yaml:7:43: bngs[0].via: unknown proxy "aaa3": must be one of proxies`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("not reported: %s\nin: %v", want, err)
		}
	}
}

// A fault of a proxy is one fault, however many BNGs are reached through it.
func TestAFaultyProxyIsReportedOnce(t *testing.T) {
	const text = `
proxies:
  - {name: aaa1, address: 192.0.2.50}
bngs:
  - {name: bng1, address: 192.0.2.1, via: aaa1, dialect: junos}
  - {name: bng2, address: 192.0.2.2, via: aaa1, dialect: junos}
`
	_, _, _, err := parse("cordon.yaml", []byte(text))
	if err == nil || strings.Count(err.Error(), "secret") != 1+strings.Count(err.Error(), "secret or secret_file") ||
		!strings.Contains(err.Error(), "cordon.yaml:3:5: proxies[0]: must have secret or secret_file") || strings.Contains(err.Error(), "via") {
		t.Errorf("reported: %v", err)
	}
}

const lookups = `
  by_session: {key: "sess:{nas_ip}:{session}", fields: {subscriber: user, nas_ip: nas, session: id, address: ip, started: start}, attributes: {NAS-Port-Id: port}}
  by_subscriber: {key: "user:{subscriber}", type: set, value: "{nas_ip}:{session}"}
  by_address: {key: "ip:{address}", value: "{nas_ip}:{session}"}
`

func TestSessionsOfAnotherProgramAreCheckedAtTheirPlace(t *testing.T) {
	form := "\nsessions:\n  source: redis-template\n"
	_, parts, warnings, err := parse("cordon.yaml", []byte(goodConfig+form+lookups))
	if err != nil || parts.Sessions.BySession.Fields["address"] != "ip" || len(warnings) != 2 {
		t.Fatalf("%v, warnings %v", err, warnings)
	}
	_, parts, _, err = parse("cordon.yaml",
		[]byte(goodConfig+form+"  preset: rediswho\n  by_address: {key: \"ip:{address}\", value: \"{subscriber}\"}\n"))
	if err != nil || parts.Sessions.BySubscriber.Type != "list" || parts.Sessions.SilentAfter != 45*time.Minute {
		t.Errorf("a preset with an index by address: %v %+v", err, parts)
	}
	for _, c := range []struct{ written, fault string }{
		{"  preset: dhcpd\n", `sessions.preset: unknown preset "dhcpd"`},
		{"  preset: rediswho\n  lag: 10m\n", "sessions.max_age: must be greater than lag"},
		{"  preset: rediswho\n  poll: 1s\n", "sessions.poll: must be from 5s to 10m"},
		{"  preset: rediswho\n  redis: {addrs: [redis]}\n", `sessions.redis.addrs[0]: invalid address "redis"`},
		{"  preset: rediswho\n  by_address: {key: \"ip:{adress}\", value: \"{subscriber}\"}\n",
			"sessions.by_address.key: unknown placeholder {adress}: must be one of {address}"},
		{"  by_subscriber: {key: \"u:{subscriber}\", fields: {mac: m}}\n", `sessions.by_subscriber.fields.mac: unknown field "mac"`},
		{"  preset: rediswho\n  by_adress: {}\n", "unknown key by_adress"},
	} {
		_, _, _, err := parse("cordon.yaml", []byte(goodConfig+form+c.written))
		if err == nil || !strings.Contains(err.Error(), c.fault) || !strings.HasPrefix(err.Error(), "cordon.yaml:3") {
			t.Errorf("%s: %v", c.fault, err)
		}
	}
	plain := strings.Replace(goodConfig, "accounting:\n", "accounting:\n  subscriber: {realm: strip}\n", 1)
	if _, _, _, err := parse("cordon.yaml", []byte(plain+form+lookups)); err == nil ||
		!strings.Contains(err.Error(), "accounting.subscriber: must keep names as they are") {
		t.Errorf("a normaliser: %v", err)
	}
	if _, _, _, err := parse("cordon.yaml", []byte(goodConfig+"\nsessions: {preset: rediswho}\n")); err == nil {
		t.Error("a template without its source is taken")
	}
}

func TestARestrictionThatIPv6GoesAroundIsWarnedOf(t *testing.T) {
	text := strings.Replace(goodConfig, "dialect: junos", "dialect: accel-ppp\n    dialect_options: {l4_redirect_number: \"241\"}", 1)
	for _, c := range []struct {
		normal string
		warned bool
	}{{"overlay", true}, {"1000/1000", false}} {
		own := regexp.MustCompile(`(?m)^ +walled-garden: .*$`).ReplaceAllString(text,
			`      walled-garden: {restricted: "1", normal: "`+c.normal+`"}`)
		own = regexp.MustCompile(`(?m)^ +block-smtp: .*$`).ReplaceAllString(own, `      block-smtp: {restricted: "64/64", normal: "1000/1000"}`)
		_, _, warnings, err := parse("cordon.yaml", []byte(own))
		if err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(warnings.Error(), "does not restrict ipv6"); warned != c.warned {
			t.Errorf("normal %s: warned %t, want %t: %v", c.normal, warned, c.warned, warnings)
		}
	}
}

// onDialect is the good configuration with its first BNG on another dialect.
func onDialect(keys, garden string) string {
	text := strings.Replace(goodConfig, "dialect: junos", keys, 1)
	text = regexp.MustCompile(`(?m)^ +walled-garden: .*$`).ReplaceAllLiteralString(text, `      walled-garden: `+garden)
	return regexp.MustCompile(`(?m)^ +block-smtp: .*\n`).ReplaceAllLiteralString(text, "      block-smtp: "+garden+"\n")
}

func TestProfilesOfOthersAndLimitsAreCheckedAndExplained(t *testing.T) {
	const (
		redirect = `{restricted: "1", normal: overlay}`
		accel    = "dialect: accel-ppp\n    dialect_options: {l4_redirect_number: \"243\"%s}%s"
	)
	for _, c := range []struct {
		about, keys, garden string
		fault, warning      string
		without             string // a warning that must not be there
	}{
		{"a shared set", fmt.Sprintf(accel, "", ""), redirect, "", "ipset is not set: the set is whichever", ""},
		{"a set of our own", fmt.Sprintf(accel, ", ipset: cordon", ""), redirect, "", "", "ipset is not set"},
		{"the shaper needs no set", fmt.Sprintf(accel, "", ""), `{restricted: "64/64", normal: "1000/1000"}`, "", "", "ipset is not set"},
		{"others that nothing shows", fmt.Sprintf(accel, "", "\n    foreign_profiles: [suspended]"), redirect, "",
			"no attribute of accel-ppp is known to show", ""},
		{"others that a check may see", fmt.Sprintf(accel, "", "\n    foreign_profiles: [suspended]\n    verify: {exec: [/bin/true]}"), redirect,
			"", "", "no attribute of accel-ppp"},
		{"others that are ours", "dialect: filter-id\n    foreign_profiles: [GAR*]", "{restricted: GARDEN, normal: PLAN}",
			"must not match GARDEN", "", ""},
		{"limits in bit/s", "dialect: coova-chilli", `{restricted: portal, normal: "2000000/10000000"}`, "up/down in kbit/s", "", ""},
		{"limits that are not given back", "dialect: coova-chilli", `{restricted: portal, normal: "2000/10000 timeout=86400"}`, "",
			"normal has no interim=: a release does not restore Acct-Interim-Interval", "normal has no timeout="},
		{"limits from accounting without a fallback", "dialect: coova-chilli",
			`{restricted: portal, normal: "2000/10000 timeout=$Session-Timeout"}`, "must have a fallback", "", ""},
	} {
		_, _, warnings, err := parse("cordon.yaml", []byte(onDialect(c.keys, c.garden)))
		if (err != nil) != (c.fault != "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v, want %q", c.about, err, c.fault)
			continue
		}
		text := ""
		if len(warnings) > 0 {
			text = warnings.Error()
		}
		if !strings.Contains(text, c.warning) || c.without != "" && strings.Contains(text, c.without) {
			t.Errorf("%s: warned %q, want %q and not %q", c.about, text, c.warning, c.without)
		}
	}
}
