package quarantine

import (
	"encoding/json"
	"reflect"
	"testing"
)

func FuzzEveryOctetOfASessionSurvivesJSON(f *testing.F) {
	f.Add("User-Name", "alice@isp", "1A2B")
	f.Add("User-Name", "M\374ller", "\xff/\x00")
	f.Add("\xff", "\xed\xa0\x80 \u2028 \ufffd", "")
	f.Add("Class", "\"\\\x7f<>&", "\ufffd")
	f.Fuzz(func(t *testing.T, name, value, id string) {
		a := Attribute{name, value}
		c := Case{ID: "c-1", Sessions: []SessionEnforcement{{Session: Session{
			SessionKey: SessionKey{"b1", id}, Subscriber: "alice", StartedAt: at(0), SeenAt: at(1),
			Attributes: []Attribute{a, {"Framed-Protocol", "PPP"}}, Observed: []ObservedAttribute{{a, at(1)}},
			Addresses: []Address{{Prefix: ip4(7).Prefix, Kind: FramedIP, Since: at(1), Began: at(1), Of: Claimant{Subscriber: "bob"}}},
		}}}}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back Case
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(back, c) {
			t.Fatalf("%s reads back as\n%+v, want\n%+v", text, back, c)
		}
	})
}

func TestATextAttributeStandsInJSONAsBefore(t *testing.T) {
	text, err := json.Marshal(Session{SessionKey: SessionKey{"b1", "42"}, Attributes: []Attribute{{"Filter-Id", "PLAN"}},
		Observed: []ObservedAttribute{{Attribute{"Filter-Id", "GARDEN"}, at(0)}}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"bng":"b1","acct_session_id":"42","subscriber":""` +
		`,"started_at":"0001-01-01T00:00:00Z","seen_at":"0001-01-01T00:00:00Z","start_seen":false,` +
		`"attributes":[{"n":"Filter-Id","v":"PLAN"}],"shown":[{"n":"Filter-Id","v":"GARDEN","at":"2026-03-01T12:00:00Z"}]}`
	if string(text) != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
	var s ObservedAttribute
	if err := json.Unmarshal([]byte(`{"n":"Filter-Id","v":"GARDEN","at":"2026-03-01T12:00:00Z"}`), &s); err != nil ||
		s != (ObservedAttribute{Attribute{"Filter-Id", "GARDEN"}, at(0)}) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{`{"n":1}`, `{"vx":"*"}`, `[]`} {
		if err := new(Attribute).UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}
