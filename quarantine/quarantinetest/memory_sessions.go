package quarantinetest

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"cordon/quarantine"
)

// heldSession is a session and when it began as first seen, which distinguishes reuses
// of its key apart.
type heldSession struct {
	quarantine.Session
	began time.Time
}

// covered is a prefix in an address space.
type covered struct {
	prefix netip.Prefix
	space  string
}

// bindingID distinguishes bindings of one prefix; two statements about the same one
// merge.
type bindingID struct {
	kind    quarantine.AddressKind
	ports   quarantine.PortRange
	session quarantine.SessionKey
	began   int64 // of the session, ns
	since   int64 // identity of its interval in the session, ns; 0: the first
}

// Session implements quarantine.SessionReader.
func (m *Memory) Session(_ context.Context, key quarantine.SessionKey) (quarantine.Session, error) {
	if err := m.enter(); err != nil {
		return quarantine.Session{}, err
	}
	defer m.mu.Unlock()
	held, ok := m.sessions[key]
	if !ok {
		return quarantine.Session{}, quarantine.ErrNoSession
	}
	return m.readSession(held), nil
}

// SessionsOf implements quarantine.SessionReader.
func (m *Memory) SessionsOf(_ context.Context, subscriber string) ([]quarantine.Session, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var live []quarantine.Session
	for _, held := range m.sessions {
		if subscriber != "" && held.Subscriber == subscriber && held.Live() {
			live = append(live, m.readSession(held))
		}
	}
	slices.SortFunc(live, func(a, b quarantine.Session) int {
		return cmp.Or(cmp.Compare(a.BNG, b.BNG), cmp.Compare(a.ID, b.ID))
	})
	return live, nil
}

// SessionsOfMAC implements quarantine.MACFinder.
func (m *Memory) SessionsOfMAC(_ context.Context, mac string) ([]quarantine.Session, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var live []quarantine.Session
	for _, held := range m.sessions {
		if held.MAC() != "" && held.MAC() == quarantine.NormalMAC(mac) && held.Live() {
			live = append(live, m.readSession(held))
		}
	}
	slices.SortFunc(live, func(a, b quarantine.Session) int { return cmp.Compare(a.SessionKey.String(), b.SessionKey.String()) })
	return live, nil
}

func (m *Memory) readSession(held heldSession) quarantine.Session {
	s := held.Session
	s.Addresses, s.Attributes, s.Observed = slices.Clone(s.Addresses), slices.Clone(s.Attributes), slices.Clone(s.Observed)
	silent := quarantine.StaleSince(s.SeenAt, m.interim(s.BNG))
	s.Restarted = m.resets[s.BNG].After(s.SeenAt)
	s.Suspect = s.Restarted || s.Live() && !silent.IsZero() && m.Now().After(silent)
	return s
}

// Record implements quarantine.SessionRecorder.
func (m *Memory) Record(_ context.Context, events []quarantine.SessionEvent) []error {
	errs := make([]error, len(events))
	if err := m.enter(); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	defer m.mu.Unlock()
	for _, ev := range events {
		if ev.Kind == quarantine.BNGReset {
			m.reset(ev)
		} else {
			m.apply(ev)
		}
	}
	return errs
}

func (m *Memory) reset(ev quarantine.SessionEvent) {
	at := ev.By() // nothing older confirms anything after it
	if known, ok := m.resets[ev.Key.BNG]; ok && !at.After(known) {
		return // older, or announced again
	}
	m.resets[ev.Key.BNG] = at
	m.wakeAll(m.Now())
}

func (m *Memory) apply(ev quarantine.SessionEvent) {
	held, known := m.sessions[ev.Key]
	var prev *quarantine.Session
	if known {
		prev = &held.Session
	}
	change := quarantine.ApplyEvent(prev, ev, m.resets[ev.Key.BNG], m.Restricted)
	if !known && !change.Changed {
		return // a service of a session that nobody knows
	}
	if !known {
		held.began = change.Session.StartedAt
	}
	if change.Renamed {
		m.renamed++
		m.wake(held.Subscriber, m.Now())
	}
	if old := change.Replaced; old != nil {
		m.bind(heldSession{*old, held.began})
		m.wake(old.Subscriber, m.Now())
		held.began = held.began.Add(time.Nanosecond) // strictly later, or the two would share bindings
		if change.Session.StartedAt.After(held.began) {
			held.began = change.Session.StartedAt
		}
	}
	if change.Changed {
		held.Session = change.Session
		held.Addresses, held.Attributes = slices.Clone(held.Addresses), slices.Clone(held.Attributes)
		held.Observed = slices.Clone(held.Observed)
		m.sessions[ev.Key] = held
		m.bind(held)
	}
	for _, b := range change.Forgotten {
		m.keepBinding(b, held.began.UnixNano(), true)
	}
	m.wake(held.Subscriber, m.Now())
}

// Renamed counts records that bore another name than their session did.
func (m *Memory) Renamed() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.renamed
}

func (m *Memory) bind(held heldSession) {
	for _, b := range held.Bindings() {
		m.keepBinding(b, held.began.UnixNano(), true)
	}
}

// keepBinding adds a statement about a binding; ofSession: by the session that
// it is of, whose statements come in their order.
func (m *Memory) keepBinding(b quarantine.Binding, began int64, ofSession bool) {
	b.Prefix = b.Prefix.Masked()
	at, id := covered{b.Prefix, b.Space}, bindingID{b.Kind, b.Ports, b.Session, began, nanoseconds(b.Began)}
	if m.bindings[at] == nil {
		m.bindings[at], m.lengths[b.Prefix.Bits()] = map[bindingID]quarantine.Binding{}, true
	}
	if before, ok := m.bindings[at][id]; ok {
		b = merged(before, b, ofSession)
	}
	m.bindings[at][id] = b
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// merged is what two statements about a binding say together, as
// store/lua/binding.lua does it.
func merged(before, b quarantine.Binding, ofSession bool) quarantine.Binding {
	if !ofSession {
		if before.StartSeen || !b.StartSeen && before.From.Before(b.From) {
			b.From = before.From
		}
		b.StartSeen = b.StartSeen || before.StartSeen
	}
	ended, ends := !before.To.IsZero(), !b.To.IsZero()
	older := before.RenewedAt.After(b.RenewedAt)
	if ended && !ends || ended == ends && older && !(ofSession && ended) {
		b.RenewedAt = before.RenewedAt
	}
	if ended && (b.To.IsZero() || before.To.Before(b.To)) {
		b.To = before.To
	}
	b.Ignored = b.Ignored || before.Ignored
	return b
}

func (m *Memory) interim(bng string) time.Duration {
	if m.Interim == nil {
		return 0
	}
	return m.Interim(bng)
}

// RecordBindings implements quarantine.BindingRecorder.
func (m *Memory) RecordBindings(_ context.Context, bindings []quarantine.Binding) []error {
	errs := make([]error, len(bindings))
	if err := m.enter(); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	defer m.mu.Unlock()
	for _, b := range bindings {
		m.keepBinding(b, b.From.UnixNano(), false)
	}
	return errs
}

// Bindings implements quarantine.BindingFinder.
func (m *Memory) Bindings(_ context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	addr := at.Addr.Unmap().WithZone("")
	var found []quarantine.Binding
	for bits := range m.lengths {
		prefix, err := addr.Prefix(bits)
		if err != nil {
			continue // a length of the other family
		}
		held := m.bindings[covered{prefix, at.Space}]
		found = slices.Grow(found, len(held))
		for _, b := range held {
			if !b.From.After(to) && (b.To.IsZero() || !b.To.Before(from)) {
				b.ResetAt, b.Interim = m.resets[b.Session.BNG], m.interim(b.Session.BNG)
				found = append(found, b)
			}
		}
	}
	return found, nil
}
