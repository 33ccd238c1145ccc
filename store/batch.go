package store

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// Record implements quarantine.SessionRecorder. Session records go first, each
// by compare-and-set, then bindings and indexes, and when all have answered one
// script makes the open cases due that are concerned. All of it may be repeated: an
// event that was stored half is completed by its repetition.
func (s *Store) Record(ctx context.Context, events []quarantine.SessionEvent) []error {
	b := newBatch(s, events)
	b.readCache()
	b.storeSessions(ctx)
	b.storeRest(ctx)
	b.wake(ctx)
	for i, err := range b.errs {
		if refused(err) {
			b.errs[i] = fmt.Errorf("%w: %w", quarantine.ErrUnstorable, err)
		}
	}
	return b.errs
}

// refused reports whether err is about what is stored in Redis, and not about reaching
// it: a retry does not succeed until a person has repaired the key.
func refused(err error) bool {
	return redis.HasErrorPrefix(err, "WRONGTYPE") || redis.HasErrorPrefix(err, "user_script")
}

// batch is one call of Record.
type batch struct {
	store   *Store
	events  []quarantine.SessionEvent
	errs    []error
	groups  []*group
	resets  []int        // indexes of BNG resets, in order
	current map[int]bool // which of them are the newest known of their BNG
	epoch   uint64       // see known
	open    []string     // subscribers with an open case
}

// group is the events of a batch that concern one session key, in order.
type group struct {
	key      quarantine.SessionKey
	events   []int         // indexes into the batch
	digest   uint64        // of the key
	cached   cachedSession // what this instance wrote of the session before
	raw      string        // the record as read
	before   *record       // what it says; nil: nothing
	absent   bool          // there was none
	next     *record       // as it shall be; nil: nothing to store but perhaps a renewal
	changed  bool          // next is not what raw says
	renamed  uint64        // events that bore another name than the session did
	complete bool          // what this instance had written before was not written again

	forgotten []statement // what next does not list any more
	formerly  []string    // subscribers whose session it was before the events
}

func newBatch(s *Store, events []quarantine.SessionEvent) *batch {
	b := &batch{store: s, events: make([]quarantine.SessionEvent, len(events)), errs: make([]error, len(events)), current: map[int]bool{}}
	byKey := make(map[quarantine.SessionKey]*group, len(events))
	groups, indexes := make([]group, 0, len(events)), make([]int, len(events))
	for i, ev := range events {
		b.events[i], indexes[i] = inMilliseconds(ev), i
		if ev.Kind == quarantine.BNGReset {
			b.resets = append(b.resets, i)
			continue
		}
		if g := byKey[ev.Key]; g != nil {
			g.events = append(g.events, i)
			continue
		}
		groups = append(groups, group{key: ev.Key, events: indexes[i : i+1 : i+1]})
		g := &groups[len(groups)-1]
		byKey[ev.Key], b.groups = g, append(b.groups, g)
	}
	return b
}

// readCache notes what is known of the batch's sessions.
func (b *batch) readCache() {
	k, now := b.store.written, b.store.cfg.Now()
	b.epoch = k.currentEpoch()
	for _, g := range b.groups {
		g.digest = k.session(g.key)
		g.cached = k.get(g.digest, now)
	}
}

// inMilliseconds cuts an event's times to what a record keeps, so that applying
// it again to the stored session finds nothing new.
func inMilliseconds(ev quarantine.SessionEvent) quarantine.SessionEvent {
	ev.At = toMilliseconds(ev.At)
	ev.Latest = toMilliseconds(ev.Latest)
	ev.StartedAt = toMilliseconds(ev.StartedAt)
	return ev
}

func toMilliseconds(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return fromMilli(max(t.UnixMilli(), 1)) // no BNG sent RADIUS before 1970
}

// bngs lists the BNGs of the batch's sessions.
func (b *batch) bngs() []string {
	keys := make([]quarantine.SessionKey, len(b.groups))
	for i, g := range b.groups {
		keys[i] = g.key
	}
	return bngsOf(keys)
}

func (b *batch) fail(g *group, err error) {
	for _, i := range g.events {
		b.errs[i] = err
	}
}

// storeRest writes what follows from the session records, and BNG resets.
func (b *batch) storeRest(ctx context.Context) {
	var calls []*call
	var owner [][]int // per call: the events that need it; none: nothing rests on it
	add := func(events []int, more ...*call) {
		for _, c := range more {
			calls, owner = append(calls, c), append(owner, events)
		}
	}
	remembered := b.store.written.currentEpoch() == b.epoch
	for _, g := range b.groups {
		if b.errs[g.events[0]] != nil || g.next == nil {
			continue
		}
		mark := b.store.written.mark(g.next)
		written := remembered && g.before != nil && len(g.next.earlier()) == 0 && g.cached.mark == b.store.written.mark(g.before)
		g.complete = written
		add(g.events, b.bindingCalls(g, written)...)
		if !written || mark != g.cached.mark {
			add(g.events, b.indexCalls(g, written)...)
			add(nil, b.macCalls(g)...)
		}
		g.cached.mark = mark
	}
	for _, bng := range b.store.restarts.drain(b.bngs()) {
		add(nil, &call{script: resetScript, keys: []string{b.store.keys.down(bng)}, args: []any{ms(b.store.cfg.Now())}})
	}
	first := len(calls)
	for _, i := range b.resets {
		ev := b.events[i]
		add([]int{i}, &call{script: resetScript, keys: []string{b.store.keys.down(ev.Key.BNG)}, args: []any{ms(ev.By())}})
	}
	open, errAsk := b.store.runAndAsk(ctx, calls, b.concerned())
	b.open = append(b.open, open...)
	for n, c := range calls {
		answer, err := c.cmd.Int()
		if err == nil {
			c.stored()
		}
		for _, i := range owner[n] {
			if err != nil {
				b.errs[i] = fmt.Errorf("store %s: %w", b.events[i].Key, err)
			}
			if n >= first && answer == 1 {
				b.current[i] = true
			}
		}
	}
	b.updateCache()
	if errAsk == nil {
		return
	}
	for _, g := range b.groups {
		if g.next != nil && b.errs[g.events[0]] == nil {
			b.fail(g, errAsk)
		}
	}
}

// concerned lists the subscribers whose cases are to look at what is stored: those
// of the sessions, and those whose they were before.
func (b *batch) concerned() (subscribers []string) {
	for _, g := range b.groups {
		if b.errs[g.events[0]] != nil || g.next == nil {
			continue
		}
		for _, subscriber := range append(g.others(), g.next.Subscriber) {
			if subscriber != "" {
				subscribers = append(subscribers, subscriber)
			}
		}
	}
	return subscribers
}

// others lists the subscribers whose session it was before, as far as is remembered.
func (g *group) others() []string {
	list := slices.Clone(g.formerly)
	for _, older := range g.next.earlier() {
		list = append(list, older.Subscriber)
	}
	for i := range g.next.Addresses {
		list = append(list, g.next.Addresses[i].Of.Subscriber)
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" || s == g.next.Subscriber })
}

// updateCache notes what the batch has written of its sessions.
func (b *batch) updateCache() {
	s := b.store
	now := s.cfg.Now()
	for _, g := range b.groups {
		if b.errs[g.events[0]] != nil || g.next == nil {
			continue
		}
		s.renamed.Add(g.renamed)
		if !g.next.Live() {
			continue
		}
		last := b.events[g.events[len(g.events)-1]]
		switch {
		case len(g.next.earlier()) == 0 && last.Subscriber == g.next.Subscriber && quarantine.OnlyRenews(&g.next.Session, last, s.cfg.Restricted):
			g.cached.renewal, g.cached.version, g.cached.started = s.written.renewal(&last), g.next.version, g.next.StartedAt.UnixMilli()
		case g.cached.version != g.next.version:
			g.cached.renewal = 0 // another record than it was true of
		}
		s.written.put(g.digest, g.cached, !g.complete, b.epoch, now)
	}
}

// statement is what a record says of one interval.
type statement struct {
	quarantine.Binding
	began   time.Time // of the session, as first stored
	version uint64
}

// interval identifies the binding that a statement is about.
type interval struct {
	prefix         netip.Prefix
	kind           quarantine.AddressKind
	space          string
	ports          quarantine.PortRange
	session, began int64
}

func (s *statement) interval() interval {
	return interval{s.Prefix.Masked(), s.Kind, s.Space, s.Ports, s.began.UnixMilli(), s.Began.UnixMilli()}
}

// statements lists all that a record says of intervals.
func (r *record) statements() []statement {
	var list []statement
	for _, session := range append(r.earlier(), *r) {
		for _, b := range session.Bindings() {
			list = append(list, statement{b, session.began, session.version})
		}
	}
	return list
}

// sameAs reports whether two statements about one binding say the same. When an open
// one was renewed is read from its session's record.
func (s *statement) sameAs(o *statement) bool {
	a, b := s.Binding, o.Binding
	if a.To.IsZero() && b.To.IsZero() {
		a.RenewedAt, b.RenewedAt = time.Time{}, time.Time{}
	}
	return a == b
}

// bindingCalls writes what the group's record says of intervals; where written, what
// it said before is there already.
func (b *batch) bindingCalls(g *group, written bool) []*call {
	stored := map[interval]statement{}
	if written {
		for _, s := range g.before.statements() {
			stored[s.interval()] = s
		}
	}
	var calls []*call
	now := b.store.cfg.Now()
	for _, s := range append(g.forgotten, g.next.statements()...) {
		if before, ok := stored[s.interval()]; !ok || !s.sameAs(&before) {
			calls = append(calls, b.store.bindingCalls(&s.Binding, s.began, s.version, now)...)
		}
	}
	return calls
}

// indexCalls enters the group's session under its subscriber, and strikes it out
// under others; where written, only what has changed.
func (b *batch) indexCalls(g *group, written bool) []*call {
	var calls []*call
	same := written && g.before.Subscriber == g.next.Subscriber && g.before.Live() == g.next.Live()
	if g.next.Subscriber != "" && !same {
		calls = append(calls, b.store.indexCall(g.next.Subscriber, g.key, g.next.version, g.next.Live()))
	}
	if same && len(g.formerly) == 0 {
		return calls
	}
	for _, subscriber := range g.others() {
		calls = append(calls, b.store.indexCall(subscriber, g.key, g.next.version, false))
	}
	return calls
}

// wake makes due the open cases of the subscribers that the stored events concern.
// A BNG's restart concerns everybody.
func (b *batch) wake(ctx context.Context) {
	s, now := b.store, b.store.cfg.Now()
	if len(b.open) > 0 {
		b.failWith(s.wake(ctx, now, now, b.open))
	}
	if err := s.wakeRestarted(ctx, now, b.restarted()); err != nil {
		for i := range b.current {
			b.errs[i] = cmp.Or(b.errs[i], err)
		}
	}
}

// restarted returns the newest restart of each BNG that the batch has stored.
func (b *batch) restarted() map[string]time.Time {
	newest := map[string]time.Time{}
	for i := range b.current {
		if ev := &b.events[i]; b.errs[i] == nil && !ev.By().Before(newest[ev.Key.BNG]) {
			newest[ev.Key.BNG] = ev.By()
		}
	}
	return newest
}

// failWith gives err, if it is one, to every event that has no error yet.
func (b *batch) failWith(err error) {
	for i := range b.errs {
		if b.errs[i] == nil {
			b.errs[i] = err
		}
	}
}
