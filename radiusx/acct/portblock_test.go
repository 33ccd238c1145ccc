package acct

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/radiusx"
)

// ipPortRange writes an IP-Port-Range as text, value by value of its TLVs.
func ipPortRange(public, alloc, lo, hi uint32) string {
	value := []byte{extIPPortRange, 1, 6, 0, 0, 0, 1}
	for kind, number := range map[byte]uint32{tlvPublicIPv4: public, tlvAlloc: alloc, tlvRangeStart: lo, tlvRangeEnd: hi} {
		value = binary.BigEndian.AppendUint32(append(value, kind, 6), number)
	}
	return "0x" + hex.EncodeToString(append(value, 11, 4, 'i', 'd'))
}

// checkBlocks fails on a block that cannot be, whatever the packet was.
func checkBlocks(t *testing.T, d *decoded) {
	t.Helper()
	if len(d.record.Blocks) > maxBlocks {
		t.Errorf("%d blocks", len(d.record.Blocks))
	}
	for _, b := range d.record.Blocks {
		if !b.Public.Is4() || !holdable(hostAddress).address(b.Public) || b.Lo > b.Hi || b.Hi == 0 {
			t.Errorf("impossible block %v", b)
		}
	}
}

func TestPortBlocksOfEveryVendorAreReadAndMalformedOnesCountedByReason(t *testing.T) {
	const public = 203<<24 | 113<<8 | 1 // 203.0.113.1
	nokia := func(text string) string { return fmt.Sprintf("Alc-Nat-Port-Range=%q", text) }
	huawei := func(lo, hi int, update string) string {
		text := fmt.Sprintf("Huawei-NAT-Public-Address=203.0.113.1, Huawei-NAT-Start-Port=%d, Huawei-NAT-End-Port=%d", lo, hi)
		if update != "" {
			text += ", Attr-26.2011.165=" + update
		}
		return text
	}
	for _, test := range []struct {
		name, attributes, blocks string // blocks as printed, with blanks between
		faults                   []Counter
	}{
		{"none", "Filter-Id=x", "", nil},

		{"Nokia, one range", nokia("203.0.113.1 1024-2047 router base"), "203.0.113.1:1024-2047", nil},
		{"Nokia, several ranges", nokia("203.0.113.1 37674-37723,4096-4099 router base"),
			"203.0.113.1:37674-37723 203.0.113.1:4096-4099", nil},
		{"Nokia, several attributes", nokia("203.0.113.1 1-9 router base") + ", " + nokia("203.0.113.2 65535-65535 55"),
			"203.0.113.1:1-9 203.0.113.2:65535-65535", nil},
		{"Nokia, no outside router", nokia("203.0.113.1 1-9"), "203.0.113.1:1-9", nil},
		{"Nokia, new", nokia("203.0.113.1 1-9 router base") + ", Attr-26.6527.163=0x00000014", "203.0.113.1:1-9", nil},
		{"Nokia, repeated", nokia("203.0.113.1 1-9 router base") + ", Attr-26.6527.163=0x00000015", "203.0.113.1:1-9", nil},
		{"Nokia, freed", nokia("203.0.113.1 1-9 router base") + ", Attr-26.6527.163=0x00000013", "203.0.113.1:1-9 freed", nil},
		{"Nokia, freed, reported before", "Attr-26.6527.163=0x00000013, " + nokia("203.0.113.1 1-9 router base"),
			"203.0.113.1:1-9 freed", nil},
		{"Nokia, freed and new at once", nokia("203.0.113.1 1-9 x") + ", Attr-26.6527.163=0x00000013, Attr-26.6527.163=0x00000014",
			"", []Counter{PortBlockIncomplete}},
		{"Nokia, freed with nothing", "Attr-26.6527.163=0x00000013, Attr-26.6527.163=0x00000014", "", nil},
		{"Nokia, no address", nokia("router base"), "", []Counter{PortBlockUnreadable}},
		{"Nokia, no ranges", nokia("203.0.113.1"), "", []Counter{PortBlockUnreadable}},
		{"Nokia, a lone port", nokia("203.0.113.1 1024 router base"), "", []Counter{PortBlockUnreadable}},
		{"Nokia, one range of two is none", nokia("203.0.113.1 1-9,10- router base"), "", []Counter{PortBlockUnreadable}},
		{"Nokia, signs", nokia("203.0.113.1 +1-9 router base"), "", []Counter{PortBlockUnreadable}},
		{"Nokia, the wrong way round", nokia("203.0.113.1 9-1 router base"), "", []Counter{PortBlockImpossible}},
		{"Nokia, beyond the last port", nokia("203.0.113.1 1-65536 router base"), "", []Counter{PortBlockImpossible}},
		{"Nokia, port 0 alone", nokia("203.0.113.1 0-0 router base"), "", []Counter{PortBlockImpossible}},
		{"Nokia, from port 0", nokia("203.0.113.1 0-1023 router base"), "203.0.113.1:0-1023", nil},
		{"Nokia, IPv6", nokia("2001:db8::1 1-9 router base"), "", []Counter{PortBlockImpossible}},
		{"Nokia, loopback", nokia("127.0.0.1 1-9 router base"), "", []Counter{PortBlockImpossible}},

		{"Huawei", huawei(1024, 2047, ""), "203.0.113.1:1024-2047", nil},
		{"Huawei, added", huawei(1024, 2047, "0x00000000"), "203.0.113.1:1024-2047", nil},
		{"Huawei, deleted", huawei(1024, 2047, "0x00000001"), "203.0.113.1:1024-2047 freed", nil},
		{"Huawei, changed", huawei(1024, 2047, "0x00000003"), "203.0.113.1:1024-2047", nil},
		{"Huawei, an update nobody knows", huawei(1024, 2047, "0x00000002"), "", []Counter{PortBlockIncomplete}},
		{"Huawei, two updates", huawei(1024, 2047, "0x00000000") + ", Attr-26.2011.165=0x00000001", "", []Counter{PortBlockIncomplete}},
		{"Huawei, two blocks", huawei(1, 9, "") + ", " + huawei(10, 19, ""), "203.0.113.1:1-9 203.0.113.1:10-19", nil},
		{"Huawei, no end", "Huawei-NAT-Public-Address=203.0.113.1, Huawei-NAT-Start-Port=1", "", []Counter{PortBlockIncomplete}},
		{"Huawei, only the address", "Huawei-NAT-Public-Address=203.0.113.1", "", []Counter{PortBlockIncomplete}},
		{"Huawei, a port of 3 octets", huawei(1, 9, "") + ", Attr-26.2011.162=0x000001", "",
			[]Counter{PortBlockUnreadable, PortBlockIncomplete}},
		{"Huawei, beyond the last port", huawei(1, 70000, ""), "", []Counter{PortBlockImpossible}},

		{"H3C", "Attr-26.25506.32=0xcb007101, Attr-26.25506.33=0x00000400, Attr-26.25506.34=0x000007ff", "203.0.113.1:1024-2047", nil},
		{"netElastic", "Attr-26.54268.161=0xcb007101, Attr-26.54268.162=0x00000400, Attr-26.54268.163=0x000007ff",
			"203.0.113.1:1024-2047", nil},
		{"halves of two vendors", "Huawei-NAT-Public-Address=203.0.113.1, Attr-26.54268.162=0x00000400, Attr-26.54268.163=0x000007ff", "", []Counter{PortBlockIncomplete, PortBlockIncomplete}},

		{"RFC 8045, allocated", "Attr-241=" + ipPortRange(public, 1, 1024, 2047), "203.0.113.1:1024-2047", nil},
		{"RFC 8045, deallocated", "Attr-241=" + ipPortRange(public, 2, 1024, 2047), "203.0.113.1:1024-2047 freed", nil},
		{"RFC 8045, a reserved allocation", "Attr-241=" + ipPortRange(public, 0, 1024, 2047), "", []Counter{PortBlockImpossible}},
		{"RFC 8045, the wrong way round", "Attr-241=" + ipPortRange(public, 1, 2047, 1024), "", []Counter{PortBlockImpossible}},
		{"RFC 8045, beyond the last port", "Attr-241=" + ipPortRange(public, 1, 1, 1<<16), "", []Counter{PortBlockImpossible}},
		{"RFC 8045, no allocation", "Attr-241=0x060306cb00710109060000040" + "00a06000007ff", "", []Counter{PortBlockIncomplete}},
		{"RFC 8045, a TLV that overruns", "Attr-241=0x06030acb007101", "", []Counter{PortBlockUnreadable}},
		{"RFC 8045, a TLV of length 0", "Attr-241=0x060300cb007101", "", []Counter{PortBlockUnreadable}},
		{"RFC 8045, a lone octet behind", "Attr-241=" + ipPortRange(public, 1, 1024, 2047) + "03", "", []Counter{PortBlockUnreadable}},
		{"RFC 8045, an address twice", "Attr-241=" + ipPortRange(public, 1, 1024, 2047) + "0306cb007102", "",
			[]Counter{PortBlockUnreadable}},
		{"RFC 8045, another attribute", "Attr-241=0x05" + ipPortRange(public, 1, 1024, 2047)[4:], "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := decodedOf(accounting(t, 1, aStart+", "+test.attributes))
			var reported []string
			for _, b := range d.record.Blocks {
				reported = append(reported, b.String())
			}
			if got := strings.Join(reported, " "); got != test.blocks {
				t.Errorf("blocks %q, want %q", got, test.blocks)
			}
			if !slices.Equal(d.nat.faults, test.faults) {
				t.Errorf("counted %v, want %v", d.nat.faults, test.faults)
			}
			checkBlocks(t, d)
		})
	}
}

func TestARecordWithMoreBlocksThanAreTakenIsCounted(t *testing.T) {
	ranges := make([]string, 35)
	for i := range ranges {
		ranges[i] = fmt.Sprintf("%d-%d", 10+i, 10+i)
	}
	one := fmt.Sprintf("Alc-Nat-Port-Range=%q", "203.0.113.1 "+strings.Join(ranges, ",")+" router base")
	d := decodedOf(accounting(t, 1, aStart+strings.Repeat(", "+one, 4)))
	if len(d.record.Blocks) != maxBlocks || !slices.Equal(d.nat.faults, []Counter{PortBlocksTooMany}) {
		t.Errorf("%d blocks, counted %v", len(d.record.Blocks), d.nat.faults)
	}
}

func TestMutatedPortBlocksAreNeverHalfTrusted(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	full := accounting(t, 1, aStart+`, Alc-Nat-Port-Range="203.0.113.1 1024-2047,4096-5119 router base", Attr-26.6527.163=0x00000013,
		Huawei-NAT-Public-Address=203.0.113.2, Huawei-NAT-Start-Port=1024, Huawei-NAT-End-Port=2047, Attr-26.2011.165=0x00000001, Attr-241=`+
		ipPortRange(203<<24|113<<8|3, 1, 1024, 2047))
	for range 20000 {
		packet, err := radiusx.Trim(mutate(random, full))
		if err != nil {
			continue
		}
		checkBlocks(t, decodedOf(packet))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestRecordsOfTunnelsAreAnsweredAndNeverSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRig(t, m, nil)
		defer r.stop()
		kinds := []string{"9", "10", "11", "12", "13", "14", "15", "18", "19"}
		for i, kind := range kinds {
			if r.ask(accounting(t, byte(i),
				"Acct-Status-Type="+kind+", Acct-Session-Id=T1, User-Name=lac1, Framed-IP-Address=198.51.100.7")) == nil {
				t.Errorf("Acct-Status-Type %s got no answer", kind)
			}
		}
		if n := len(m.all()); n != 0 {
			t.Errorf("%d records were handed on", n)
		}
		if got := r.server.Stats()[OtherStatus]; got != uint64(len(kinds)) {
			t.Errorf("counted %d", got)
		}
	})
}

func TestImpossibleTimesAreLeftOutAndCounted(t *testing.T) {
	for _, test := range []struct {
		name, attributes string
		session          time.Duration
		absurd           int
	}{
		{"a session of a day", "Acct-Session-Time=86400", 24 * time.Hour, 0},
		{"a session of 136 years", "Acct-Session-Time=4294967295", 0, 1},
		{"an event in 1970", "Event-Timestamp=0", 0, 1},
		{"an event in 2106", "Event-Timestamp=4294967295", 0, 1},
		{"a delay of 136 years", "Acct-Delay-Time=4294967295", 0, 1},
	} {
		d := decodedOf(accounting(t, 1, aStart+", "+test.attributes))
		now := time.Unix(1_800_000_000, 0)
		at := timed(d, now, 168*time.Hour).At
		if d.record.SessionTime != test.session || d.implausible != test.absurd {
			t.Errorf("%s: session of %v, %d counted", test.name, d.record.SessionTime, d.implausible)
		}
		if at.After(now) || at.Before(now.Add(-168*time.Hour)) {
			t.Errorf("%s: event at %v", test.name, at)
		}
	}
}

func TestPrefixesBeyondTheBoundAreCounted(t *testing.T) {
	text := aStart
	for i := range 100 {
		text += fmt.Sprintf(", Delegated-IPv6-Prefix=2001:db8:%x::/48", i+1)
	}
	if d := decodedOf(accounting(t, 1, text)); len(d.record.Prefixes) != maxPrefixes || d.bad != 100-maxPrefixes {
		t.Errorf("%d prefixes, %d counted", len(d.record.Prefixes), d.bad)
	}
}

func TestTheInterfaceIDIsKeptWithItsPrefix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRig(t, m, nil)
		defer r.stop()
		r.ask(accounting(t, 1, aStart+`, Framed-Interface-Id="0:0:0:5", Framed-IPv6-Prefix="2001:db8:1::/64"`))
		got := m.all()[0]
		if value, ok := radiusx.Find(got.Attributes, "Framed-Interface-Id"); !ok || value != "0:0:0:5" || len(got.Prefixes) != 1 {
			t.Errorf("record %+v", got)
		}
	})
}

func TestAPacketOf4096OctetsIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRig(t, m, nil)
		defer r.stop()
		packet := accounting(t, 1, aStart)
		for len(packet)+255 <= 4096 {
			packet = append(append(packet, 25, 255), make([]byte, 253)...)
		}
		if pad := 4096 - len(packet); pad >= 2 {
			packet = append(append(packet, 25, byte(pad)), make([]byte, pad-2)...)
		}
		binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
		if r.ask(resign(packet, testSecret)) == nil || len(m.all()) != 1 {
			t.Errorf("a packet of %d octets got no answer: %v", len(packet), r.server.Stats())
		}
	})
}

// Each Interim-Update of a NAT's session tells of another block.
func TestTheNextRecordOfASessionIsNoRetransmissionOfOneThatWasNotStored(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	client := &Client{}
	record := func(age time.Duration, lo uint16) *Record {
		return &Record{Client: client, SessionID: "1", Status: InterimUpdate, At: now.Add(age), SessionTime: age,
			Blocks: []PortBlock{{Lo: lo, Hi: lo + 99}}}
	}
	w := newWatermark(time.Minute)
	w.miss(w.begin(record(0, 1024)), now)
	for _, next := range []*Record{record(2*time.Second, 1024), record(0, 2048)} {
		w.stored(w.begin(next))
		if _, waits := w.oldest(now.Add(3 * time.Second)); !waits {
			t.Errorf("%+v is taken for a retransmission", next)
		}
	}
	w.stored(w.begin(record(0, 1024)))
	if _, waits := w.oldest(now.Add(3 * time.Second)); waits {
		t.Error("the retransmission is not recognised")
	}
}
