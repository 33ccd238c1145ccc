package bngsim

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

// bob is alice's neighbour; nobody may mistake him for her.
func bob() Subscriber {
	s := alice()
	s.User, s.IPv4, s.MAC, s.NASPortID = "alice@isp2", netip.MustParseAddr("198.51.100.8"), "02:00:00:00:00:02", "eth0.8"
	s.Prefix, s.Delegated = netip.MustParsePrefix("2001:db8:3::/64"), netip.MustParsePrefix("2001:db8:4::/56")
	return s
}

// signedRequest has a right Message-Authenticator.
func signedRequest(t testing.TB, request []byte) []byte {
	t.Helper()
	packet := radiusx.AppendMessageAuthenticator(bytes.Clone(request))
	radiusx.SignMessageAuthenticator(packet, []byte(testSecret), make([]byte, 16))
	return resign(t, packet)
}

// stampedRequest has an Event-Timestamp that is so old.
func stampedRequest(t testing.TB, identifier byte, text string, age time.Duration) []byte {
	t.Helper()
	return coa(t, identifier, fmt.Sprintf("%s, Event-Timestamp=%d", text, time.Now().Add(-age).Unix()))
}

func (l *lab) want(answer []byte, want string) {
	l.t.Helper()
	if got := verdict(answer); got != want {
		l.t.Errorf("answered %s, want %s", got, want)
	}
}

func (l *lab) wantFilter(id, want string) {
	l.t.Helper()
	if got := l.now(id).FilterID; got != want {
		l.t.Errorf("session %s has filter %q, want %q", id, got, want)
	}
}

// bite is what a quirk does to requests.
type bite struct {
	platform Platform
	story    func(l *lab, alice, bob Session)
}

// bites shows, for each quirk, what a client sees with it. Alice and bob are on
// line; the platform is filter-id unless another is named.
var bites = map[Quirk]bite{
	FirstMatch: {FilterID, func(l *lab, a, b Session) {
		unnumbered := l.login(Subscriber{User: "carol@isp"})
		l.want(l.ask(coa(l.t, 1, "Framed-IPv6-Prefix=2001:db8:77::/64, Framed-IP-Address=198.51.100.7, Filter-Id=G")), "ACK")
		l.wantFilter(unnumbered.ID, "G") // has neither, so both criteria are skipped
		l.wantFilter(a.ID, "")
	}},
	NameOnly: {FilterID, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, "User-Name=alice@isp, Acct-Session-Id=somebody-elses, Filter-Id=G")), "ACK")
		l.wantFilter(a.ID, "G")
		l.want(l.ask(coa(l.t, 2, "Acct-Session-Id="+a.ID+", Filter-Id=G")), "NAK Missing-Attribute")
	}},
	MultiMatch: {FilterID, func(l *lab, a, b Session) {
		twin := l.login(alice())
		l.want(l.ask(coa(l.t, 1, "User-Name=alice@isp, Filter-Id=G")), "ACK")
		l.wantFilter(a.ID, "G")
		l.wantFilter(twin.ID, "G")
		l.wantFilter(b.ID, "")
	}},
	MultiRefuse: {MikroTik, func(l *lab, a, _ Session) {
		l.login(alice())
		l.want(l.ask(coa(l.t, 1, "User-Name=alice@isp, Filter-Id=G")), "NAK Multiple-Session-Selection-Unsupported")
		l.wantFilter(a.ID, "")
	}},
	StrictIDs: {FilterID, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, "Acct-Session-Id="+a.ID+", Framed-IP-Address=198.51.100.7, Filter-Id=G")), "NAK Unsupported-Attribute")
		l.want(l.ask(coa(l.t, 2, "Acct-Session-Id="+a.ID+", User-Name=alice@isp, Filter-Id=G")), "ACK")
	}},
	ProxyStateRefused: {FilterID, func(l *lab, _, _ Session) {
		l.want(l.ask(coa(l.t, 1, restrict+", Proxy-State=0x01")), "NAK Unsupported-Attribute")
		l.want(l.ask(coa(l.t, 2, restrict)), "ACK")
	}},
	AckIgnore: {FilterID, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, restrict)), "ACK")
		l.want(l.ask(disconnect(l.t, 2, "User-Name=alice@isp")), "ACK")
		l.wantFilter(a.ID, "")
	}},
	AcksUnknown: {Junos, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, "Acct-Session-Id="+a.ID+", ERX-Service-Activate:1=NONE")), "ACK")
		l.want(l.ask(coa(l.t, 2, "Acct-Session-Id="+a.ID+", ERX-Service-Deactivate=NONE")), "ACK")
		if got := l.now(a.ID).Services; len(got) != 0 {
			l.t.Errorf("services %v", got)
		}
	}},
	RefusesUnknown: {HuaweiNE, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, "Acct-Session-Id="+a.ID+", Filter-Id=NONE")), "NAK Invalid-Request")
		l.wantFilter(a.ID, "")
	}},
	BusyDrop: {FilterID, func(l *lab, a, _ Session) {
		l.send(coa(l.t, 1, "User-Name=alice@isp, Filter-Id=FIRST"))
		l.send(coa(l.t, 2, "User-Name=alice@isp, Filter-Id=GARDEN"))
		l.send(coa(l.t, 3, "User-Name=alice@isp2, Filter-Id=GARDEN"))
		var answered []byte
		for answer := l.receive(); answer != nil; answer = l.receive() {
			answered = append(answered, answer[1])
		}
		if slices.Sort(answered); !bytes.Equal(answered, []byte{1, 3}) {
			l.t.Errorf("answered %v, want 1 and 3 alone", answered)
		}
		if last := l.bng.Packets()[1]; last.Note != Busy {
			l.t.Errorf("the second request: %q", last.Note)
		}
		l.wantFilter(a.ID, "FIRST")
	}},
	Slow: {FilterID, func(l *lab, a, _ Session) {
		begun := time.Now()
		request := coa(l.t, 1, restrict)
		l.send(request)
		l.wantFilter(a.ID, "")
		l.send(request) // a retransmission is no second request
		l.want(l.receive(), "ACK")
		if took := time.Since(begun); took != 5*time.Second {
			l.t.Errorf("answered after %s", took)
		}
		l.wantFilter(a.ID, "GARDEN")
		if late := l.receive(); late != nil {
			l.t.Errorf("answered twice: %x", late)
		}
	}},
	SilentCoA: {FilterID, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, restrict)), "silence")
		l.wantFilter(a.ID, "")
		l.want(l.ask(disconnect(l.t, 2, "User-Name=alice@isp")), "ACK")
	}},
	NoDuplicateCache: {FilterID, func(l *lab, _, _ Session) {
		request := disconnect(l.t, 1, "User-Name=alice@isp")
		l.want(l.ask(request), "ACK")
		l.want(l.ask(request), "NAK Session-Context-Not-Found")
	}},
	Duplicates5s: {FilterID, func(l *lab, _, _ Session) {
		request := disconnect(l.t, 1, "User-Name=alice@isp")
		l.want(l.ask(request), "ACK")
		time.Sleep(5 * time.Second)
		l.want(l.ask(request), "ACK")
		time.Sleep(time.Second)
		l.want(l.ask(request), "NAK Session-Context-Not-Found")
	}},
	Duplicates300s: {AccelPPP, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, "User-Name=alice@isp, Filter-Id=1/1")), "ACK")
		time.Sleep(299 * time.Second)
		l.send(coa(l.t, 1, "User-Name=alice@isp, Filter-Id=2/2")) // the same identifier too soon
		l.want(l.receive(), "ACK")
		l.wantFilter(a.ID, "1/1")
	}},
	LateDuplicate: {FilterID, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, restrict)), "ACK")
		time.Sleep(time.Second)
		l.want(l.ask(coa(l.t, 2, "User-Name=alice@isp, Filter-Id=PLAN")), "ACK")
		l.wantFilter(a.ID, "PLAN")
		if late := l.receive(); late == nil || late[1] != 1 {
			l.t.Fatalf("late answer %x", late)
		}
		l.wantFilter(a.ID, "GARDEN")
	}},
	Reboots: {FilterID, func(l *lab, a, b Session) {
		l.want(l.ask(coa(l.t, 1, restrict)), "silence")
		if now := l.now(a.ID); now.User != b.User || l.now(b.ID).User != a.User {
			l.t.Errorf("session %s is %s's", a.ID, now.User)
		}
		l.want(l.ask(coa(l.t, 1, "User-Name=alice@isp, Acct-Session-Id="+a.ID+", Filter-Id=G")), "NAK Session-Context-Not-Found")
		l.want(l.ask(coa(l.t, 2, "User-Name=alice@isp, Filter-Id=G")), "ACK")
		l.wantFilter(b.ID, "G") // her id by now
	}},
	IDReuse: {FilterID, func(l *lab, a, _ Session) {
		if err := l.bng.Logout(l.t.Context(), a.ID); err != nil {
			l.t.Fatal(err)
		}
		if next := l.login(Subscriber{User: "carol@isp"}); next.ID != a.ID {
			l.t.Errorf("carol has %s, alice had %s", next.ID, a.ID)
		}
	}},
	SessionIDChanges: {FilterID, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, restrict)), "ACK")
		now := l.bng.Find("alice@isp")
		if len(now) != 1 || now[0].ID == a.ID || now[0].FilterID != "GARDEN" {
			l.t.Errorf("sessions %v, was %s", now, a.ID)
		}
		l.want(l.ask(coa(l.t, 2, "Acct-Session-Id="+a.ID+", Filter-Id=X")), "NAK Session-Context-Not-Found")
	}},
	AckBefore: {FilterID, func(l *lab, a, _ Session) {
		l.want(l.ask(disconnect(l.t, 1, "User-Name=alice@isp")), "ACK")
		l.now(a.ID)
		time.Sleep(2 * time.Second)
		if _, there := l.bng.Session(a.ID); there {
			l.t.Error("the session never ended")
		}
	}},
	NeedsTimestamp: {FilterID, func(l *lab, _, _ Session) {
		l.want(l.ask(coa(l.t, 1, restrict)), "silence")
		l.want(l.ask(stampedRequest(l.t, 2, restrict, 0)), "ACK")
	}},
	ClockSkew: {FilterID, func(l *lab, _, _ Session) {
		l.want(l.ask(stampedRequest(l.t, 1, restrict, 0)), "silence")
		answer := l.ask(stampedRequest(l.t, 2, restrict, -10*time.Minute))
		l.want(answer, "ACK")
		answer = l.ask(coa(l.t, 3, restrict))
		attrs, err := radius.ParseAttributes(answer[radiusx.HeaderLength:])
		if err != nil {
			l.t.Fatal(err)
		}
		stamp, err := radiusx.Date(attrs.Get(attrEventTime))
		if ahead := time.Until(stamp); err != nil || ahead < 9*time.Minute || ahead > 10*time.Minute {
			l.t.Errorf("the answer is stamped %s ahead, %v", ahead, err)
		}
	}},
	DropsMessageAuth: {FilterID, func(l *lab, _, _ Session) {
		l.want(l.ask(signedRequest(l.t, coa(l.t, 1, restrict))), "silence")
		l.want(l.ask(coa(l.t, 2, restrict)), "ACK")
	}},
	BadMessageAuth: {FilterID, func(l *lab, _, _ Session) {
		request := signedRequest(l.t, coa(l.t, 1, restrict))
		if got := l.authenticity(request); got != radiusx.MessageAuthenticatorBad {
			l.t.Errorf("Message-Authenticator of the answer: %v", got)
		}
	}},
	NoMessageAuth: {FilterID, func(l *lab, _, _ Session) {
		request := signedRequest(l.t, coa(l.t, 1, restrict))
		if got := l.authenticity(request); got != radiusx.MessageAuthenticatorAbsent {
			l.t.Errorf("Message-Authenticator of the answer: %v", got)
		}
	}},
	WrongCode: {FilterID, func(l *lab, _, _ Session) {
		if answer := l.ask(coa(l.t, 1, restrict)); answer == nil || answer[0] != 41 {
			l.t.Errorf("a CoA-Request is answered %x", answer)
		}
		if answer := l.ask(disconnect(l.t, 2, "User-Name=nobody")); answer == nil || answer[0] != 45 {
			l.t.Errorf("a Disconnect-Request is answered %x", answer)
		}
	}},
	WrongID: {FilterID, func(l *lab, _, _ Session) {
		l.send(coa(l.t, 1, restrict))
		if answer := l.receive(); answer == nil || answer[1] != 2 {
			l.t.Errorf("request 1 is answered %x", answer)
		}
	}},
	NAKWithoutCause: {FilterID, func(l *lab, _, _ Session) {
		l.want(l.ask(coa(l.t, 1, "User-Name=nobody, Filter-Id=G")), "NAK")
	}},
	Padding: {FilterID, func(l *lab, _, _ Session) {
		request := coa(l.t, 1, restrict)
		l.send(request)
		answer := l.receive()
		packet, err := radiusx.Trim(answer)
		if err != nil || len(answer) != len(packet)+16 || !radius.IsAuthenticResponse(packet, request, []byte(testSecret)) {
			l.t.Errorf("%d octets with a packet of %d, %v", len(answer), len(packet), err)
		}
	}},
}

// authenticity sends a request and says what the answer's Message-Authenticator
// is worth; everything else about the answer is right.
func (l *lab) authenticity(request []byte) radiusx.MessageAuthenticator {
	l.t.Helper()
	answer := l.ask(request)
	l.want(answer, "ACK")
	return radiusx.CheckMessageAuthenticator(answer, []byte(testSecret), request[4:radiusx.HeaderLength])
}

func TestEachQuirkBites(t *testing.T) {
	for _, q := range Quirks() {
		bite, shown := bites[q.Name]
		if !shown {
			bite, shown = bitesSeenLive[q.Name]
		}
		if !shown {
			if q.Name != ServiceAccounting { // needs an accounting server, see below
				t.Errorf("%s: nobody has shown that it bites", q.Name)
			}
			continue
		}
		t.Run(string(q.Name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, bite.platform, func(c *Config) {
					c.Quirks = []Quirk{q.Name}
					c.Profiles = []string{"G", "GARDEN", "PLAN", "FIRST"}
				})
				defer l.stop()
				bite.story(l, l.login(alice()), l.login(bob()))
			})
		})
	}
}

// A quirk that is not set must not be there: what the stories rely on does not
// happen without it.
func TestWithoutQuirksAPlatformIsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, FilterID, func(c *Config) { c.Quirks = []Quirk{SilentCoA, Padding} })
		defer l.stop()
		s := l.login(alice())
		l.want(l.ask(coa(t, 1, restrict)), "silence")
		if err := l.bng.SetQuirks(); err != nil {
			t.Fatal(err)
		}
		l.want(l.ask(coa(t, 2, restrict)), "ACK")
		l.wantFilter(s.ID, "GARDEN")
		for _, wrong := range [][]Quirk{{"moody"}, {FirstMatch, MultiMatch}, {BadMessageAuth, NoMessageAuth}} {
			if err := l.bng.SetQuirks(wrong...); err == nil {
				t.Errorf("%v is taken", wrong)
			}
		}
		l.want(l.ask(coa(t, 3, restrict)), "ACK")
	})
}

func TestQuirksAreDescribedForPeople(t *testing.T) {
	seen := map[Quirk]bool{}
	for _, q := range Quirks() {
		if q.Does == "" || q.Gear == "" || seen[q.Name] || strings.ToLower(string(q.Name)) != string(q.Name) {
			t.Errorf("%+v", q)
		}
		seen[q.Name] = true
		if err := CheckQuirks(q.Name, q.Name); err != nil {
			t.Error(err)
		}
	}
	if got := CoovaChilli.Quirks(); !slices.Equal(got, []Quirk{
		MultiMatch, NoDuplicateCache, SessionIDChanges, NAKWithoutCause, Hides, MACAuth, ReplacesLimits, Kilobits,
	}) {
		t.Errorf("CoovaChilli is known for %v", got)
	}
}
