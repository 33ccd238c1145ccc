package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// casAttempts is how often a session record is read again because someone else
// changed it in between. Two instances that both take one BNG's accounting need
// two or three.
const casAttempts = 20

var errBusySession = errors.New("the session's record is changed by others without pause")

// Record implements quarantine.SessionRecorder. Session records go first, each
// by compare-and-set, then bindings and indexes, and when all have answered one
// script makes the open cases concerned due. All of it may be repeated: an
// event that was stored half is completed by its repetition.
func (s *Store) Record(ctx context.Context, events []quarantine.SessionEvent) []error {
	b := newBatch(s, events)
	b.storeSessions(ctx)
	b.storeRest(ctx)
	b.nameMACs(ctx)
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
	return errors.Is(err, errNoTime) || redis.HasErrorPrefix(err, "WRONGTYPE") || redis.HasErrorPrefix(err, "user_script")
}

// batch is one call of Record.
type batch struct {
	store   *Store
	events  []quarantine.SessionEvent
	errs    []error
	groups  []*group
	resets  []int        // indexes of BNG resets, in order
	current map[int]bool // which of them are the newest known of their BNG
}

// group is the events of a batch that concern one session key, in order.
type group struct {
	key     quarantine.SessionKey
	events  []int // indexes into the batch
	raw     string
	next    record
	changed bool // next is not what raw says
	nothing bool // the events concern a session that is not known: nothing is to be stored
	mark    uint64
	known   bool // bindings and index are as mark says
}

func newBatch(s *Store, events []quarantine.SessionEvent) *batch {
	b := &batch{store: s, events: make([]quarantine.SessionEvent, len(events)), errs: make([]error, len(events)), current: map[int]bool{}}
	byKey := make(map[quarantine.SessionKey]*group, len(events))
	for i, ev := range events {
		b.events[i] = inMilliseconds(ev)
		if ev.Kind == quarantine.BNGReset {
			b.resets = append(b.resets, i)
			continue
		}
		g := byKey[ev.Key]
		if g == nil {
			g = &group{key: ev.Key}
			byKey[ev.Key], b.groups = g, append(b.groups, g)
		}
		g.events = append(g.events, i)
	}
	return b
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

func (b *batch) fail(g *group, err error) {
	for _, i := range g.events {
		b.errs[i] = err
	}
}

// storeSessions writes the record of every group, again and again for those
// that someone else changed meanwhile.
func (b *batch) storeSessions(ctx context.Context) {
	waiting := b.groups
	for range casAttempts {
		if len(waiting) == 0 {
			return
		}
		waiting = b.compareAndSet(ctx, b.fold(ctx, waiting))
	}
	for _, g := range waiting {
		b.fail(g, fmt.Errorf("store session %s: %w", g.key, errBusySession))
	}
}

// fold reads what is stored under the groups' keys and computes what shall be.
// It returns the groups for which that could be done.
func (b *batch) fold(ctx context.Context, groups []*group) []*group {
	s := b.store
	p := s.client.Pipeline()
	gets := make([]*redis.StringCmd, len(groups))
	keys := make([]quarantine.SessionKey, len(groups))
	for i, g := range groups {
		keys[i] = g.key
		gets[i] = p.Get(ctx, s.keys.session(g.key))
	}
	resets := s.askResets(ctx, p, bngsOf(keys))
	_, _ = p.Exec(ctx) // each command carries its own error
	var folded []*group
	for i, g := range groups {
		raw, err := gets[i].Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			b.fail(g, fmt.Errorf("read session %s: %w", g.key, err))
			continue
		}
		resetAt, err := s.restart(g.key.BNG, resets[g.key.BNG])
		if err != nil {
			b.fail(g, err)
			continue
		}
		g.raw = raw
		b.apply(g, resetAt)
		folded = append(folded, g)
	}
	return folded
}

// apply folds the group's events over the stored record.
func (b *batch) apply(g *group, resetAt time.Time) {
	var stored *record
	if g.raw != "" {
		if r, err := decodeRecord(g.key, g.raw); err == nil {
			stored = &r
		} else {
			b.store.unreadable.Add(1) // and overwritten: the BNG knows better
		}
	}
	g.changed = false
	for _, i := range g.events {
		before := stored
		stored = applyEvent(stored, b.events[i], b.resetBefore(i, resetAt), b.store.cfg.Restricted)
		g.changed = g.changed || stored != before
	}
	if g.nothing = stored == nil; !g.nothing {
		g.next = *stored
	}
}

func applyEvent(stored *record, ev quarantine.SessionEvent, resetAt time.Time, restricted func(quarantine.Attribute) bool) *record {
	next := record{}
	var prev *quarantine.Session
	if stored != nil {
		next, prev = *stored, &stored.Session
	}
	change := quarantine.Apply(prev, ev, resetAt, restricted)
	if !change.Changed {
		return stored
	}
	next.Session = change.Session
	if stored == nil {
		next.began = next.StartedAt
	}
	if change.Replaced != nil {
		older := *stored
		older.Session, older.replaced = *change.Replaced, nil
		// Strictly later, or two subscribers' bindings would merge into one.
		next.began = stored.began.Add(time.Millisecond)
		if next.StartedAt.After(next.began) {
			next.began = next.StartedAt
		}
		next.replaced = append(slices.Clone(stored.replaced), older)
	}
	next.replaced = next.replaced[max(0, len(next.replaced)-maxReplaced):]
	for len(next.replaced) > 0 && next.SeenAt.Sub(next.replaced[0].EndedAt) > replacedFor {
		next.replaced = next.replaced[1:]
	}
	return &next
}

// resetBefore is the last restart of the event's BNG known when event i came:
// the stored one or one earlier in the batch.
func (b *batch) resetBefore(i int, stored time.Time) time.Time {
	for _, j := range b.resets {
		if ev := b.events[j]; j < i && ev.Key.BNG == b.events[i].Key.BNG && ev.At.After(stored) {
			stored = ev.At
		}
	}
	return stored
}

// compareAndSet writes the groups' records and returns those that must be
// folded again.
func (b *batch) compareAndSet(ctx context.Context, groups []*group) []*group {
	var calls []*call
	var writing []*group
	lengths := b.store.lengthsCall(b.lengths())
	for _, g := range groups {
		c, err := b.sessionCall(g)
		if err != nil {
			b.fail(g, err)
			continue
		}
		if c != nil {
			calls, writing = append(calls, c), append(writing, g)
		}
	}
	b.store.run(ctx, append(calls, lengths...))
	for _, c := range lengths {
		if err := c.cmd.Err(); err != nil {
			b.failAll(fmt.Errorf("store prefix lengths: %w", err))
			return nil
		}
	}
	var again []*group
	for i, g := range writing {
		written, err := calls[i].cmd.Int()
		switch {
		case err != nil:
			b.fail(g, fmt.Errorf("store session %s: %w", g.key, err))
		case written == 0:
			again = append(again, g)
		}
	}
	return again
}

// sessionCall writes the group's record; nil if the record is as it shall be.
func (b *batch) sessionCall(g *group) (*call, error) {
	if g.nothing || !g.changed {
		return nil, nil
	}
	g.next.version++
	text, err := g.next.encode()
	if err != nil {
		return nil, err
	}
	life := b.store.cfg.Idle
	if !g.next.Live() {
		life = b.store.cfg.History
	}
	return &call{script: replaceScript, keys: []string{b.store.keys.session(g.key)}, args: []any{g.raw, text, ttl(life)}}, nil
}

// storeRest writes what follows from the session records, and BNG resets.
func (b *batch) storeRest(ctx context.Context) {
	var calls []*call
	var owner [][]int // per call: the events that need it
	add := func(events []int, more ...*call) {
		for _, c := range more {
			calls, owner = append(calls, c), append(owner, events)
		}
	}
	now := b.store.cfg.Now()
	for _, g := range b.groups {
		if b.errs[g.events[0]] != nil || g.nothing {
			continue
		}
		g.mark = b.store.written.mark(&g.next)
		renewal := g.raw != "" && g.next.Live() && len(g.next.replaced) == 0
		if g.known = renewal && b.store.written.has(g.mark, now); !g.known {
			add(g.events, b.bindingCalls(g)...)
			add(g.events, b.indexCalls(g)...)
		}
	}
	first := len(calls)
	for _, i := range b.resets {
		ev := b.events[i]
		add([]int{i}, &call{script: resetScript, keys: []string{b.store.keys.down(ev.Key.BNG)}, args: []any{ms(ev.At)}})
	}
	b.store.run(ctx, calls)
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
	for _, g := range b.groups {
		if b.errs[g.events[0]] == nil && !g.nothing && !g.known && g.next.Live() {
			b.store.written.put(g.mark, now)
		}
	}
}

func (b *batch) bindingCalls(g *group) []*call {
	calls := b.store.bindingCalls(&g.next)
	for i := range g.next.replaced {
		calls = append(calls, b.store.bindingCalls(&g.next.replaced[i])...)
	}
	return calls
}

func (b *batch) indexCalls(g *group) []*call {
	calls := []*call{b.store.indexCall(g.next.Subscriber, g.key, g.next.version, g.next.Live())}
	for _, older := range g.next.replaced {
		if older.Subscriber != g.next.Subscriber {
			calls = append(calls, b.store.indexCall(older.Subscriber, g.key, g.next.version, false))
		}
	}
	return calls
}

// wake makes due the open cases of every subscriber that a stored event
// concerns: its own, and that of a session it replaced. A BNG's restart
// concerns everybody.
func (b *batch) wake(ctx context.Context) {
	var subscribers []string
	everybody, stored := false, false
	for _, g := range b.groups {
		if b.errs[g.events[0]] == nil && !g.nothing {
			stored = true
			subscribers = append(subscribers, g.next.Subscriber)
			for _, older := range g.next.replaced {
				subscribers = append(subscribers, older.Subscriber)
			}
		}
	}
	for i := range b.current {
		everybody = everybody || b.errs[i] == nil
	}
	if !stored && !everybody {
		return
	}
	if everybody {
		subscribers = nil
	}
	if err := b.store.wake(ctx, b.store.cfg.Now(), subscribers); err != nil {
		b.failAll(err)
	}
}

// failAll gives err to every event that has no error yet.
func (b *batch) failAll(err error) {
	for i := range b.errs {
		if b.errs[i] == nil {
			b.errs[i] = err
		}
	}
}
