package acct

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A record that gets no answer comes back for ever, and a relay sends nothing of
// what comes behind it: whatever is authentic is answered.
func TestAuthenticRecordsThatSayNothingAreAnsweredAndCounted(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       Counter
	}{
		{"no Acct-Status-Type", "Acct-Session-Id=1, User-Name=alice", NoStatus},
		{"an Acct-Status-Type of 3 octets", "Acct-Session-Id=1, User-Name=alice, Attr-40=0x000001", NoStatus},
		{"an Acct-Status-Type that nobody assigned", "Acct-Status-Type=4096, Acct-Session-Id=1, User-Name=alice", UnknownStatus},
		{"Start and Stop in one record", aStart + ", Acct-Status-Type=Stop", Contradictory},
		{"Tunnel-Start", "Acct-Status-Type=9, Acct-Session-Id=1", OtherStatus},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memory{}
				r := newRig(t, m, nil)
				defer r.stop()
				packet := accounting(t, 1, test.text)
				for range 2 {
					if r.ask(packet) == nil {
						t.Error("no answer")
					}
				}
				if n := len(m.all()); n != 0 {
					t.Errorf("%d records were handed on", n)
				}
				if stats := r.server.Stats(); stats[test.want] != 1 || stats[DuplicateAnswered] != 1 {
					t.Errorf("not counted as %v: %v", test.want, stats)
				}
				if _, waiting := r.server.Oldest(); waiting {
					t.Error("it holds the watermark back")
				}
				if due := r.server.FaultReports(); len(due) != 1 != (test.want == OtherStatus) {
					t.Errorf("logged %v", due)
				}
			})
		})
	}
}

func TestConflictsAreHandledAndCounted(t *testing.T) {
	ip := netip.MustParseAddr
	for _, test := range []struct {
		name, text string
		want       Counter
		handed     func(*Record) bool
	}{
		{"201 attributes", aStart + strings.Repeat(", Filter-Id=x", 196), TooManyAttributes,
			func(r *Record) bool { return r.UserName == "alice@isp" && r.Conflicts == 0 }},
		{"1,300 attributes", aStart + strings.Repeat(", Attr-200=0x01", 1300), TooManyAttributes,
			func(r *Record) bool { return r.UserName == "alice@isp" && r.Conflicts == 0 }},
		{"no Acct-Session-Id", "Acct-Status-Type=Start, User-Name=alice", NoSessionID,
			func(r *Record) bool { return r.SessionID == "" && r.UserName == "alice" }},
		{"two sessions", aStart + ", Acct-Session-Id=0000A2", TwoSessionIDs, func(r *Record) bool {
			return r.SessionID == "" &&
				r.Conflicts == ConflictingSessionID
		}},
		{"two users", aStart + ", User-Name=bob", TwoUserNames, func(r *Record) bool {
			return r.Conflicts == ConflictingUserName &&
				r.FramedIP == ip("198.51.100.7")
		}},
		{"two NAS-IP-Addresses", aStart + ", NAS-IP-Address=192.0.2.9, NAS-Identifier=bng1", TwoNASNames,
			func(r *Record) bool { return r.NAS == NAS{Identifier: "bng1"} && r.Conflicts == ConflictingNAS }},
		{"two NAS-Identifiers", aStart + ", NAS-Identifier=bng1, NAS-Identifier=bng2", TwoNASNames,
			func(r *Record) bool { return r.NAS == NAS{IP: ip("192.0.2.1")} && r.Conflicts == ConflictingNAS }},
		{"two NAS-IPv6-Addresses", aStart + `, NAS-IPv6-Address="2001:db8::1", NAS-IPv6-Address="2001:db8::2"`, TwoNASNames,
			func(r *Record) bool { return r.NAS == NAS{IP: ip("192.0.2.1")} && r.Conflicts == ConflictingNAS }},
		{"two lines", aStart + ", Acct-Multi-Session-Id=m1, Acct-Multi-Session-Id=m2", TwoMultiSessionIDs,
			func(r *Record) bool { return r.MultiSessionID == "" && r.Conflicts == ConflictingMultiID }},
		{"three addresses", aStart + ", Framed-IP-Address=198.51.100.8, Framed-IP-Address=198.51.100.7, Framed-IP-Address=198.51.100.9, Framed-IP-Address=198.51.100.8", TwoFramedIPs, func(r *Record) bool {
			return r.Conflicts == ConflictingAddress && r.FramedIP == ip("198.51.100.7") &&
				slices.Equal(r.MoreIPs, []netip.Addr{ip("198.51.100.8"), ip("198.51.100.9")})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memory{}
				r := newRig(t, m, nil)
				defer r.stop()
				if r.ask(accounting(t, 1, test.text)) == nil {
					t.Fatal("no answer")
				}
				if got := m.all(); len(got) != 1 || !test.handed(&got[0]) {
					t.Errorf("handed on: %+v", got)
				}
				if stats := r.server.Stats(); stats[test.want] != 1 || stats[Stored] != 1 {
					t.Errorf("not counted as %v: %v", test.want, stats)
				}
				if due := r.server.FaultReports(); len(due) != 1 || due[0].Reason != test.want.String() {
					t.Errorf("logged %v", due)
				}
			})
		})
	}
}

func TestTheSameTwiceIsNoConflict(t *testing.T) {
	d := decodedOf(accounting(t, 1, aStart+", "+aStart[len("Acct-Status-Type=Start, "):]+", NAS-Identifier=x, NAS-Identifier=x"))
	if d.record.Conflicts != 0 || d.record.SessionID != "0000A1" || d.record.NAS.Identifier != "x" {
		t.Errorf("%+v", d.record)
	}
}

// Two records without Acct-Session-Id are not each other's retransmission.
func TestTheStoredRecordOfAnotherAddressEndsNoWaiting(t *testing.T) {
	w := newWatermark(time.Minute)
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	of := func(addr string) *Record {
		return &Record{Status: Start, At: noon, FramedIP: netip.MustParseAddr(addr)}
	}
	w.miss(w.begin(of("198.51.100.7")), noon)
	w.stored(w.begin(of("198.51.100.8")))
	if _, waits := w.oldest(noon.Add(time.Second)); !waits {
		t.Error("the missed record is forgotten")
	}
	w.stored(w.begin(of("198.51.100.7")))
	if _, waits := w.oldest(noon.Add(time.Second)); waits {
		t.Error("its retransmission does not end the waiting")
	}
}

func TestInterimUpdatesShowReleasedAddresses(t *testing.T) {
	const interim = `Acct-Status-Type=Interim-Update, Acct-Session-Id=1, User-Name=alice`
	const v4, v6 = ", Framed-IP-Address=198.51.100.7", `, Framed-IPv6-Prefix="2001:db8:1::/64", Delegated-IPv6-Prefix="2001:db8:2::/56"`
	const ipv4, slaac, pd, na = "Framed-IP-Address", "Framed-IPv6-Prefix", "Delegated-IPv6-Prefix", "Framed-IPv6-Address"
	nokia := func(reason string) string { return ", Attr-26.6527.163=0x000000" + reason }
	for _, test := range []struct {
		name, text string
		released   []string
		triggered  bool
		ip         bool
		prefixes   int
	}{
		{"nothing", interim + v4 + v6, nil, false, true, 2},
		{"Junos, released", interim + v6 + ", Attr-26.4874.164=0x72656c6561736564", []string{ipv4}, false, false, 2},
		{"Junos, another one negotiated", interim + v4 + v6 + ", Attr-26.4874.164=0x61", []string{ipv4}, false, true, 2},
		{"Junos, in a Start it means nothing", "Acct-Status-Type=Start, Acct-Session-Id=1, User-Name=alice" + v4 +
			", Attr-26.4874.164=0x61", nil, false, true, 0},
		{"another vendor's 164", interim + v4 + ", Attr-26.9.164=0x61", nil, false, true, 0},
		{"Nokia, a regular one", interim + v4 + v6 + nokia("01"), nil, false, true, 2},
		{"Nokia, an address came", interim + v4 + nokia("04"), nil, true, true, 0},
		{"Nokia, IPv4 down, named", interim + v4 + v6 + nokia("05"), []string{ipv4}, true, false, 2},
		{"Nokia, IPv4 down, not named", interim + v6 + nokia("05"), []string{ipv4}, true, false, 2},
		{"Nokia, IA_NA down", interim + v4 + nokia("07"), []string{na}, true, true, 0},
		{"Nokia, PD down", interim + v4 + v6 + nokia("09"), []string{pd}, true, true, 1},
		{"Nokia, SLAAC down", interim + v4 + v6 + nokia("0b"), []string{slaac}, true, true, 1},
		{"Nokia, a reason of 3 octets", interim + v4 + ", Attr-26.6527.163=0x000005", nil, false, true, 0},
		{"Nokia, a Stop", "Acct-Status-Type=Stop, Acct-Session-Id=1" + v4 + nokia("05"), nil, true, true, 0},
	} {
		d := decodedOf(accounting(t, 1, test.text))
		r := &d.record
		if !slices.Equal(r.Released, test.released) || r.Triggered != test.triggered || r.FramedIP.IsValid() != test.ip ||
			len(r.Prefixes) != test.prefixes {
			t.Errorf("%s: released %v, triggered %t, address %v, prefixes %v", test.name, r.Released, r.Triggered, r.FramedIP, r.Prefixes)
		}
	}
	if d := decodedOf(accounting(t, 1, interim+", Attr-26=0x0000130aa4ff61")); d.record.Released != nil {
		t.Error("an inner length that lies was believed")
	}
}

func TestAContradictoryRecordOfARelayIsAClockOrALag(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	relay := &Client{Relay: true, UnreportedDelay: time.Minute}
	uncertain := func(arrived time.Time, delay time.Duration) *Record {
		return &Record{Client: relay, Arrived: arrived, At: arrived.Add(-time.Hour), Latest: arrived.Add(-delay), Delay: delay}
	}
	l := newLag()
	l.note(uncertain(noon, 0))
	if at, behind := l.oldest(noon); !behind || !at.Equal(noon.Add(-time.Hour)) {
		t.Errorf("a relay that may be an hour late: %v %t", at, behind)
	}
	l.note(uncertain(noon.Add(time.Second), 10*time.Second))
	if at, behind := l.oldest(noon.Add(time.Second)); !behind || !at.Equal(noon.Add(-9*time.Second)) {
		t.Errorf("a relay that counts its waiting: %v %t", at, behind)
	}
	l.note(&Record{Client: relay, Arrived: noon.Add(2 * time.Second), At: noon.Add(2 * time.Second)})
	l.note(uncertain(noon.Add(3*time.Second), 0))
	if at, behind := l.oldest(noon.Add(3 * time.Second)); behind {
		t.Errorf("a relay that is in time, and a BNG whose clock is off: waits for %v", at)
	}
	l.note(uncertain(noon.Add(time.Minute), 0))
	if _, behind := l.oldest(noon.Add(time.Minute)); !behind {
		t.Error("a relay that was in time a minute ago may be late now")
	}
}

func TestAtMostSoManyAddressesOfOneRecord(t *testing.T) {
	packet := accounting(t, 1, aStart)
	d := &decoded{}
	d.read(packet, hostAddress)
	for i := range 100 {
		d.attribute(attrFramedIPAddress, []byte{198, 51, 101, byte(i)})
	}
	if len(d.record.MoreIPs) != maxFramedIPs || d.bad != 100-maxFramedIPs {
		t.Errorf("%d further addresses, %d counted", len(d.record.MoreIPs), d.bad)
	}
}
