package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"cordon/integration/wire"
)

// born is the moment around which everything the stub tells happened.
var born = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stub is a server that speaks the API's contract with a few cases made up.
type stub struct {
	mux  *http.ServeMux
	mu   sync.Mutex
	sent []string       // one line a request; guarded by mu
	asks map[string]int // GETs of each verdict; guarded by mu
	idle bool           // no BNG is in maintenance; guarded by mu
}

func newStub() *stub {
	s := &stub{mux: http.NewServeMux(), asks: map[string]int{}}
	s.mux.HandleFunc("POST /api/v1/quarantines", s.quarantine)
	s.mux.HandleFunc("GET /api/v1/cases", s.list)
	s.mux.HandleFunc("GET /api/v1/cases/{id}", s.show)
	s.mux.HandleFunc("POST /api/v1/cases/{id}/{verb}", s.decide)
	s.mux.HandleFunc("POST /api/v1/verdicts", s.submit)
	s.mux.HandleFunc("GET /api/v1/verdicts/{id}", s.verdict)
	s.mux.HandleFunc("GET /api/v1/sessions", s.sessions)
	s.mux.HandleFunc("GET /api/v1/bngs", s.bngs)
	s.mux.HandleFunc("GET /api/v1/bngs/discovered", s.discovered)
	s.mux.HandleFunc("POST /api/v1/sessions/import", s.imports)
	s.mux.HandleFunc("POST /api/v1/bngs/{name}/maintenance", s.maintain)
	s.mux.HandleFunc("POST /api/v1/bngs/{name}/maintenance/end", s.maintain)
	s.mux.HandleFunc("GET /api/v1/instances", s.instances)
	s.mux.HandleFunc("POST /api/v1/instances/{name}/forget", s.forget)
	return s
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	s.mu.Lock()
	s.sent = append(s.sent, fmt.Sprintf("%s %s author=%s auth=%s %s", r.Method, r.URL.RequestURI(),
		r.Header.Get("X-Cordon-Author"), r.Header.Get("Authorization"), strings.TrimSpace(string(body))))
	s.mu.Unlock()
	switch r.Header.Get("Authorization") {
	case "Bearer wrong":
		refuse(w, 401, "no valid bearer token")
	case "Bearer reader":
		refuse(w, 403, "token lacks the scope for this")
	default:
		s.mux.ServeHTTP(w, r)
	}
}

func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(wire.Problem{Status: status, Detail: detail, RequestID: "req-1"})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func at(d time.Duration) *time.Time {
	t := born.Add(d)
	return &t
}

// stubCase is the case with that id, with something in every field of c-1.
func stubCase(id string) (wire.Case, bool) {
	cause, sure := uint32(503), 0.9
	cases := map[string]wire.Case{
		"c-1": {ID: "c-1", Subscriber: "alice@isp", State: "restricting", Profile: "walled-garden", Mode: "enforce", Rule: "bots",
			Reason: "botnet reported by sensor-3",
			Source: "sensor-3", OpenedAt: *at(-90 * time.Minute), ExpiresAt: at(71 * time.Hour), Sessions: []wire.Session{
				{BNG: "bng1", SessionID: "0042", Wanted: "walled-garden", Enforcement: "acked", Attempts: 1, UpdatedAt: at(-89 * time.Minute),
					Addresses: []string{"192.0.2.17", "2001:db8:1::/56"}},
				{BNG: "bng2", SessionID: "0043", Wanted: "walled-garden", Enforcement: "refused", ErrorCause: &cause, Reason: "no such session",
					Attempts: 3, UpdatedAt: at(-10 * time.Second)},
			},
			Evidence: []wire.Evidence{{ID: "v-1", Source: "sensor-3", Category: "botnet", Confidence: &sure, ObservedAt: *at(-92 * time.Minute)}},
			Rise: &wire.Demand{Profile: "disconnect", Rule: "kick", Reason: "ddos reported by s2", Source: "s2", Until: *at(time.Hour),
				Hold: &wire.Hold{Kind: "limit", Detail: "60 lines per day"}},
			Then:  []wire.Demand{{Profile: "block-smtp", Reason: "ticket 4711", Source: "bob", Until: *at(700 * time.Hour)}},
			Notes: []wire.Note{{At: *at(-time.Hour), By: "bob", Text: "customer called"}},
			History: []wire.HistoryEntry{
				{At: *at(-90 * time.Minute), State: "restricting", Text: "rule bots: botnet reported by sensor-3, walled-garden"},
				{At: *at(-time.Hour), State: "restricting", By: "bob", Text: "expires 2026-03-04T11:00:00Z: \x1b[31mforged\nline"},
			}},
		"c-2": {ID: "c-2", Subscriber: "bob\x1b[2J\u202e@isp", State: "held", Profile: "block-smtp", Mode: "enforce", Rule: "spam",
			Reason: "spam reported by s1", Source: "s1",
			OpenedAt: *at(-26 * time.Hour), ExpiresAt: at(20 * time.Minute), Hold: &wire.Hold{Kind: "limit", Detail: "20 lines per hour"}},
		"c-3": {ID: "c-3", Subscriber: "carol", State: "closed", Profile: "walled-garden", Mode: "enforce", Reason: "phone call",
			Source:   "operator",
			OpenedAt: *at(-50 * time.Hour), ExpiresAt: at(-2 * time.Hour), ClosedAt: at(-3 * time.Hour),
			Release: &wire.Release{At: *at(-3 * time.Hour), By: "bob", Reason: "new router", Code: "cleaned"}},
		"c-5": {ID: "c-5", Subscriber: "erin", State: "releasing", Profile: "walled-garden", Mode: "enforce", Rule: "bots",
			Reason: "botnet reported by sensor-3", Source: "sensor-3",
			OpenedAt: *at(-50 * time.Hour), ExpiresAt: at(2 * time.Hour),
			Release: &wire.Release{At: *at(-3 * time.Hour), By: "bob", Reason: "new router", Code: "cleaned"},
			Sessions: []wire.Session{
				{BNG: "bng1", SessionID: "0042", Enforcement: "refused", Reason: "BNG bng1 is not configured", Attempts: 8,
					UpdatedAt: at(-time.Minute), NextAt: at(9 * time.Minute), Owed: true},
				{BNG: "bng2", SessionID: "0043", Enforcement: "acked", Attempts: 1, UpdatedAt: at(-3 * time.Hour)},
			},
			History: []wire.HistoryEntry{{At: *at(-50 * time.Hour), State: "restricting", Text: "rule bots"},
				{At: *at(-3 * time.Hour), State: "releasing", By: "bob", Text: "released: new router"}}},
		"c-6": {ID: "c-6", Subscriber: "frank", State: "restricting", Profile: "walled-garden", Mode: "enforce", Rule: "bots",
			Reason: "botnet reported by sensor-3", Source: "sensor-3",
			OpenedAt: *at(-time.Minute), ExpiresAt: at(71 * time.Hour), Sessions: []wire.Session{
				{BNG: "bng1", SessionID: "0044", Wanted: "walled-garden", Enforcement: "pending", DeferredBy: "maintenance",
					Reason: "bng1 is in maintenance until 14:00: new software", UpdatedAt: at(-time.Minute)},
			}},
	}
	c, ok := cases[id]
	return c, ok
}

func (s *stub) quarantine(w http.ResponseWriter, r *http.Request) {
	var q wire.QuarantineRequest
	_ = json.NewDecoder(r.Body).Decode(&q)
	c, _ := stubCase("c-1")
	switch {
	case q.Profile == "jail":
		refuse(w, 422, `body.profile: unknown profile; known are ["walled-garden"]`)
	case q.IP == "192.0.2.99":
		w.WriteHeader(409)
		_ = json.NewEncoder(w).Encode(wire.Problem{Status: 409, Detail: "more than one subscriber may hold that address", Candidates: holders()})
	case q.IP == "192.0.2.98":
		w.WriteHeader(409)
		_ = json.NewEncoder(w).Encode(wire.Problem{Status: 409, Detail: "who holds that address now is not certain",
			Missing: "waits for accounting", Candidates: holders()})
	case q.Subscriber == "guest" && !q.All:
		w.WriteHeader(409)
		_ = json.NewEncoder(w).Encode(wire.Problem{Status: 409, Detail: "guest has 6 lines", Lines: 6})
	case q.Subscriber == "outage":
		refuse(w, 503, "Redis or the journal is unavailable")
	case q.Subscriber == "settled":
		c.Sessions = c.Sessions[:1]
		reply(w, 201, c)
	case q.Subscriber == "refused":
		c.Sessions = c.Sessions[1:]
		reply(w, 201, c)
	default:
		reply(w, 201, c)
	}
}

// list gives one case a page.
func (s *stub) list(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("state") == "gone" {
		refuse(w, 422, "query.state: no such state")
		return
	}
	id, next := "c-1", "c-2"
	switch r.URL.Query().Get("cursor") {
	case "c-2":
		id, next = "c-2", "c-3"
	case "c-3":
		id, next = "c-3", ""
	}
	page := wire.CasePage{Page: wire.Page[wire.Case]{Results: []wire.Case{}}}
	if r.URL.Query().Get("subscriber") != "nobody" {
		c, _ := stubCase(id)
		page.Results = append(page.Results, c)
		if next != "" {
			path := wire.BasePath + "/cases?cursor=" + next
			page.Next = &path
		}
	}
	reply(w, 200, page)
}

func (s *stub) show(w http.ResponseWriter, r *http.Request) {
	c, ok := stubCase(r.PathValue("id"))
	if !ok {
		refuse(w, 404, "no such case")
		return
	}
	reply(w, 200, c)
}

func (s *stub) decide(w http.ResponseWriter, r *http.Request) {
	c, ok := stubCase(r.PathValue("id"))
	switch {
	case r.PathValue("id") == "c-later":
		reply(w, 202, wire.Deferred{ID: "c-later", Status: "deferred", Detail: "it will be applied later"})
	case r.PathValue("id") == "c-elsewhere":
		reply(w, 202, wire.Deferred{ID: "c-elsewhere", Status: "deferred", Detail: "nothing is sent from here", UnknownHere: true,
			Instances: []wire.OtherInstance{
				{Name: "cordon-b", Address: "192.0.2.2:8480",
					Command: "cordon quarantine release c-elsewhere --addr http://192.0.2.2:8480 --reason 'x'"},
				{Name: "cordon-c", Command: "cordon quarantine release c-elsewhere --reason 'x'"},
			}})
	case !ok:
		refuse(w, 404, "no such case")
	case c.State == "closed":
		refuse(w, 409, "case c-3 is closed; only a case that is open can be changed")
	default:
		reply(w, 200, c)
	}
}

func (s *stub) submit(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	text := strings.TrimSpace(string(body))
	lines := strings.Split(text, "\n")
	if strings.HasPrefix(text, "{") && len(lines) == 1 && strings.Contains(text, "127.0.0.1") {
		refuse(w, 422, "body.ip: is a loopback address")
		return
	}
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		refuse(w, 400, "the body is not JSON")
		return
	}
	receipts := []wire.Receipt{}
	for i, line := range lines {
		if strings.Contains(line, "127.0.0.1") {
			receipts = append(receipts, wire.Receipt{Status: "rejected", Error: "ip: is a loopback address"})
			continue
		}
		receipts = append(receipts, wire.Receipt{ID: fmt.Sprintf("v-%d", i+1), Status: "accepted"})
	}
	reply(w, 202, wire.Receipts{Results: receipts})
}

// verdict is decided when it is asked for the third time.
func (s *stub) verdict(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	s.mu.Lock()
	s.asks[id]++
	asked := s.asks[id]
	s.mu.Unlock()
	v := wire.VerdictStatus{ID: id, Source: "cli", State: "acted", Subscriber: "alice@isp", Case: "c-1", IP: "192.0.2.17",
		Category: "botnet", ObservedAt: *at(-5 * time.Minute)}
	switch {
	case id == "v-404":
		refuse(w, 404, "no such verdict")
		return
	case id == "v-2":
		v.State, v.Reason, v.Subscriber, v.Case, v.Candidates = "ambiguous", "more than one subscriber may have held it", "", "", holders()
	case asked == 1:
		refuse(w, 404, "no such verdict")
		return
	case asked == 2:
		v.State = "pending"
	}
	reply(w, 200, v)
}

func holders() []wire.Holder {
	return []wire.Holder{
		{Subscriber: "alice@isp", BNG: "bng1", SessionID: "0042", Address: "192.0.2.17", From: *at(-2 * time.Hour), KnownBy: "Start"},
		{Subscriber: "bob", BNG: "bng1", SessionID: "0041", Address: "192.0.2.17", From: *at(-5 * time.Hour), To: at(-2 * time.Hour),
			KnownBy: "Start and Stop"},
	}
}

func (s *stub) sessions(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page := wire.Holders{Results: []wire.Holder{}, Neighbours: []wire.Neighbour{}}
	switch {
	case q.Get("ip") == "host":
		refuse(w, 422, "query.ip: is no IP address")
		return
	case q.Get("ip") == "192.0.2.18":
		page.Neighbours = append(page.Neighbours, wire.Neighbour{Holder: holders()[1], Side: "before"})
	case q.Get("ip") == "192.0.2.17" || q.Get("subscriber") == "alice@isp":
		page.Results = holders()[:1]
	}
	reply(w, 200, page)
}

// stubBNG is bng1, or with maintenance bng2 for two hours from now on.
func stubBNG(name string, maintained bool) wire.BNG {
	b := wire.BNG{Name: name, Address: "192.0.2." + name[len(name)-1:], Dialect: "junos", Profiles: []string{"walled-garden"}}
	if maintained {
		now := time.Now().UTC().Truncate(time.Second)
		b.Maintenance = &wire.Maintenance{Until: now.Add(2*time.Hour + 30*time.Second), Reason: "new\x1b[2J software", By: "alice", At: now}
	}
	return b
}

// stubHealth is how bng1 answers.
func stubHealth() *wire.BNGHealth {
	skew := int64(-400)
	return &wire.BNGHealth{
		State: "unresponsive", Path: "aaa1", Since: at(0), Unanswered: 6, Skew: &skew, InFlight: 2, WaitingReleases: 3, WaitingRestrictions: 4,
		RestrictionRate: 1.5,
		Stopped:         []wire.StoppedProfile{{Profile: "garden", ErrorCause: 407}},
		Fault:           &wire.BNGFault{Name: "NAS-Identification-Mismatch", At: *at(-time.Hour)},
	}
}

// bngs are bng1, and bng2 in maintenance until somebody ends it.
func (s *stub) bngs(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	silent, late := stubBNG("bng1", false), stubBNG("bng2", !s.idle)
	silent.Health = stubHealth()
	late.Clock = &wire.AccountingClock{Skew: -18000, Relay: true}
	reply(w, 200, wire.Page[wire.BNG]{Results: []wire.BNG{silent, late}})
}

func (s *stub) maintain(w http.ResponseWriter, r *http.Request) {
	name, end := r.PathValue("name"), strings.HasSuffix(r.URL.Path, "/end")
	var body wire.MaintenanceRequest
	_ = json.NewDecoder(r.Body).Decode(&body)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case name == "bng-later":
		reply(w, 202, wire.Deferred{ID: name, Status: "deferred", Detail: "it will be applied later"})
	case name != "bng1" && name != "bng2":
		refuse(w, 404, "unknown BNG \"bng9\"")
	case end && (name == "bng1" || s.idle):
		refuse(w, 409, name+" is not in maintenance")
	case body.For == "1000h":
		refuse(w, 422, "body.for: is above 0 and at most 168h")
	default:
		s.idle = s.idle || end
		reply(w, 200, stubBNG(name, !end))
	}
}

func (s *stub) discovered(w http.ResponseWriter, _ *http.Request) {
	reply(w, 200, wire.Page[wire.DiscoveredBNG]{Results: []wire.DiscoveredBNG{
		{NASIP: "203.0.113.9", NASIdentifier: "edge/9\n", Sender: "192.0.2.20", Relay: true, Records: 100, Sessions: 50, FirstSeen: born,
			LastSeen: *at(time.Hour)},
		{NASIP: "192.0.2.77", Sender: "192.0.2.77", KnownBy: "name", Records: 1, Sessions: 1, FirstSeen: born, LastSeen: born},
		{NASIP: "127.0.0.1", NASIdentifier: "accel\n - ppp", Sender: "192.0.2.78", KnownBy: "sender",
			Vague: []string{"nas_ip", "nas_identifier"}, Records: 1, Sessions: 1, FirstSeen: born, LastSeen: born},
		{NASIP: "127.0.0.1", Sender: "192.0.2.20", Relay: true, KnownBy: "nothing", Vague: []string{"nas_ip"}, Records: 1, Sessions: 1,
			FirstSeen: born, LastSeen: born},
		{NASIdentifier: "bng1", Sender: "192.0.2.20", Relay: true, KnownBy: "name", Records: 1, Sessions: 1, FirstSeen: born, LastSeen: born},
	}})
}

// imports takes every row but those of the user nobody.
func (s *stub) imports(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	answer := wire.ImportReceipt{Rejected: []wire.LineFault{}, Ignored: []string{"acctinputoctets"}}
	for i, line := range strings.Split(strings.TrimSpace(string(body)), "\n") {
		var row map[string]string
		if json.Unmarshal([]byte(line), &row) != nil || row["username"] == "nobody" {
			answer.Rejected = append(answer.Rejected, wire.LineFault{Line: i + 1, Error: "subscriber: is not named"})
			continue
		}
		answer.Accepted++
	}
	reply(w, 200, answer)
}

// stubInstance is an instance that is up, silent for two hours, or forgotten.
func stubInstance(name, id, state string) wire.Instance {
	i := wire.Instance{Name: name, ID: id, State: state, Accounting: true, SpokeAt: born, Complete: born, Here: state == "up"}
	if state == "up" {
		return i
	}
	i.SpokeAt, i.Complete, i.Waiting, i.AloneUntil = *at(-2 * time.Hour), *at(-2 * time.Hour), 7, at(-90*time.Minute+15*time.Second)
	if state == "silent" {
		i.Verdicts = 3
		return i
	}
	i.At, i.By, i.Reason = at(0), "alice", "its host\x1b[2J burnt"
	return i
}

func (s *stub) instances(w http.ResponseWriter, _ *http.Request) {
	reply(w, 200, wire.Page[wire.Instance]{Results: []wire.Instance{
		stubInstance("cordon-a", "id-a", "up"), stubInstance("cordon-b", "id-b", "silent"), stubInstance("cordon-c", "id-c", "forgotten"),
	}})
}

func (s *stub) forget(w http.ResponseWriter, r *http.Request) {
	switch name := r.PathValue("name"); name {
	case "cordon-a":
		refuse(w, 409, "the instance sent a heartbeat within the last 15s")
	case "nobody":
		refuse(w, 404, "no such instance")
	case "twins":
		refuse(w, 409, "several instances are called twins; give the id: 1 (silent), 2 (up)")
	default:
		reply(w, 200, stubInstance(name, "id-b", "forgotten"))
	}
}
