package template

import (
	"net/netip"
	"testing"
	"time"

	"cordon/quarantine"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func FuzzTemplate(f *testing.F) {
	f.Add("{subscriber}", "list", "{updated},{session},{nas_ip},{duration},{address},{*}", "ip:{address}", "{subscriber}", "session", "sid")
	f.Add("u:{{x}}{subscriber}", "json", "", "{address}", "{nas_ip}:{session}", "subscriber", "a.b")
	f.Fuzz(func(t *testing.T, key, kind, value, addressKey, addressValue, name, field string) {
		form := Template{
			BySubscriber: Lookup{Key: key, Type: Type(kind), Value: value}, ByAddress: Lookup{Key: addressKey, Value: addressValue},
		}
		if name != "" {
			form.BySubscriber.Fields = map[string]string{name: field}
		}
		ready, faults := compile(&form)
		if len(faults) > 0 {
			return
		}
		if lacking := missingName(recordsOf(ready.bySubscriber)); lacking != "" {
			t.Fatalf("accepted, and %s is missing: %+v", lacking, form)
		}
		p := ready.bySubscriber.key
		text, ok := p.expand(map[string]string{nameSubscriber: "alice"})
		if values, back := p.match(text); !ok || !back || values[nameSubscriber] != "alice" {
			t.Fatalf("key %q: %q %v", key, text, values)
		}
	})
}

func FuzzValue(f *testing.F) {
	f.Add("1772366340,a1,192.0.2.1,3540,198.51.100.7,0,0,12,34", `{"s":"alice","id":"a1"}`)
	f.Add("1,,,,", `{"s":{"s":1e400}}`)
	r := &Reader{cfg: Config{
		BNG: func(ip netip.Addr, id string) string { return "nas:" + ip.String() + id },
		NAS: func(string) ([]netip.Addr, []string) { return nil, nil },
	}}
	r.cfg.setDefaults()
	r.t, _ = compile(&rediswho)
	structured := &lookup{Lookup: Lookup{Type: JSON, Fields: map[string]string{
		nameSubscriber: "s", nameSession: "id", nameBNG: "b", nameStarted: "t", nameDelegated: "p", nameIPv6: "s.s",
	}, Attributes: map[string]string{"Class": "c"}}}
	f.Fuzz(func(t *testing.T, text, object string) {
		q := question{key: "alice", asked: map[string]string{nameSubscriber: "alice"}}
		items, _ := r.scan(nil, r.t.bySubscriber, q, text)
		more, _ := r.scan(nil, structured, q, object)
		for _, said := range append(items, more...) {
			s, _, ok := r.session(&said, noon)
			switch {
			case !ok:
			case s.Subscriber != "alice" || s.ID == "" || s.BNG == "" || s.StartedAt.IsZero() || s.SeenAt.Before(s.StartedAt):
				t.Fatalf("not distrusted: %+v", s)
			case s.SeenAt.After(noon.Add(futureTolerance)):
				t.Fatalf("from the future: %+v", s)
			}
			for _, a := range s.Addresses {
				if ok && (!a.Prefix.IsValid() || a.Prefix != a.Prefix.Masked() || a.Kind == quarantine.NATPortBlock) {
					t.Fatalf("address %+v", a)
				}
			}
		}
	})
}
