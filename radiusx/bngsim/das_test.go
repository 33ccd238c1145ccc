package bngsim

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

func TestEachPlatformChangesItsOwnState(t *testing.T) {
	const ids = "User-Name=alice@isp, Acct-Session-Id=ID"
	for _, test := range []struct {
		name     string
		platform Platform
		ipoe     bool
		profile  State
		request  string
		want     string
		after    string
	}{
		{"filter", FilterID, false, State{FilterID: "NORMAL"}, "Filter-Id=GARDEN", "ACK", "filter=GARDEN"},
		{"filter it does not have", FilterID, false, State{FilterID: "NORMAL"}, "Filter-Id=NONE", "NAK Invalid-Attribute-Value",
			"filter=NORMAL"},
		{"an attribute it does not know", FilterID, false, State{}, "Filter-Id=GARDEN, Session-Timeout=5",
			"NAK Unsupported-Attribute", "plain"},
		{"nothing to change", FilterID, false, State{FilterID: "NORMAL"}, "", "ACK", "filter=NORMAL"},

		{"service added", Junos, false, State{Services: []string{"NORMAL"}}, `ERX-Service-Activate:1=GARDEN`, "ACK",
			"services=NORMAL+GARDEN"},
		{"service with parameters", Junos, false, State{}, `ERX-Service-Activate:1="GARDEN(20m)", ERX-Service-Statistics:1=2`,
			"ACK", "services=GARDEN(20m)"},
		{"service active already", Junos, false, State{Services: []string{"GARDEN"}}, `ERX-Service-Activate:1=GARDEN`, "ACK",
			"services=GARDEN"},
		{"unknown service", Junos, false, State{Services: []string{"NORMAL"}}, `ERX-Service-Activate:1=NONE`,
			"NAK Invalid-Attribute-Value", "services=NORMAL"},
		{"service removed", Junos, false, State{Services: []string{"NORMAL", "GARDEN"}}, `ERX-Service-Deactivate=GARDEN`, "ACK",
			"services=NORMAL"},
		{"service not active", Junos, false, State{Services: []string{"NORMAL"}}, `ERX-Service-Deactivate=GARDEN`,
			"NAK Invalid-Request", "services=NORMAL"},
		{"other parameters than the active ones", Junos, false, State{Services: []string{"GARDEN(1m)"}},
			`ERX-Service-Deactivate=GARDEN`, "NAK Invalid-Request", "services=GARDEN(1m)"},
		{"both in one, deactivation first whatever the order", Junos, false, State{Services: []string{"NORMAL"}},
			`ERX-Service-Activate:1=GARDEN, ERX-Service-Deactivate=NORMAL`, "ACK", "services=GARDEN"},
		{"both in one, all or nothing", Junos, false, State{Services: []string{"NORMAL"}},
			`ERX-Service-Deactivate=NORMAL, ERX-Service-Activate:1=NONE`, "NAK Invalid-Attribute-Value", "services=NORMAL"},
		{"filter of Junos", Junos, false, State{}, "Filter-Id=GARDEN", "ACK", "filter=GARDEN"},
		{"another vendor's attribute", Junos, false, State{}, "Mikrotik-Address-List=GARDEN", "NAK Unsupported-Attribute", "plain"},

		{"address list", MikroTik, false, State{AddressList: "NORMAL"}, "Mikrotik-Address-List=quarantine", "ACK", "list=quarantine"},
		{"rate and filter", MikroTik, false, State{}, `Mikrotik-Rate-Limit="64k/64k", Filter-Id=chain.in`, "ACK",
			"filter=chain.in rate=64k/64k"},
		{"what RouterOS ignores", MikroTik, false, State{AddressList: "NORMAL"}, "ERX-Service-Activate:1=GARDEN", "ACK", "list=NORMAL"},

		{"redirect on", AccelPPP, true, State{}, "L4-Redirect=1", "ACK", "redirected"},
		{"redirect off", AccelPPP, true, State{Redirect: true}, "L4-Redirect=0", "ACK", "plain"},
		{"redirect of a PPP session", AccelPPP, false, State{}, "L4-Redirect=1", "ACK", "plain"},
		{"shaper", AccelPPP, false, State{FilterID: "9/9"}, "Filter-Id=1000/5000", "ACK", "filter=1000/5000"},
		{"what is no rate", AccelPPP, false, State{FilterID: "9/9"}, "Filter-Id=GARDEN", "NAK", "filter=9/9"},
		{"what accel-ppp does not know", AccelPPP, true, State{}, "Mikrotik-Address-List=GARDEN", "ACK", "plain"},
		{"half of a request that fails", AccelPPP, true, State{}, "L4-Redirect=1, Filter-Id=GARDEN", "NAK", "redirected"},
	} {
		t.Run(string(test.platform)+"/"+test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, test.platform, func(c *Config) { c.Profiles = []string{"NORMAL", "GARDEN"} })
				defer l.stop()
				subscriber := alice()
				subscriber.Profile, subscriber.IPoE = test.profile, test.ipoe
				s := l.login(subscriber)
				text := strings.Replace(ids, "ID", s.ID, 1)
				if test.request != "" {
					text += ", " + test.request
				}
				if got := verdict(l.ask(coa(t, 1, text))); got != test.want {
					t.Errorf("answered %s, want %s", got, test.want)
				}
				if got := l.now(s.ID).State.String(); got != test.after {
					t.Errorf("session is %s, want %s", got, test.after)
				}
				if !s.Equal(test.profile) {
					t.Errorf("the snapshot of before changed to %s", s.State)
				}
			})
		})
	}
}

func TestEveryIdentifierMustFit(t *testing.T) {
	for _, test := range []struct {
		platform Platform
		text     string
		want     string
	}{
		{FilterID, "User-Name=alice@isp", "ACK"},
		{FilterID, "Acct-Session-Id=ID", "ACK"},
		{FilterID, `User-Name=alice@isp, Acct-Session-Id=ID, Framed-IP-Address=198.51.100.7, Calling-Station-Id="02:00:00:00:00:01", NAS-Port-Id=eth0.7, Framed-IPv6-Prefix="2001:db8:1::/64"`, "ACK"},
		{FilterID, "User-Name=alice@isp, Acct-Session-Id=OTHER", "NAK Session-Context-Not-Found"},
		{FilterID, "User-Name=bob@isp, Acct-Session-Id=ID", "NAK Session-Context-Not-Found"},
		{FilterID, "User-Name=alice@isp, Framed-IP-Address=198.51.100.8", "NAK Session-Context-Not-Found"},
		{FilterID, "User-Name=alice@isp, Calling-Station-Id=x", "NAK Session-Context-Not-Found"},
		{FilterID, "User-Name=alice@isp, Acct-Multi-Session-Id=x", "NAK Session-Context-Not-Found"},
		{FilterID, "User-Name=ALICE@isp", "NAK Session-Context-Not-Found"},
		{FilterID, "Filter-Id=GARDEN", "NAK Missing-Attribute"},
		{FilterID, "User-Name=twice@isp", "NAK Multiple-Session-Selection-Unsupported"},
		{FilterID, "User-Name=alice@isp, NAS-IP-Address=192.0.2.1, NAS-Identifier=bng1", "ACK"},
		{FilterID, "User-Name=alice@isp, NAS-IP-Address=192.0.2.2", "NAK NAS-Identification-Mismatch"},
		{FilterID, "User-Name=alice@isp, NAS-Identifier=bng2", "NAK NAS-Identification-Mismatch"},
		{Junos, "Filter-Id=GARDEN", "NAK Missing-Attribute"},
		{Junos, "User-Name=twice@isp", "NAK"},
		{MikroTik, "User-Name=alice@isp", "ACK"},
		{MikroTik, "User-Name=nobody", "NAK Session-Context-Not-Found"},
		{MikroTik, "User-Name=twice@isp", "ACK"},
		{MikroTik, "User-Name=alice@isp, NAS-IP-Address=192.0.2.2", "ACK"},
		{MikroTik, "Filter-Id=x", "NAK Session-Context-Not-Found"},
		{AccelPPP, "Filter-Id=1/1", "NAK Session-Context-Not-Found"},
		{AccelPPP, "User-Name=alice@isp, Acct-Session-Id=ID", "ACK"},
		{AccelPPP, "User-Name=alice@isp, NAS-Identifier=bng2", "NAK NAS-Identification-Mismatch"},
	} {
		t.Run(string(test.platform)+"/"+test.text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, test.platform, nil)
				defer l.stop()
				s := l.login(alice())
				other := l.login(Subscriber{User: "bob@isp", IPv4: netip.MustParseAddr("198.51.100.8")})
				l.login(Subscriber{User: "twice@isp"})
				l.login(Subscriber{User: "twice@isp"})
				text := strings.NewReplacer("OTHER", other.ID, "=ID", "="+s.ID).Replace(test.text)
				if got := verdict(l.ask(coa(t, 1, text))); got != test.want {
					t.Errorf("answered %s, want %s", got, test.want)
				}
			})
		})
	}
}

// The reason why an address alone must never be sent to accel-ppp.
func TestAccelPPPHitsTheWrongSessionWhenOnlyTheAddressIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, AccelPPP, nil)
		defer l.stop()
		innocent := l.login(Subscriber{User: "innocent@isp"}) // has no IPv4 yet
		guilty := l.login(alice())
		if got := verdict(l.ask(coa(t, 1, "Framed-IP-Address=198.51.100.7, Filter-Id=1/1"))); got != "ACK" {
			t.Fatalf("answered %s", got)
		}
		if l.now(innocent.ID).FilterID != "1/1" || l.now(guilty.ID).FilterID != "" {
			t.Errorf("innocent: %s, guilty: %s; the quirk must be set", l.now(innocent.ID), l.now(guilty.ID))
		}
	})
}

func TestWhatIsNotAuthenticGetsSilence(t *testing.T) {
	request := "User-Name=alice@isp, Filter-Id=GARDEN"
	good := coa(t, 1, request)
	signed := func(key string) []byte {
		p := radiusx.AppendMessageAuthenticator(append([]byte(nil), good...))
		radiusx.SignMessageAuthenticator(p, []byte(key), make([]byte, 16))
		return resign(t, p)
	}
	stamped := func(age time.Duration) func(time.Time) []byte {
		return func(now time.Time) []byte {
			return coa(t, 1, fmt.Sprintf("%s, Event-Timestamp=%d", request, now.Add(-age).Unix()))
		}
	}
	always := func(p []byte) func(time.Time) []byte { return func(time.Time) []byte { return p } }
	for _, test := range []struct {
		name      string
		platform  Platform
		configure func(*Config)
		packet    func(now time.Time) []byte
		want      Note
	}{
		{"another secret", FilterID, nil, always(encode(t, radius.CodeCoARequest, 1, "another secret", request)), WrongAuthenticator},
		{"a source that is not allowed", FilterID,
			func(c *Config) { c.Allowed = []netip.Prefix{netip.MustParsePrefix("192.0.2.99/32")} }, always(good), ForbiddenSource},
		{"an allowed source", FilterID, func(c *Config) { c.Allowed = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} },
			always(good), Handled},
		{"half a packet", FilterID, nil, always(good[:25]), MalformedPacket},
		{"an Accounting-Request", FilterID, nil, always(encode(t, radius.CodeAccountingRequest, 1, testSecret, request)), UnexpectedCode},
		{"a right Message-Authenticator", FilterID, nil, always(signed(testSecret)), Handled},
		{"a wrong Message-Authenticator", FilterID, nil, always(signed("another secret")), WrongMAuth},
		{"a wrong one at accel-ppp, which does not look", AccelPPP, nil, always(resign(t, signed("another secret"))), Handled},
		{"none where one is required", FilterID, func(c *Config) { c.RequireMessageAuthenticator = true }, always(good), WrongMAuth},
		{"an Event-Timestamp within the window", FilterID, nil, stamped(299 * time.Second), Handled},
		{"an old Event-Timestamp", FilterID, nil, stamped(302 * time.Second), StaleEvent},
		{"an Event-Timestamp of the future", FilterID, nil, stamped(-302 * time.Second), StaleEvent},
		{"an old one at accel-ppp, which does not look", AccelPPP, nil, stamped(time.Hour), Handled},
		{"none where one is required", FilterID, func(c *Config) { c.RequireEventTimestamp = true }, always(good), StaleEvent},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, test.platform, test.configure)
				defer l.stop()
				l.login(alice())
				answer := l.ask(test.packet(time.Now()))
				if (answer != nil) != (test.want == Handled) {
					t.Errorf("answered %s", verdict(answer))
				}
				if got := l.bng.Packets()[0].Note; got != test.want {
					t.Errorf("note %q, want %q", got, test.want)
				}
			})
		})
	}
}

// resign gives a request the right Request Authenticator.
func resign(t testing.TB, packet []byte) []byte {
	t.Helper()
	p, err := radius.Parse(packet, []byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	packet, err = p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestStateAndProxyStateAreEchoedInOrder(t *testing.T) {
	for m, want := range map[Platform]string{
		FilterID: "2103aa1804bbbb2103cc", Junos: "2103aa1804bbbb2103cc", MikroTik: "2103aa1804bbbb2103cc", AccelPPP: "",
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, m, nil)
			defer l.stop()
			l.login(alice())
			answer := l.ask(coa(t, 1, "Proxy-State=0xaa, User-Name=alice@isp, State=0xbbbb, Proxy-State=0xcc"))
			if got := hex.EncodeToString(answer[radiusx.HeaderLength:]); got != want {
				t.Errorf("%s: answer's attributes %s, want %s", m, got, want)
			}
		})
	}
}

func TestADuplicateGetsTheSameAnswerAndIsNotObeyedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, FilterID, nil)
		defer l.stop()
		s := l.login(alice())
		request := disconnect(t, 9, "User-Name=alice@isp, Proxy-State=0x01")
		first := l.ask(request)
		l.login(alice()) // would be disconnected by a second obedience
		second := l.ask(request)
		if verdict(first) != "ACK" || string(first) != string(second) {
			t.Errorf("answers %x and %x", first, second)
		}
		if n := len(l.bng.Find("alice@isp")); n != 1 {
			t.Errorf("%d sessions, want the second one", n)
		}
		if _, ok := l.bng.Session(s.ID); ok {
			t.Error("the disconnected session lives")
		}
		time.Sleep(6 * time.Minute)
		if third := l.ask(request); verdict(third) != "ACK" || len(l.bng.Sessions()) != 0 {
			t.Errorf("after the window: %s, %d sessions", verdict(third), len(l.bng.Sessions()))
		}
	})
}

func TestAnIdentifierUsedTooSoonAgainGetsTheOldAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, FilterID, nil)
		defer l.stop()
		s := l.login(alice())
		l.ask(coa(t, 9, "User-Name=alice@isp, Filter-Id=A"))
		l.send(coa(t, 9, "User-Name=alice@isp, Filter-Id=B"))
		if answer := l.receive(); answer == nil || l.now(s.ID).FilterID != "A" {
			t.Errorf("answer %x, filter %s", answer, l.now(s.ID).FilterID)
		}
	})
}

func TestAccelPPPRemembersNoAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, AccelPPP, nil)
		defer l.stop()
		l.login(alice())
		request := disconnect(t, 9, "User-Name=alice@isp")
		if first, second := verdict(l.ask(request)), verdict(l.ask(request)); first != "ACK" || second != "NAK Session-Context-Not-Found" {
			t.Errorf("answered %s, then %s", first, second)
		}
	})
}

func TestADisconnectTakesIdentifiersOnly(t *testing.T) {
	for text, want := range map[string]string{
		"User-Name=alice@isp": "ACK",
		"User-Name=alice@isp, Reply-Message=bye, Acct-Terminate-Cause=Admin-Reset, ERX-Virtual-Router-Name=x": "ACK",
		"User-Name=alice@isp, Service-Type=Framed-User":                                                       "NAK Unsupported-Attribute",
		"User-Name=bob@isp": "NAK Session-Context-Not-Found",
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, FilterID, nil)
			defer l.stop()
			l.login(alice())
			if got := verdict(l.ask(disconnect(t, 1, text))); got != want {
				t.Errorf("%s: answered %s, want %s", text, got, want)
			}
			if gone := len(l.bng.Sessions()) == 0; gone != (want == "ACK") {
				t.Errorf("%s: session gone: %v", text, gone)
			}
		})
	}
}

// Requests that radclient made, answers that radclient accepted.
func TestGoldenVectors(t *testing.T) {
	for _, v := range []struct{ name, request, answer string }{
		{
			"CoA with Message-Authenticator and Event-Timestamp",
			"2ba50046d9281a355d4df806c6b434dd77d9c65b010a73756231406973702c0a30303030413142320406c000020137066955b9005012d15687835d5317923fb7af296ecf607c",
			"2ca50026547382bd5d8798b17e37f8e1a3537d0950125a4ecef048140a8516dee1b73a5961c8",
		},
		{
			"Disconnect with Message-Authenticator",
			"2860003abe6a60b50fafbb65911e4deda8eb84122c0a3030303041314232010a73756231406973705012b31585c951b464d7f83b694c4ac05f2d",
			"296000265be79efa07e23a349e5d8236c5f4a699501269820190aa0783be7ed8909f9a8bf1e7",
		},
	} {
		b, err := New(Config{
			Name: "bng1", NASIP: nasIP, Platform: FilterID, Secret: secret(t, "golden-secret"),
			Now: func() time.Time { return time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC) },
		})
		if err != nil {
			t.Fatal(err)
		}
		b.counter = 0xA1B1
		if _, err := b.Login(t.Context(), Subscriber{User: "sub1@isp"}); err != nil {
			t.Fatal(err)
		}
		request, err := hex.DecodeString(v.request)
		if err != nil {
			t.Fatal(err)
		}
		answer, note := b.process(request, netip.AddrPortFrom(ourIP, 1), func([]byte) {})
		if got := hex.EncodeToString(answer); got != v.answer {
			t.Errorf("%s: %s %q, want %s", v.name, got, note, v.answer)
		}
	}
}

func FuzzProcess(f *testing.F) {
	for _, text := range []string{
		"User-Name=alice@isp, ERX-Service-Activate:1=GARDEN, Proxy-State=0x01",
		`Acct-Session-Id=1, ERX-Service-Deactivate="SVC(1)", Event-Timestamp=1`,
		"Framed-IP-Address=198.51.100.7, L4-Redirect=0, Filter-Id=1/1", "NAS-Identifier=x, Attr-26=0x0000130a41",
	} {
		f.Add(coa(f, 1, text))
		f.Add(disconnect(f, 1, text))
	}
	var bngs []*BNG
	for _, m := range Platforms() {
		b, err := New(Config{Name: "bng1", Platform: m, Secret: secret(f, testSecret), Dictionary: testDictionary(f),
			RedirectAttribute: "L4-Redirect", DuplicateWindow: -1})
		if err != nil {
			f.Fatal(err)
		}
		bngs = append(bngs, b)
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		signed := datagram
		if p, err := radius.Parse(datagram, []byte(testSecret)); err == nil && (p.Code == codeCoA || p.Code == codeDisconnect) {
			if signed, err = p.Encode(); err != nil {
				return
			}
		}
		for _, b := range bngs {
			if _, err := b.Login(t.Context(), alice()); err != nil {
				t.Fatal(err)
			}
			answer, note := b.process(signed, netip.AddrPortFrom(ourIP, 1), func([]byte) {})
			if (answer == nil) == (note == Handled) {
				t.Errorf("%s: answer %x with note %q", b.config.Platform, answer, note)
			}
			if answer != nil && !radius.IsAuthenticResponse(answer, signed[:int(signed[2])<<8|int(signed[3])], []byte(testSecret)) {
				t.Errorf("%s: answer %x is not authentic", b.config.Platform, answer)
			}
			b.forget()
		}
	})
}
