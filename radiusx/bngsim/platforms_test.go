package bngsim

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/acct"
)

// said returns what an answer says beside its code, signatures left out.
func said(t testing.TB, answer []byte) string {
	t.Helper()
	attrs, err := radius.ParseAttributes(answer[radiusx.HeaderLength:])
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, a := range testWords(t).Decode(attrs) {
		if a.Name != "Message-Authenticator" {
			parts = append(parts, a.Label()+"="+a.Value)
		}
	}
	return strings.Join(parts, ", ")
}

func testWords(t testing.TB) *vocabulary {
	t.Helper()
	words, err := newVocabulary(testDictionary(t))
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// askFor sends a CoA-Request in the platforms' own words.
func (l *lab) askFor(identifier byte, text string) []byte {
	l.t.Helper()
	attrs, err := radiusx.ParseAttributes(text)
	if err != nil {
		l.t.Fatal(err)
	}
	words := testWords(l.t)
	for i := range attrs {
		attrs[i] = words.spell(attrs[i])
	}
	encoded, err := words.EncodeAll(attrs)
	if err != nil {
		l.t.Fatal(err)
	}
	p := radius.Packet{Code: radius.CodeCoARequest, Identifier: identifier, Secret: []byte(testSecret), Attributes: encoded}
	packet, err := p.Encode()
	if err != nil {
		l.t.Fatal(err)
	}
	return l.ask(packet)
}

func TestTheVendorsPlatformsChangeTheirOwnState(t *testing.T) {
	type step struct{ request, want, after string }
	const stamp = ", Event-Timestamp=946684800" // the first second of a synctest bubble
	for _, test := range []struct {
		name     string
		platform Platform
		had      State
		ids      string
		steps    []step
	}{
		{"SLA profile and back", NokiaSROS, State{ServiceProfile: "GOLD"}, "Acct-Session-Id=ID", []step{
			{`Alc-SLA-Prof-Str=GARDEN`, "ACK", "profile=GARDEN"},
			{`Alc-SLA-Prof-Str=NONE`, "NAK Invalid-Attribute-Value", "profile=GARDEN"},
			{`Alc-Remove-Override="26.6527.13"`, "ACK", "profile=GOLD"},
			{`Mikrotik-Address-List=x, Alc-Subsc-Prof-Str=y`, "ACK", "profile=GOLD"},
		}},
		{"subscriber filter", NokiaSROS, State{ServiceProfile: "GOLD"}, "Acct-Session-Id=ID", []step{
			{`Alc-Subscriber-Filter="Ingr-v4:66,Egr-v4:66,Ingr-v6:67,Egr-v6:-1"`, "ACK",
				"profile=GOLD overrides=Egr-v4=66+Ingr-v4=66+Ingr-v6=67"},
			{`Alc-Subscriber-Filter="Ingr-v4:-2,Egr-v4:0"`, "ACK", "profile=GOLD overrides=Egr-v4=0+Ingr-v6=67"},
			{`Alc-Subscriber-Filter="Ingr-v4:5,Egr-v4:66000"`, "NAK Invalid-Attribute-Value", "profile=GOLD overrides=Egr-v4=0+Ingr-v6=67"},
			{`Alc-Remove-Override="26.6527.134"`, "ACK", "profile=GOLD"},
		}},
		{"two keys must both fit", NokiaSROS, State{}, "", []step{
			{`Acct-Session-Id=ID, Alc-Subsc-ID-Str=line-1, Alc-SLA-Prof-Str=GARDEN`, "ACK", "profile=GARDEN"},
			{`Acct-Session-Id=ID, Alc-Subsc-ID-Str=line-2, Alc-SLA-Prof-Str=GOLD`, "NAK Session-Context-Not-Found", "profile=GARDEN"},
			{`Alc-Subsc-ID-Str=line-1, Alc-SLA-Prof-Str=GOLD`, "ACK", "profile=GOLD"},
		}},

		{"services by command", CiscoISG, State{Services: []string{"GOLD"}}, "Acct-Session-Id=ID", []step{
			{`Cisco-AVPair="subscriber:command=activate-service", Cisco-AVPair="subscriber:service-name=GARDEN"`, "ACK",
				"services=GOLD+GARDEN"},
			{`Cisco-AVPair="subscriber:command=account-status-query"`, "ACK Cisco-Account-Info=N1GOLD, Cisco-Account-Info=N1GARDEN",
				"services=GOLD+GARDEN"},
			{`Cisco-AVPair="subscriber:command=deactivate-service", Cisco-AVPair="subscriber:service-name=GARDEN"`, "ACK", "services=GOLD"},
			{`Cisco-AVPair="subscriber:command=deactivate-service", Cisco-AVPair="subscriber:service-name=GARDEN"`,
				"NAK Invalid-Request", "services=GOLD"},
			{`Cisco-AVPair="subscriber:command=activate-service", Cisco-AVPair="subscriber:service-name=NONE"`,
				"NAK Invalid-Request", "services=GOLD"},
			{`Cisco-AVPair="subscriber:command=activate-service", Cisco-AVPair="subscriber:service-name=GARDEN", Cisco-AVPair="subscriber:service-name=GOLD"`, "NAK Invalid-Request", "services=GOLD"},
			{`Cisco-AVPair="subscriber:command=activate-service"`, "NAK Missing-Attribute", "services=GOLD"},
			{`Cisco-AVPair="subscriber:command=dance"`, "NAK Unsupported-Service", "services=GOLD"},
		}},
		{"named by its address", CiscoISG, State{}, `Cisco-Account-Info="S198.51.100.7:vrf-id=RED"`, []step{
			{`Cisco-AVPair="subscriber:command=activate-service", Cisco-AVPair="subscriber:service-name=GARDEN"`, "ACK", "services=GARDEN"},
		}},
		{"several actions, all or nothing", CiscoXR, State{Services: []string{"GOLD"}}, "Acct-Session-Id=ID", []step{
			{`Cisco-AVPair="subscriber:sd=GOLD", Cisco-AVPair="subscriber:sa=NONE"`, "NAK Invalid-Request", "services=GOLD"},
			{`Cisco-AVPair="subscriber:sd=GOLD", Cisco-AVPair="subscriber:sa=GARDEN"`, "ACK", "services=GARDEN"},
			{`Cisco-AVPair="subscriber:command=account-update", Cisco-AVPair="ipv4:inacl=A", Cisco-AVPair="ipv6:ipv6_inacl=B"`,
				"ACK", "services=GARDEN overrides=ipv4:inacl=A+ipv6_inacl=B"},
		}},
		{"user group", HuaweiNE, State{FilterID: "GOLD"}, "Acct-Session-Id=ID", []step{
			{`Filter-Id=GARDEN`, "ACK", "filter=GARDEN"},
			{`Filter-Id=NONE`, "ACK", "filter=GARDEN"}, // error-reply version1
		}},
		{"tagged services", EricssonSE, State{Services: []string{"GOLD"}}, "Acct-Session-Id=ID", []step{
			{`Service-Name:1=GARDEN, Service-Action:1=1, Service-Parameter:1="rate=64", Service-Name:2=GOLD, Service-Action:2=0`,
				"ACK", "services=GARDEN(rate=64)"},
			{`Deactivate-Service-Name:1=GARDEN`, "ACK", "plain"},
			{`Deactivate-Service-Name:3=GARDEN`, "NAK Invalid-Request Error-Cause=Invalid-Request, Service-Error-Cause:3=404", "plain"},
			{`Service-Name:1=GARDEN`, "NAK Missing-Attribute Error-Cause=Missing-Attribute, Service-Error-Cause:1=402", "plain"},
			{`HTTP-Redirect-Profile-Name=GARDEN`, "ACK", "overrides=redirect=GARDEN"},
		}},
		{"service profile and lists", RtBrick, State{ServiceProfile: "GOLD"}, "Acct-Session-Id=ID", []step{
			{`RtBrick-Service-Profile=GARDEN`, "ACK", "profile=GARDEN"},
			{`RtBrick-IPv4-ACL-In=GARDEN, RtBrick-HTTP-Redirect-URL="http://portal.example"`, "ACK",
				"profile=GARDEN overrides=ipv4-in=GARDEN+url=http://portal.example"},
		}},
		{"shaper, no redirect", VyOS, State{FilterID: "9/9"}, "User-Name=alice@isp, Acct-Session-Id=ID", []step{
			{`Filter-Id=64/64`, "ACK", "filter=64/64"},
			{`L4-Redirect=1`, "ACK", "filter=64/64"},
		}},
		{"no User-Name, no answer", CoovaChilli, State{RateLimit: "1/1"}, "", []step{
			{`Acct-Session-Id=ID, CoovaChilli-Session-State=2`, "silence", "rate=1/1"},
			{`User-Name=nobody, CoovaChilli-Session-State=2`, "NAK", "rate=1/1"},
		}},
		{"portal and back, without the limits", CoovaChilli, State{RateLimit: "1/1"}, "User-Name=alice@isp", []step{
			{`CoovaChilli-Session-State=2`, "ACK", "at the portal"},
			{`CoovaChilli-Session-State=1`, "ACK", "plain"},
			{`CoovaChilli-Bandwidth-Max-Up=5, CoovaChilli-Bandwidth-Max-Down=7`, "ACK", "rate=5000/7000"},
		}},
		{"profile by login, and AAA's again", Skat, State{RateLimit: "GOLD"}, "User-Name=alice@isp, Acct-Session-Id=not-looked-at", []step{
			{`VasExperts-Policing-Profile=GARDEN, VasExperts-Restrict-User=1`, "ACK", "rate=GARDEN overrides=restricted=1"},
			{`Service-Type=8`, "ACK", "rate=GOLD"},
		}},
		{"needs a timestamp and the NAS", StarOS, State{FilterID: "GOLD"}, "Acct-Session-Id=ID", []step{
			{`NAS-IP-Address=192.0.2.1, Filter-Id=GARDEN`, "silence", "filter=GOLD"},
			{`Filter-Id=GARDEN` + stamp, "NAK Missing-Attribute", "filter=GOLD"},
		}},
		{"only the first identifier counts", OSVBNG, State{}, "", []step{
			{`Acct-Session-Id=ID, User-Name=somebody, Filter-Id=GARDEN`, "ACK", "filter=GARDEN"},
		}},
		{"no CoA", Hostapd, State{}, "Acct-Session-Id=ID", []step{{`Filter-Id=GARDEN`, "NAK Unsupported-Service", "plain"}}},
	} {
		t.Run(string(test.platform)+"/"+test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, test.platform, func(c *Config) { c.Profiles = []string{"GOLD", "GARDEN"} })
				defer l.stop()
				subscriber := alice()
				subscriber.Line, subscriber.Profile = "line-1", test.had
				s := l.login(subscriber)
				neighbour := bob()
				neighbour.Line, neighbour.Profile = "line-2", test.had
				other := l.login(neighbour)
				for i, step := range test.steps {
					text := strings.TrimPrefix(test.ids+", "+step.request, ", ")
					answer := l.askFor(byte(i), strings.ReplaceAll(text, "=ID", "="+s.ID))
					got := verdict(answer)
					if strings.Contains(step.want, "=") {
						got += " " + said(t, answer)
					}
					if got != step.want {
						t.Errorf("%s: answered %s, want %s", step.request, got, step.want)
					}
					now := l.bng.Find("alice@isp")
					if len(now) != 1 || now[0].State.String() != step.after {
						t.Errorf("%s: sessions %v, want %s", step.request, now, step.after)
					}
				}
				l.now(other.ID)
				if !l.now(other.ID).Equal(test.had) {
					t.Errorf("the neighbour is %s", l.now(other.ID).State)
				}
			})
		})
	}
}

func TestStarOSSays201InItsACKsAndHostapdSignsThem(t *testing.T) {
	for maker, want := range map[Platform]string{StarOS: "Error-Cause=Residual-Context-Removed", Hostapd: ""} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, maker, nil)
			defer l.stop()
			s := l.login(alice())
			text := "Acct-Session-Id=" + s.ID + ", NAS-IP-Address=192.0.2.1"
			if maker == StarOS {
				text += ", Event-Timestamp=" + strconv.FormatInt(time.Now().Unix(), 10)
			}
			request := disconnect(t, 1, text)
			answer := l.ask(request)
			l.want(answer, "ACK")
			if got := said(t, answer); got != want {
				t.Errorf("%s says %q, want %q", maker, got, want)
			}
			mauth := radiusx.CheckMessageAuthenticator(answer, []byte(testSecret), request[4:radiusx.HeaderLength])
			if signed := mauth == radiusx.MessageAuthenticatorValid; signed != (maker == Hostapd) {
				t.Errorf("%s: %v", maker, mauth)
			}
		})
	}
}

func TestAccountingShowsWhatThePlatformShows(t *testing.T) {
	for _, test := range []struct {
		platform Platform
		had      State
		request  string
		want     []string
	}{
		{NokiaSROS, State{ServiceProfile: "GOLD"},
			`Alc-SLA-Prof-Str=GARDEN, Alc-Subscriber-Filter="Ingr-v4:7", Alc-Trigger-Acct-Interim=now`,
			[]string{"Start ID alice@isp", "Alc-SLA-Prof-Str=GOLD", "Interim-Update ID alice@isp", "Alc-SLA-Prof-Str=GARDEN"}},
		{CiscoISG, State{Services: []string{"GOLD"}},
			`Cisco-AVPair="subscriber:command=deactivate-service", Cisco-AVPair="subscriber:service-name=GOLD"`,
			[]string{"Start ID alice@isp", "Start ID:1 alice@isp GOLD s", "Stop ID:1 alice@isp GOLD s"}},
		{EricssonSE, State{}, `Service-Name:1=GARDEN, Service-Action:1=1`,
			[]string{"Start ID alice@isp", "Start ID:1 alice@isp GARDEN s"}},
		{CoovaChilli, State{}, `CoovaChilli-Session-State=2`, []string{"Start ID alice@isp", "Stop ID alice@isp"}},
		{StarOS, State{FilterID: "GOLD"}, "Acct-Session-Id=x", []string{"Start ID alice@isp", "Filter-Id=GOLD"}},
	} {
		t.Run(string(test.platform), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, book := newAccountingLab(t, test.platform, nil)
				defer l.stop()
				subscriber := alice()
				subscriber.Profile = test.had
				s := l.login(subscriber)
				l.askFor(1, "User-Name=alice@isp, "+test.request)
				synctest.Wait()
				var got []string
				for _, r := range book.all() {
					line := story([]acct.Record{r})[0]
					got = append(got, strings.ReplaceAll(line, s.ID, "ID"))
					for _, a := range r.Attributes {
						if a.Name == "Filter-Id" || strings.HasPrefix(a.Name, "Alc-") && a.Name != "Alc-Subsc-ID-Str" {
							got = append(got, a.Name+"="+a.Value)
						}
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("accounting says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
				}
			})
		})
	}
}

func TestTheQuirksOfAccountingBite(t *testing.T) {
	for quirk, want := range map[Quirk][]string{
		SessionIDChanges:  {"Start 1 alice@isp", "Start 2 alice@isp", "Stop 1 alice@isp"},
		ServiceAccounting: {"Start 1 alice@isp", "Start 1:1 alice@isp GARDEN s"},
		Reboots:           {"Start 1 alice@isp", "Accounting-On", "Start 1 alice@isp"},
	} {
		t.Run(string(quirk), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, book := newAccountingLab(t, Junos, func(c *Config) { c.Quirks = []Quirk{quirk} })
				defer l.stop()
				l.bng.behaviour.reportsServices = quirk == ServiceAccounting // Junos has it built in
				l.login(alice())
				l.ask(coa(t, 1, "User-Name=alice@isp, ERX-Service-Activate:1=GARDEN"))
				time.Sleep(10 * time.Second)
				got := story(book.all())
				slices.Sort(got[1:]) // records of different ids may overtake each other
				if !slices.Equal(got, want) {
					t.Errorf("accounting says %q, want %q", got, want)
				}
			})
		})
	}
}
