package template_test

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
	"cordon/store/template"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// site is a Redis as another program keeps it, with a Reader.
type site struct {
	t      *testing.T
	redis  *storetest.Redis
	reader *template.Reader
	now    time.Time
}

// hashes is a hash for each session, with sets and strings that lead to it.
var hashes = template.Template{
	BySession: template.Lookup{Key: "sess:{nas_ip}:{session}", Fields: map[string]string{
		"subscriber": "username", "nas_ip": "nas", "session": "sid", "address": "ip", "delegated_prefix": "pd",
		"started": "start", "updated": "last", "ended": "stop",
	}, Attributes: map[string]string{"NAS-Port-Id": "port", "Filter-Id": "filter"}},
	BySubscriber:  template.Lookup{Key: "user:{subscriber}", Type: template.Set, Value: "{nas_ip}:{session}"},
	ByAddress:     template.Lookup{Key: "ip:{address}", Value: "{nas_ip}:{session}"},
	ByPrefix:      template.Lookup{Key: "pd:{prefix}", Value: "{nas_ip}:{session}"},
	PrefixLengths: []int{56, 64},
}

func open(t *testing.T, form template.Template, change ...func(*template.Config)) *site {
	t.Helper()
	s := &site{t: t, redis: storetest.StartRedis(t, "--appendonly", "no"), now: noon}
	cfg := template.Config{
		Server: template.Server{Addrs: []string{s.redis.Socket}}, Template: form, Lag: 30 * time.Second, MaxAge: 10 * time.Minute,
		BNG: func(ip netip.Addr, _ string) string {
			if ip == netip.MustParseAddr("192.0.2.1") {
				return "bng1"
			}
			return "nas:" + ip.String()
		},
		NAS: func(bng string) ([]netip.Addr, []string) {
			if bng == "bng1" {
				return []netip.Addr{netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("192.0.2.1")}, nil
			}
			return nil, nil
		},
		Restricted: func(a quarantine.Attribute) bool { return a.Value == "GARDEN" },
		Now:        func() time.Time { return s.now },
	}
	for _, c := range change {
		c(&cfg)
	}
	reader, err := template.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	s.reader = reader
	return s
}

// online writes alice's session a1 as the hashes have it; change names other fields.
func (s *site) online(change ...string) {
	s.redis.Do(append([]string{"HSET", "sess:192.0.2.1:a1", "username", "alice", "nas", "192.0.2.1", "sid", "a1", "ip", "198.51.100.7",
		"pd", "2001:db8:1::/56", "start", unix(noon.Add(-time.Hour)), "last", unix(noon.Add(-time.Minute)), "port", "ge-0/0/1:100",
		"filter", "GARDEN"}, change...)...)
	s.redis.Do("SADD", "user:alice", "192.0.2.1:a1")
	s.redis.Do("SET", "ip:198.51.100.7", "192.0.2.1:a1")
	s.redis.Do("SET", "pd:2001:db8:1::/56", "192.0.2.1:a1")
}

func (s *site) bindings(addr string) []quarantine.Binding {
	s.t.Helper()
	found, err := s.reader.Bindings(s.t.Context(), quarantine.Place{Addr: netip.MustParseAddr(addr)}, s.now, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

func (s *site) sessionsOf(subscriber string) []quarantine.Session {
	s.t.Helper()
	found, err := s.reader.SessionsOf(s.t.Context(), subscriber)
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// doubted returns the count of one reason.
func (s *site) doubted(reason template.Reason) uint64 { return s.reader.Doubts()[reason].Count }

var a1 = quarantine.SessionKey{BNG: "bng1", ID: "a1"}

// wantAlice asks in every way and expects alice's session.
func wantAlice(t *testing.T, s *site, addresses ...string) {
	t.Helper()
	if of := s.sessionsOf("alice"); len(of) != 1 || of[0].SessionKey != a1 || of[0].Subscriber != "alice" {
		t.Fatalf("of alice: %+v", of)
	}
	one, err := s.reader.Session(t.Context(), a1)
	if err != nil || one.Subscriber != "alice" || !one.StartedAt.Equal(noon.Add(-time.Hour)) ||
		!one.SeenAt.Equal(noon.Add(-time.Minute)) || !one.Live() || one.Suspect {
		t.Fatalf("session a1: %+v, %v", one, err)
	}
	for _, address := range addresses {
		held := s.bindings(address)
		if len(held) != 1 || held[0].Subscriber != "alice" || held[0].Session != a1 || held[0].Present == nil ||
			!strings.HasSuffix(held[0].Holder().KnownBy, "current only") {
			t.Fatalf("who holds %s: %+v", address, held)
		}
	}
}

func TestAHashForEachSessionIsFoundBySessionSubscriberAddressAndPrefix(t *testing.T) {
	s := open(t, hashes)
	s.online()
	wantAlice(t, s, "198.51.100.7", "2001:db8:1:ff::1")
	one, _ := s.reader.Session(t.Context(), a1)
	if one.Attribute("NAS-Port-Id") != "ge-0/0/1:100" || one.Attribute("Filter-Id") != "" {
		t.Errorf("attributes: %+v; a restricted profile's name is not what she should have", one.Attributes)
	}
	if held := s.bindings("198.51.100.8"); len(held) > 0 {
		t.Errorf("nobody holds 198.51.100.8: %+v", held)
	}
	if _, err := s.reader.Session(t.Context(), quarantine.SessionKey{BNG: "bng2", ID: "a1"}); !errors.Is(err, quarantine.ErrNoSession) {
		t.Errorf("another BNG's session: %v", err)
	}
	s.redis.Do("HSET", "sess:192.0.2.1:a1", "stop", unix(noon))
	if of := s.sessionsOf("alice"); len(of) > 0 {
		t.Errorf("it has ended: %+v", of)
	}
	if one, err := s.reader.Session(t.Context(), a1); err != nil || one.Live() {
		t.Errorf("ended: %+v %v", one, err)
	}
}

func TestAJSONForEachAddressIsASessionOfItsOwn(t *testing.T) {
	fields := map[string]string{
		"subscriber": "user.name", "session": "acct.id", "nas_ip": "nas", "started": "start", "updated": "seen", "address": "ip",
	}
	s := open(t, template.Template{
		BySubscriber: template.Lookup{Key: "{{s}}:{subscriber}", Type: template.JSON, Fields: fields},
		ByAddress:    template.Lookup{Key: "a:{address}", Type: template.JSON, Fields: fields},
		TimeFormat:   template.RFC3339,
	})
	text := `{"user":{"name":"alice"},"acct":{"id":"a1"},"nas":"192.0.2.1","ip":"198.51.100.7",` +
		`"start":"2026-03-01T12:00:00+01:00","seen":"2026-03-01T11:59:00Z","more":[1,{}]}`
	s.redis.Do("SET", "{s}:alice", text)
	s.redis.Do("SET", "a:198.51.100.7", text)
	wantAlice(t, s, "198.51.100.7")
}

func TestRediswhosListsAreReadByTheirPreset(t *testing.T) {
	form, ok := template.Preset("rediswho")
	if !ok {
		t.Fatal("no such preset")
	}
	s := open(t, form)
	// As FreeRADIUS 3.2 writes them: Start, Interim and Stop look alike.
	s.redis.Do("LPUSH", "alice", unix(noon.Add(-time.Hour))+",a1,192.0.2.1,0,198.51.100.7,0,0,0,0")
	s.redis.Do("LPUSH", "alice", unix(noon.Add(-time.Minute))+",a1,192.0.2.1,3540,198.51.100.7,0,0,12,34")
	if _, err := s.reader.Session(t.Context(), a1); !errors.Is(err, quarantine.ErrNoSession) {
		t.Errorf("without a look-up by session, only what was found before is known: %v", err)
	}
	wantAlice(t, s)
	if _, err := s.reader.Bindings(t.Context(), quarantine.Place{Addr: netip.MustParseAddr("198.51.100.7")}, noon,
		noon); !errors.Is(err, quarantine.ErrNoAddressIndex) {
		t.Errorf("by address: %v", err)
	}
	s.now = noon.Add(45 * time.Minute)
	if of := s.sessionsOf("alice"); len(of) != 1 || !of[0].Suspect {
		t.Errorf("silent for 46 minutes, so it may have ended: %+v", of)
	}
}

func TestRediswhosListsWithAnIndexByAddressAreFoundByAddress(t *testing.T) {
	form, _ := template.Preset("rediswho")
	form.ByAddress = template.Lookup{Key: "ip:{address}", Value: "{subscriber}"}
	s := open(t, form)
	s.redis.Do("LPUSH", "alice", unix(noon.Add(-time.Minute))+",a1,192.0.2.1,3540,198.51.100.7,0,0,12,34")
	s.redis.Do("SET", "ip:198.51.100.7", "alice")
	s.redis.Do("SET", "ip:198.51.100.8", "alice") // out of date
	wantAlice(t, s, "198.51.100.7")
	if held := s.bindings("198.51.100.8"); len(held) > 0 || s.doubted(template.Contradicts) != 1 {
		t.Errorf("her own record names another address: %+v", held)
	}
}

func TestWhatAnotherProgramWroteIsNeverAWrongSession(t *testing.T) {
	const key = "sess:192.0.2.1:a1"
	for _, c := range []struct {
		name   string
		poison []string // a command
		reason template.Reason
	}{
		{"an index of another type", []string{"RPUSH", "ip:198.51.100.7", "x"}, template.WrongType},
		{"an index that leads to nonsense", []string{"SET", "ip:198.51.100.7", "\x00\xff\xfe"}, template.Malformed},
		{"a huge index", []string{"SET", "ip:198.51.100.7", "192.0.2.1:" + strings.Repeat("x", 1<<17)}, template.TooLong},
		{"a record of another type", []string{"SET", key, "x"}, template.WrongType},
		{"another subscriber's name in binary", []string{"HSET", key, "username", "\xff\x00"}, template.Malformed},
		{"no subscriber", []string{"HDEL", key, "username"}, template.Incomplete},
		{"another session", []string{"HSET", key, "sid", "a2"}, template.Contradicts},
		{"another BNG", []string{"HSET", key, "nas", "192.0.2.2"}, template.Contradicts},
		{"another address", []string{"HSET", key, "ip", "198.51.100.8"}, template.Contradicts},
		{"no address", []string{"HDEL", key, "ip"}, template.Contradicts},
		{"an address that is none", []string{"HSET", key, "ip", "198.51.100.7/24"}, template.BadAddress},
		{"a time that is none", []string{"HSET", key, "start", "yesterday"}, template.BadTime},
		{"a time to come", []string{"HSET", key, "last", unix(noon.Add(time.Hour))}, template.BadTime},
		{"no time", []string{"HDEL", key, "start", "last"}, template.Incomplete},
		{"a value of many megabytes", []string{"HSET", key, "username", strings.Repeat("x", 20<<20)}, template.TooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, hashes)
			s.online()
			if c.poison[0] == "RPUSH" || c.poison[0] == "SET" {
				s.redis.Do("DEL", c.poison[1])
			}
			s.redis.Do(c.poison...)
			if held := s.bindings("198.51.100.7"); len(held) > 0 {
				t.Errorf("not distrusted: %+v", held)
			}
			if s.doubted(c.reason) == 0 {
				t.Errorf("not counted as %s: %+v", c.reason, s.reader.Doubts())
			}
			for _, sub := range []string{"alice", "bob"} {
				for _, found := range s.sessionsOf(sub) {
					if found.Subscriber != "alice" || found.SessionKey != a1 {
						t.Errorf("a wrong session: %+v", found)
					}
				}
			}
		})
	}
}

func TestAnIndexWithMoreHoldersThanAreReadNamesNobody(t *testing.T) {
	form := hashes
	form.ByAddress.Type = template.Set
	s := open(t, form)
	s.online()
	s.redis.Do("DEL", "ip:198.51.100.7")
	for i := range 100 {
		s.redis.Do("SADD", "ip:198.51.100.7", "192.0.2.1:a"+strconv.Itoa(i))
	}
	if held := s.bindings("198.51.100.7"); len(held) > 0 || s.doubted(template.TooMany) == 0 {
		t.Errorf("%+v", held)
	}
}

func TestAUserWhoMayOnlyReadIsEnoughAndNothingElseIsTried(t *testing.T) {
	s := open(t, hashes, func(c *template.Config) { c.Server.Username, c.Server.Password = "reader", "secret" })
	s.online()
	s.redis.Do("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+hmget", "+getrange", "+srandmember", "+lrange", "+ping", "+hello",
		"+auth", "+client|setname")
	s.redis.Do("ACL", "LOG", "RESET")
	wantAlice(t, s, "198.51.100.7", "2001:db8:1:ff::1")
	if err := s.reader.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if denied := s.redis.Do("ACL", "LOG"); denied != "*0" {
		t.Errorf("commands were tried that the user may not: %s", denied)
	}
}

func TestARedisThatIsUnreachableIsAnErrorAndNoAnswer(t *testing.T) {
	s := open(t, hashes)
	s.online()
	s.redis.Kill()
	if _, err := s.reader.SessionsOf(t.Context(), "alice"); err == nil {
		t.Error("sessions of alice: no error")
	}
	if _, err := s.reader.Session(t.Context(), a1); err == nil || errors.Is(err, quarantine.ErrNoSession) {
		t.Errorf("session a1: %v", err)
	}
	if _, err := s.reader.Bindings(t.Context(), quarantine.Place{Addr: netip.MustParseAddr("198.51.100.7")}, noon, noon); err == nil {
		t.Error("who holds an address: no error")
	}
}
