package engine

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"cordon/quarantine"
)

// speakers are the sources that an instance hears, and whether they speak.
type speakers struct {
	mu     sync.Mutex // guards what follows
	speaks map[string]bool
}

func (m *speakers) set(speaks bool, sources ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.speaks == nil {
		m.speaks = map[string]bool{}
	}
	for _, s := range sources {
		m.speaks[s] = speaks
	}
}

// heard has every source that speaks say something at each report.
func (m *speakers) heard() (list []quarantine.SourceActivity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for source, speaks := range m.speaks {
		if now := time.Now(); speaks {
			list = append(list, quarantine.SourceActivity{Source: source, First: now, Last: now, Reported: now, Records: 1})
		}
	}
	return list
}

// relayed asks for an hour of history only; a day of it takes long in a bubble of
// synctest too.
var relayed = quarantine.SourcePlan{
	Rule:    quarantine.SilenceRule{Times: 3, Least: 30 * time.Minute, History: time.Hour},
	Interim: map[string]time.Duration{"bng1": 10 * time.Minute, "bng2": 0},
	Relays:  []quarantine.AccountingRelay{{Name: "192.0.2.20/32", For: []string{"bng1"}}},
}

// startHearing runs an instance that takes accounting and keeps track of its
// sources.
func (w *world) startHearing(holder string, m *speakers, log *zap.Logger) (*running, *Sources) {
	w.t.Helper()
	sources, err := NewSources(SourcesConfig{Book: w.memory, Plan: relayed, Activity: m.heard, Logger: log})
	if err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = sources.Run(w.t.Context()) }() // ends with the test
	e, _ := w.startListening(w.memory, holder, func(c *Config) { c.Overdue = sources.Overdue })
	return e, sources
}

// verdictOf returns the state and reason of a verdict.
func (w *world) verdictOf(e *running, id string) (quarantine.VerdictState, string) {
	w.t.Helper()
	s, err := e.Verdict(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return s.State, s.Reason
}

func TestWhileARelayIsSilentNoLaterMomentIsAttributed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		core, lines := observer.New(zap.InfoLevel)
		m := &speakers{}
		m.set(true, "192.0.2.20/32", "bng1")
		e, sources := w.startHearing("a", m, zap.New(core))
		time.Sleep(70 * time.Minute)
		alice, address := w.login("alice")
		time.Sleep(time.Minute)
		m.set(false, "192.0.2.20/32", "bng1")
		stopped := time.Now()
		time.Sleep(31 * time.Minute)
		if silent := sources.Silent(); len(silent) != 1 || silent[0].Name != "192.0.2.20/32" {
			t.Fatalf("silent: %v", silent)
		}

		id := w.accept(e, botnet(address)) // bob has it by now, and nobody says so
		earlier := botnet(address)
		earlier.ObservedAt, earlier.Category = stopped.Add(-20*time.Second), "spam"
		before := w.accept(e, earlier)
		time.Sleep(10 * time.Second)
		if state, reason := w.verdictOf(e, id); state != quarantine.VerdictPending ||
			!strings.Contains(reason, "relay 192.0.2.20/32 has sent no accounting since") {
			t.Errorf("%s, %q", state, reason)
		}
		if state, reason := w.verdictOf(e, before); state != quarantine.VerdictRecorded {
			t.Errorf("a moment before the relay's last record: %s, %q", state, reason)
		}
		_, err := e.Resolve(t.Context(), quarantine.Target{IP: address})
		if err == nil || !strings.Contains(err.Error(), "relay 192.0.2.20/32") || !strings.Contains(err.Error(), "name the subscriber") {
			t.Errorf("by a command: %v", err)
		}
		time.Sleep(40 * time.Minute)
		if state, reason := w.verdictOf(e, id); state != quarantine.VerdictUnknown || !strings.Contains(reason, "relay") {
			t.Errorf("after retry_for: %s, %q", state, reason)
		}
		w.wantInForce(alice, "")

		m.set(true, "192.0.2.20/32", "bng1")
		time.Sleep(time.Minute)
		w.accept(e, botnet(address))
		time.Sleep(10 * time.Second)
		w.wantInForce(alice, "garden")
		if begun, over := lines.FilterMessageSnippet("a source of accounting is silent").Len(),
			lines.FilterMessageSnippet("a source of accounting is back").Len(); begun != 1 || over != 1 {
			t.Errorf("%d lines about its beginning, %d about its end", begun, over)
		}
	})
}

func TestAVerdictThatWaitsForARelayIsDecidedOnceItReports(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		m := &speakers{}
		m.set(true, "192.0.2.20/32", "bng1")
		e, _ := w.startHearing("a", m, nil)
		time.Sleep(70 * time.Minute)
		alice, address := w.login("alice")
		time.Sleep(time.Minute)
		m.set(false, "192.0.2.20/32", "bng1")
		time.Sleep(31 * time.Minute)
		id := w.accept(e, botnet(address))
		time.Sleep(10 * time.Minute)
		bob, events := handOver(alice, address, time.Now().Add(-20*time.Minute))
		w.record(events...)
		m.set(true, "192.0.2.20/32", "bng1")
		time.Sleep(2 * time.Minute)
		if state, reason := w.verdictOf(e, id); state != quarantine.VerdictActed {
			t.Errorf("%s, %q", state, reason)
		}
		w.wantInForce(bob, "garden")
		w.wantInForce(alice, "")
	})
}

func TestABNGThatNeedNotReportMayBeSilent(t *testing.T) {
	for name, story := range map[string]func(*speakers){
		"it has no interim":        func(m *speakers) { m.set(true, "bng2"); time.Sleep(70 * time.Minute); m.set(false, "bng2") },
		"its history is too short": func(m *speakers) { m.set(true, "bng1"); time.Sleep(55 * time.Minute); m.set(false, "bng1") },
		"it has never spoken":      func(*speakers) {},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				m := &speakers{}
				e, _ := w.startHearing("a", m, nil)
				story(m)
				key, address := w.login("alice")
				if name == "it has no interim" {
					key = quarantine.SessionKey{BNG: "bng2", ID: "b"}
					address = netip.MustParseAddr("198.51.100.200")
					w.record(quarantine.SessionEvent{Kind: quarantine.SessionStarted, Key: key, Subscriber: "bert", At: time.Now(), StartedAt: time.Now(),
						Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(address, 32), Kind: quarantine.FramedIP}}})
				}
				time.Sleep(2 * time.Hour)
				w.accept(e, botnet(address))
				time.Sleep(10 * time.Second)
				w.wantInForce(key, "garden")
			})
		})
	}
}

func TestAnOutageOfTheStoreIsNoSilenceOfASource(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		m := &speakers{}
		m.set(true, "192.0.2.20/32", "bng1")
		e, sources := w.startHearing("a", m, nil)
		time.Sleep(70 * time.Minute)
		m.set(false, "192.0.2.20/32", "bng1")
		key, address := w.login("alice")
		w.memory.SetUnavailable(true) // no instance can report
		time.Sleep(70 * time.Minute)
		w.memory.SetUnavailable(false)
		time.Sleep(20 * time.Minute)
		if silent := sources.Silent(); len(silent) > 0 {
			t.Errorf("silent: %v", silent)
		}
		w.accept(e, botnet(address))
		time.Sleep(10 * time.Second)
		w.wantInForce(key, "garden")
		time.Sleep(20 * time.Minute)
		if silent := sources.Silent(); len(silent) != 1 {
			t.Errorf("after half an hour in which somebody was there: %v", silent)
		}
	})
}

// portBlock is a line of a translator's log: a block of the address's ports was the subscriber's.
func portBlock(public netip.Addr, subscriber string, from, to time.Time) quarantine.Binding {
	b := quarantine.Binding{
		Address: quarantine.Address{Prefix: netip.PrefixFrom(public, 32), Kind: quarantine.NATPortBlock,
			Ports: quarantine.PortRange{Lo: 1024, Hi: 2047}},
		Session: quarantine.SessionKey{BNG: quarantine.LogSource("cgn1"), ID: subscriber}, Subscriber: subscriber,
		From: from, To: to, RenewedAt: from,
	}
	if !to.IsZero() {
		b.RenewedAt = to
	}
	return b
}

// What the log of a translator says reaches us 20 s late; the verdict about the
// block's new holder is there after five.
func TestATranslatorsLogThatLagsIsWaitedForAndTheRightHolderNamed(t *testing.T) {
	public := netip.MustParseAddr("203.0.113.5")
	inWorld(t, func(t *testing.T, w *world) {
		e, _ := w.startHearing("a", &speakers{}, nil)
		push := func(reported time.Time, lines ...quarantine.Binding) {
			t.Helper()
			for _, err := range w.memory.RecordBindings(t.Context(), lines) {
				if err != nil {
					t.Fatal(err)
				}
			}
			now := time.Now()
			err := w.memory.ReportSources(t.Context(), quarantine.SourceReport{At: now, Rule: quarantine.DefaultSilenceRule,
				Activity: []quarantine.SourceActivity{{
					Source: quarantine.LogSource("cgn1"), First: now, Last: now, Reported: reported, Behind: now.Sub(reported), Records: 1,
				}}})
			if err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		push(began, portBlock(public, "alice", began, time.Time{}))
		time.Sleep(10 * time.Minute)
		moved := time.Now()
		time.Sleep(5 * time.Second)
		v := botnet(public)
		v.Port = 1500
		id := w.accept(e, v)
		time.Sleep(15 * time.Second)
		if state, reason := w.verdictOf(e, id); state != quarantine.VerdictPending || !strings.Contains(reason, "log cgn1") {
			t.Errorf("before the log has come so far: %s, %q", state, reason)
		}
		push(moved, portBlock(public, "alice", began, moved), portBlock(public, "bob", moved, time.Time{}))
		time.Sleep(10 * time.Second)
		if state, reason := w.verdictOf(e, id); state != quarantine.VerdictPending || !strings.Contains(reason, "log cgn1") {
			t.Errorf("the log has come to the hand-over, not to the moment: %s, %q", state, reason)
		}
		push(time.Now()) // a heartbeat
		time.Sleep(time.Minute)
		s, err := e.Verdict(t.Context(), id)
		if err != nil || s.State != quarantine.VerdictActed || s.Attributed != "bob" {
			t.Errorf("truth: bob; %s, subscriber %q, %q, %v", s.State, s.Attributed, s.Reason, err)
		}

		v.ObservedAt, v.Category = time.Now(), "botnet"
		id = w.accept(e, v)
		time.Sleep(40 * time.Minute)
		if state, reason := w.verdictOf(e, id); state != quarantine.VerdictUnknown || !strings.Contains(reason, "log cgn1") {
			t.Errorf("the log says nothing more: %s, %q", state, reason)
		}
	})
}
