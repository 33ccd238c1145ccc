package store

import (
	"context"
	"fmt"
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
	b.recall()
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

// refused reports whether err is about what stands in Redis, and not about
// reaching it: sending the same again changes nothing until a person has looked.
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
	events   []int        // indexes into the batch
	digest   uint64       // of the key
	known    knownSession // the session as it was before
	raw      string       // the record as read
	absent   bool         // there was none
	next     *record      // as it shall be; nil: there is nothing to store but perhaps a renewal
	changed  bool         // next is not what raw says
	complete bool         // bindings and index say already what they shall
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

// recall notes what is known of the batch's sessions.
func (b *batch) recall() {
	k, now := b.store.known, b.store.cfg.Now()
	b.epoch = k.begin()
	for _, g := range b.groups {
		g.digest = k.session(g.key)
		g.known = k.get(g.digest, now)
	}
}

// inMilliseconds cuts an event's times to what a record keeps, so that applying
// it again to the stored session finds nothing new.
func inMilliseconds(ev quarantine.SessionEvent) quarantine.SessionEvent {
	ev.At = cut(ev.At)
	ev.StartedAt = cut(ev.StartedAt)
	return ev
}

func cut(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return fromMilli(max(t.UnixMilli(), 1)) // before 1970 no BNG spoke RADIUS
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
	remembered := b.store.known.begin() == b.epoch
	for _, g := range b.groups {
		if b.errs[g.events[0]] != nil || g.next == nil {
			continue
		}
		renewal := remembered && g.raw != "" && g.next.Live() && len(g.next.earlier()) == 0
		mark := b.store.known.mark(g.next)
		if g.complete = renewal && g.known.mark == mark; !g.complete {
			add(g.events, b.bindingCalls(g)...)
			add(g.events, b.indexCalls(g)...)
			add(nil, b.macCalls(g)...)
		}
		g.known.mark = mark
	}
	for _, bng := range b.store.restarts.take(b.bngs()) {
		add(nil, &call{script: resetScript, keys: []string{b.store.keys.down(bng)}, args: []any{ms(b.store.cfg.Now())}})
	}
	first := len(calls)
	for _, i := range b.resets {
		ev := b.events[i]
		add([]int{i}, &call{script: resetScript, keys: []string{b.store.keys.down(ev.Key.BNG)}, args: []any{ms(ev.At)}})
	}
	open, errAsk := b.store.runAndAsk(ctx, calls, b.concerned())
	b.open = append(b.open, open...)
	for n, c := range calls {
		answer, err := c.cmd.Int()
		for _, i := range owner[n] {
			if err != nil {
				b.errs[i] = fmt.Errorf("store %s: %w", b.events[i].Key, err)
			}
			if n >= first && answer == 1 {
				b.current[i] = true
			}
		}
	}
	b.remember()
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
// of the sessions, and of those that they replaced.
func (b *batch) concerned() (subscribers []string) {
	for _, g := range b.groups {
		if b.errs[g.events[0]] != nil || g.next == nil {
			continue
		}
		subscribers = append(subscribers, g.next.Subscriber)
		for _, older := range g.next.earlier() {
			subscribers = append(subscribers, older.Subscriber)
		}
	}
	return subscribers
}

// remember notes what the batch has written of its sessions.
func (b *batch) remember() {
	s := b.store
	now := s.cfg.Now()
	for _, g := range b.groups {
		if b.errs[g.events[0]] != nil || g.next == nil || !g.next.Live() {
			continue
		}
		last := b.events[g.events[len(g.events)-1]]
		switch {
		case len(g.next.earlier()) == 0 && quarantine.OnlyRenews(&g.next.Session, last, s.cfg.Restricted):
			g.known.renewal, g.known.version, g.known.started = s.known.renewal(&last), g.next.version, g.next.StartedAt.UnixMilli()
		case g.known.version != g.next.version:
			g.known.renewal = 0 // another record than it was true of
		}
		s.known.put(g.digest, g.known, !g.complete, b.epoch, now)
	}
}

func (b *batch) bindingCalls(g *group) []*call {
	calls := b.store.bindingCalls(g.next)
	for _, older := range g.next.earlier() {
		calls = append(calls, b.store.bindingCalls(&older)...)
	}
	return calls
}

func (b *batch) indexCalls(g *group) []*call {
	calls := []*call{b.store.indexCall(g.next.Subscriber, g.key, g.next.version, g.next.Live())}
	for _, older := range g.next.earlier() {
		if older.Subscriber != g.next.Subscriber {
			calls = append(calls, b.store.indexCall(older.Subscriber, g.key, g.next.version, false))
		}
	}
	return calls
}

// wake makes due the open cases of the subscribers that the stored events concern.
// A BNG's restart concerns everybody.
func (b *batch) wake(ctx context.Context) {
	s, now := b.store, b.store.cfg.Now()
	for i := range b.current {
		if b.errs[i] == nil {
			b.failWith(s.wake(ctx, now, nil))
			return
		}
	}
	if len(b.open) > 0 {
		b.failWith(s.wake(ctx, now, b.open))
	}
}

// failWith gives err, if it is one, to every event that has no error yet.
func (b *batch) failWith(err error) {
	for i := range b.errs {
		if b.errs[i] == nil {
			b.errs[i] = err
		}
	}
}
