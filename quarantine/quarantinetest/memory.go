// Package quarantinetest holds what tests of the domain and the engine need: the
// driven ports in memory. It is no store for production.
package quarantinetest

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"cordon/quarantine"
)

// ErrUnavailable is what every port of a Memory answers while it sleeps.
var ErrUnavailable = errors.New("the store is unavailable")

// Memory implements every port that package store implements on Redis, in this
// process: sessions, bindings, cases, verdicts, due work, the sender lock, the
// registry of instances, gaps, and which BNGs are in maintenance. It passes
// the same conformance suite (store/storetest). It forgets nothing, whatever its
// age (but maintenance windows), and everything when it is dropped.
//
// What it holds is kept as JSON or copied, so callers share nothing with it.
type Memory struct {
	// Restricted is handed to quarantine.ApplyEvent. Set it before the first call.
	Restricted func(quarantine.Attribute) bool
	// Interim returns how often a BNG renews its sessions. Set it before the first
	// call; nil: not known of any.
	Interim func(bng string) time.Duration
	// Now dates wake-ups by accounting, the sender lock and instances. Set it
	// before the first call.
	Now func() time.Time

	mu          sync.Mutex // guards what follows
	unavailable bool
	sessions    map[quarantine.SessionKey]heldSession
	renamed     uint64
	bindings    map[covered]map[bindingID]quarantine.Binding
	lengths     map[int]bool         // of prefixes in bindings
	resets      map[string]time.Time // by BNG
	cases       map[string]heldCase  // by id
	stamps      uint64               // of writes of cases
	open        map[string]string    // subscriber → case id
	released    map[string]quarantine.PersonRelease
	verdicts    map[string]heldVerdict
	logIns      map[string]answers     // by subscriber
	due         [2]map[string]dueEntry // by lane, then subscriber
	counters    map[string]map[string]counted
	lock        senderLease
	instances   map[string]quarantine.Instance // by id
	gaps        []quarantine.Gap
	windows     map[string]quarantine.Maintenance
	sources     quarantine.AccountingSources
}

var (
	_ quarantine.SessionReader      = (*Memory)(nil)
	_ quarantine.SessionRecorder    = (*Memory)(nil)
	_ quarantine.MACFinder          = (*Memory)(nil)
	_ quarantine.BindingFinder      = (*Memory)(nil)
	_ quarantine.BindingRecorder    = (*Memory)(nil)
	_ quarantine.CaseReader         = (*Memory)(nil)
	_ quarantine.CaseWriter         = (*Memory)(nil)
	_ quarantine.LogInStore         = (*Memory)(nil)
	_ quarantine.VerdictStore       = (*Memory)(nil)
	_ quarantine.DueSet             = (*Memory)(nil)
	_ quarantine.SenderLease        = (*Memory)(nil)
	_ quarantine.InstanceRegistry   = (*Memory)(nil)
	_ quarantine.InstanceDepartures = (*Memory)(nil)
	_ quarantine.Continuity         = (*Memory)(nil)
	_ quarantine.MaintenanceBook    = (*Memory)(nil)

	_ quarantine.AccountingSourceBook = (*Memory)(nil)
)

// NewMemory returns an empty Memory that takes no attribute for restricted and
// reads the host's clock.
func NewMemory() *Memory {
	return &Memory{
		Restricted: func(quarantine.Attribute) bool { return false },
		Now:        time.Now,
		sessions:   map[quarantine.SessionKey]heldSession{},
		bindings:   map[covered]map[bindingID]quarantine.Binding{},
		lengths:    map[int]bool{},
		resets:     map[string]time.Time{},
		cases:      map[string]heldCase{},
		open:       map[string]string{},
		released:   map[string]quarantine.PersonRelease{},
		verdicts:   map[string]heldVerdict{},
		logIns:     map[string]answers{},
		due:        [2]map[string]dueEntry{{}, {}},
		counters:   map[string]map[string]counted{},
		instances:  map[string]quarantine.Instance{},
		windows:    map[string]quarantine.Maintenance{},
	}
}

// SetUnavailable puts the Memory to sleep, or wakes it: while it sleeps, every
// call changes nothing and answers ErrUnavailable.
func (m *Memory) SetUnavailable(unavailable bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unavailable = unavailable
}

// enter locks the Memory; without error the caller must unlock it.
func (m *Memory) enter() error {
	m.mu.Lock()
	if m.unavailable {
		m.mu.Unlock()
		return ErrUnavailable
	}
	return nil
}

// mustEncode turns a domain value into what would be stored of it. One that
// has no JSON is a defect of the test.
func mustEncode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func mustDecode[T any](text []byte) T {
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		panic(err)
	}
	return v
}
