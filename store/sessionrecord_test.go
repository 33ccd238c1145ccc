package store

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
)

var recordKey = quarantine.SessionKey{BNG: "bng1", ID: "42"}

func fullRecord() record {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)
	r := record{version: 7, began: at.Add(-time.Second)}
	r.Session = quarantine.Session{
		SessionKey: recordKey, Subscriber: "al{i}ce\xff", StartedAt: at, SeenAt: at.Add(time.Hour), EndedAt: at.Add(time.Hour),
		StartSeen: true, Ignored: true, Disputed: true, Member: "b{ng}2", StartedBy: at.Add(time.Minute), Renamed: at.Add(2 * time.Minute),
		Named: at.Add(3 * time.Minute), Forgot: at.Add(4 * time.Minute), Unsure: at.Add(5 * time.Minute),
		Full: []quarantine.AddressKind{quarantine.DelegatedIPv6Prefix, quarantine.FramedIP},
		Addresses: []quarantine.Address{
			{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Kind: quarantine.FramedIP},
			{
				Prefix: netip.MustParsePrefix("192.0.2.1/32"), Kind: quarantine.FramedIP, Space: "e;st", Since: at,
				SinceBy: at.Add(time.Second), Until: at.Add(time.Minute),
				Shown: at.Add(2 * time.Second), Inferred: true, OpenEnd: true, Began: at, Of: quarantine.Claimant{Subscriber: "b;o@b"},
			},
			{
				Prefix: netip.MustParsePrefix("203.0.113.5/32"), Kind: quarantine.NATPortBlock, Ports: quarantine.PortRange{Lo: 1024, Hi: 2047},
				Began: at.Add(time.Minute),
				Of:    quarantine.Claimant{Via: quarantine.Place{Addr: netip.MustParseAddr("100.64.0.9"), Space: "east"}},
			},
			{Prefix: netip.MustParsePrefix("2001:db8::/56"), Kind: quarantine.DelegatedIPv6Prefix},
			{Prefix: netip.MustParsePrefix("2001:db8::/64"), Kind: quarantine.FramedIPv6Prefix},
			{Prefix: netip.MustParsePrefix("2001:db8::1/128"), Kind: quarantine.FramedIPv6Address},
		},
		Attributes: []quarantine.Attribute{{Name: "Class", Value: "\x00\xff%<>\""}},
		Observed: []quarantine.ObservedAttribute{
			{Attribute: quarantine.Attribute{Name: "Filter-Id", Value: "OLD"}, At: at},
			{Attribute: quarantine.Attribute{Name: "Filter-Id", Value: "GARDEN"}, At: at.Add(time.Hour)}, // with the last record
		},
	}
	older := r
	older.replaced = nil
	r.replaced = []record{older}
	return r
}

func TestARecordReadsBackAsItWasWritten(t *testing.T) {
	r := fullRecord()
	text, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeRecord(recordKey, text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.encode()
	if err != nil || again != text {
		t.Fatalf("%s\nreads back as\n%s %v", text, again, err)
	}
	if !slices.Equal(back.Observed, r.Observed) || !back.SeenAt.Equal(r.SeenAt) || back.version != r.version {
		t.Fatalf("seen %s, shown %+v, version %d; want %s, %+v, %d", back.SeenAt, back.Observed, back.version, r.SeenAt, r.Observed, r.version)
	}
	if !slices.Equal(back.Addresses, r.Addresses) || !slices.Equal(back.Full, r.Full) || !back.Disputed || back.Member != r.Member ||
		!back.StartedBy.Equal(r.StartedBy) ||
		!back.Renamed.Equal(r.Renamed) || !back.Named.Equal(r.Named) || !back.Forgot.Equal(r.Forgot) || !back.Unsure.Equal(r.Unsure) {
		t.Fatalf("got %+v, want %+v", back, r)
	}
	if back.Subscriber != r.Subscriber || back.Attributes[0] != r.Attributes[0] || !back.EndedAt.Equal(r.EndedAt) ||
		!back.began.Equal(r.began) {
		t.Fatalf("got %+v, want %+v", back, r)
	}
}

func TestAnAddressThatCannotBeStoredIsAnError(t *testing.T) {
	for _, a := range []quarantine.Address{{Kind: quarantine.FramedIP}, {Prefix: netip.MustParsePrefix("192.0.2.1/32"), Kind: "NAT"}} {
		r := fullRecord()
		r.Addresses = []quarantine.Address{a}
		if text, err := r.encode(); err == nil {
			t.Errorf("%+v is stored as %s", a, text)
		}
	}
}

const head = "0mi8abcde1f"

// malformed are records that no Cordon wrote, with a head before them or none.
var malformed = []string{
	``, `{}`, `[]`, `null`, `"x"`, `{"u":"alice"}`, `{"u":"a","b":"mm7p6yo0","v":"x"}`, `{"u":"a","b":"mm7p6yo0","m":"%"}`,
	`{"u":"a","b":"mm7p6yo0","k":"4x"}`,
	`{"u":"a","b":"mm7p6yo0","k":"44"}`, `{"u":"a","b":"mm7p6yo0","c":"-1"}`, `{"u":"a","b":"mm7p6yo0","a":["41.2.3.4;"]}`,
	`{"u":"a","b":"mm7p6yo0","a":["41.2.3.4;x"]}`,
	`{"u":"a","b":"mm7p6yo0","a":["41.2.3.4;s-1"]}`, `{"u":"a","b":"mm7p6yo0","a":["41.2.3.4;o%"]}`,
	`{"u":"a","b":"mm7p6yo0","a":["41.2.3.4;v"]}`,
	`{"u":"a","b":"mm7p6yo0","a":["41.2.3.4;mm7p6yo0;;i"]}`, `{"u":"%zz","b":"mm7p6yo0"}`, `{"u":"a","b":"-5"}`,
	`{"u":"a","b":"mm7p6yo0","r":[{"u":"a","b":"mm7p6yo0","s":-1772366400001}]}`, `{"u":"a","b":"mm7p6yo0","e":99999999999999999}`,
	`{"u":"a","b":"mm7p6yo0","a":[""]}`, `{"u":"a","b":"mm7p6yo0","a":["x1.2.3.4"]}`, `{"u":"a","b":"mm7p6yo0","a":["41.2.3.4/99"]}`,
	`{"u":"a","b":"mm7p6yo0","t":["a","%"]}`, `{"u":"a","b":"mm7p6yo0","t":["%","a"]}`, `{"u":"a","b":"mm7p6yo0","r":[{}]}`,
	`{"u":"a","b":"mm7p6yo0","t":["a"]}`, `{"u":"a","b":1772366400000}`, `{"u":"a","b":""}`,
	`{"u":"a","b":"zzzzzzzzzzzzzzzzzzz"}`, "\x00\xff",
}

func TestAMalformedRecordIsAnErrorAndNoPanic(t *testing.T) {
	for _, text := range malformed {
		for _, text := range []string{text, head + text} {
			if r, err := decodeRecord(recordKey, text); err == nil {
				t.Errorf("%q decodes as %+v", text, r)
			}
		}
	}
	const good = `{"u":"a","b":"mm7p6yo0"}`
	if _, err := decodeRecord(recordKey, head+good); err != nil {
		t.Error(err)
	}
	for _, head := range []string{"", "1", "mi8abcde", "000000000", "00000000-", "zzzzzzzzz1", "0mi8abcde", "0mi8abcde-1", "0mi8abcde1 "} {
		if r, err := decodeRecord(recordKey, head+good); err == nil {
			t.Errorf("with head %q it decodes as %+v", head, r)
		}
	}
	if _, err := decodeRecord(recordKey, string(make([]byte, maxRecord+1))); err == nil {
		t.Error("a huge record decodes")
	}
}

func FuzzDecodeRecord(f *testing.F) {
	r := fullRecord()
	text, err := r.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	for _, text := range malformed {
		f.Add(text)
		f.Add(head + text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := decodeRecord(recordKey, text)
		if err != nil {
			return
		}
		once, err := r.encode()
		if err != nil {
			t.Fatalf("%q decodes and does not encode: %v", text, err)
		}
		back, err := decodeRecord(recordKey, once)
		if err != nil {
			t.Fatalf("%q encodes as %q, which does not decode: %v", text, once, err)
		}
		if twice, _ := back.encode(); twice != once {
			t.Fatalf("%q encodes as %q, then as %q", text, once, twice)
		}
	})
}

func FuzzDecodeBinding(f *testing.F) {
	f.Add("4bng1:42:mmmmmmmm", "mmmmmmmm,mmmmmmmm,,s,alice")
	f.Add("p%7Bc%7D:42%3A:mmmmmmmm", "mmmmmmmm,mmmmmmmm,mmmmmmmm,si,al%2Cice")
	f.Add(":", ",,,,")
	f.Add("", "")
	f.Add("4::", "-1,zzzzzzzzzzzzzzzzzz,,,%")
	f.Add("4bng1:42:mmmmmmmm.mmmmmmmn", "mmmmmmmm,mmmmmmmm,,nABC,,,mmmmmmmn")
	f.Add("n1024-2047~log:x:1:mmmmmmmm", "mmmmmmmm,mmmmmmmm,,,,100.64.0.9@east")
	f.Fuzz(func(t *testing.T, field, value string) {
		b, err := decodeBinding(netip.MustParsePrefix("192.0.2.1/32"), field, value)
		if err == nil && (b.Subscriber != "" && b.Via.IsValid() || b.From.IsZero() || b.Session.BNG == "" || b.Session.ID == "") {
			t.Fatalf("%q %q decodes as %+v", field, value, b)
		}
		if err != nil {
			return
		}
		s := &Store{written: newWriteCache(), cfg: Config{Now: time.Now}}
		args := s.bindingCalls(&b.Binding, b.began, 0, time.Now())[0].args
		again := strings.TrimPrefix(args[0].(string), "1")
		if b.Kind == quarantine.NATPortBlock {
			again = args[0].(string)
		}
		back, err := decodeBinding(b.Prefix, again, fmt.Sprintf("%s,%s,%s,%s,%s", args[1:6]...))
		if err != nil || back != b {
			t.Fatalf("%q %q decodes as %+v, and is written as %q, which is %+v, %v", field, value, b, args, back, err)
		}
	})
}
