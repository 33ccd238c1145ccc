package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// casAttempts is how often a session record is read again because someone else
// changed it in between. Two instances that both take one BNG's accounting need
// two or three.
const casAttempts = 20

var errContendedSession = errors.New("the session's record is changed by others without a pause")

// storeSessions writes the record of every group, again and again for those
// that someone else changed meanwhile.
func (b *batch) storeSessions(ctx context.Context) {
	waiting := b.groups
	for range casAttempts {
		if len(waiting) == 0 {
			return
		}
		folded, again := b.fold(ctx, waiting)
		again = append(again, b.compareAndSet(ctx, folded)...)
		waiting = again
	}
	for _, g := range waiting {
		b.fail(g, fmt.Errorf("store session %s: %w", g.key, errContendedSession))
	}
}

// fold renews the sessions of which the groups report nothing new, reads what is
// stored of the others and computes what shall be. It returns the groups for which
// that could be done, and those to begin again with: not what was known was there.
func (b *batch) fold(ctx context.Context, groups []*group) (folded, again []*group) {
	calls := make([]*call, len(groups), len(groups)+1)
	var read []quarantine.SessionKey
	var renewing []string
	for i, g := range groups {
		if calls[i] = b.renewCall(g); calls[i] != nil {
			if subscriber := b.events[g.events[0]].Subscriber; subscriber != "" {
				renewing = append(renewing, subscriber)
			}
			continue
		}
		calls[i] = &call{command: "GET", keys: []string{b.store.keys.session(g.key)}}
		read = append(read, g.key)
	}
	resets := b.store.resetCalls(bngsOf(read))
	open, errAsk := b.store.runAndAsk(ctx, slices.AppendSeq(calls, maps.Values(resets)), renewing)
	b.open = append(b.open, open...)
	for i, g := range groups {
		if calls[i].script != nil {
			answer, err := calls[i].cmd.Int()
			switch renewed := err == nil && answer == 1; {
			case !renewed:
				g.cached.renewal = 0
				again = append(again, g)
			case errAsk != nil:
				b.fail(g, errAsk)
			}
			continue
		}
		if err := b.foldOne(g, calls[i], resets[g.key.BNG]); err != nil {
			b.fail(g, err)
			continue
		}
		folded = append(folded, g)
	}
	return folded, again
}

// renewCall renews the group's session if that is all that is to be done; else it
// is nil.
func (b *batch) renewCall(g *group) *call {
	ev := &b.events[g.events[0]]
	if len(g.events) > 1 || unnamed(ev) || g.cached.renewal == 0 || !g.cached.renews(ev, b.store.written.renewal(ev)) {
		return nil
	}
	return &call{
		script: renewScript, keys: []string{b.store.keys.session(g.key)},
		args: []any{versionText(g.cached.version) + "{", seenText(ev.At)},
	}
}

// unnamed reports whether an event does not say for certain whose the session is
// that it is about: the record has to be read to know whose case is to look at it.
func unnamed(ev *quarantine.SessionEvent) bool {
	return ev.Fallback || ev.Subscriber == "" && !ev.Via.IsValid()
}

// foldOne applies a group's events to what was read for it.
func (b *batch) foldOne(g *group, get, reset *call) error {
	raw, missing := get.cmd.Text()
	if missing != nil && !errors.Is(missing, redis.Nil) {
		return fmt.Errorf("read session %s: %w", g.key, missing)
	}
	at, err := reset.cmd.Text()
	resetAt, err := b.store.restart(g.key.BNG, at, err)
	if err != nil {
		return err
	}
	g.raw, g.absent = raw, errors.Is(missing, redis.Nil)
	b.apply(g, resetAt)
	return nil
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
	g.before, g.changed, g.renamed, g.forgotten, g.formerly = stored, false, 0, nil, nil
	for _, i := range g.events {
		before := stored
		var change quarantine.SessionChange
		stored, change = applyEvent(stored, b.events[i], b.resetBefore(i, resetAt), b.store.cfg.Restricted)
		g.changed = g.changed || stored != before
		g.collect(before, stored, &change)
	}
	if g.next = stored; g.changed {
		g.next.trim()
	}
}

// collect takes in what else an event does than to change the session's record.
func (g *group) collect(before, after *record, change *quarantine.SessionChange) {
	if change.Renamed {
		g.renamed++
	}
	if before != nil && change.Replaced == nil && before.Subscriber != after.Subscriber {
		g.formerly = append(g.formerly, before.Subscriber)
	}
	for _, b := range change.Forgotten {
		g.forgotten = append(g.forgotten, statement{b, after.began, after.version})
	}
}

func applyEvent(
	stored *record, ev quarantine.SessionEvent, resetAt time.Time, restricted func(quarantine.Attribute) bool,
) (*record, quarantine.SessionChange) {
	next := record{}
	var prev *quarantine.Session
	if stored != nil {
		next, prev = *stored, &stored.Session
	}
	change := quarantine.ApplyEvent(prev, ev, resetAt, restricted)
	if !change.Changed {
		return stored, change
	}
	next.Session = change.Session
	if stored == nil {
		next.began = next.StartedAt
	}
	if change.Replaced != nil {
		older := *stored
		older.Session, older.replaced, older.fresh = *change.Replaced, nil, 0
		older.version++ // what is said of it now is newer than what is stored
		// Strictly later, or two sessions' bindings would merge into one.
		next.began = stored.began.Add(time.Millisecond)
		if next.StartedAt.After(next.began) {
			next.began = next.StartedAt
		}
		next.replaced, next.fresh = append(slices.Clone(stored.replaced), older), stored.fresh+1
	}
	return &next, change
}

// resetBefore is the last restart of the event's BNG known when event i came:
// the stored one or one earlier in the batch.
func (b *batch) resetBefore(i int, stored time.Time) time.Time {
	for _, j := range b.resets {
		if ev := b.events[j]; j < i && ev.Key.BNG == b.events[i].Key.BNG && ev.By().After(stored) {
			stored = ev.By()
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
			b.failWith(fmt.Errorf("store prefix lengths: %w", err))
			return nil
		}
	}
	var again []*group
	for i, g := range writing {
		written, err := wasWritten(calls[i])
		switch {
		case err != nil:
			b.fail(g, fmt.Errorf("store session %s: %w", g.key, err))
		case !written:
			again = append(again, g)
		}
	}
	return again
}

// sessionCall writes the group's record; nil if the record is as it shall be.
func (b *batch) sessionCall(g *group) (*call, error) {
	if g.next == nil || !g.changed {
		return nil, nil
	}
	g.next.nextVersion(b.store.cfg.Now())
	for i := range g.forgotten {
		g.forgotten[i].version = g.next.version
	}
	text, err := g.next.encode()
	if err != nil {
		return nil, err
	}
	life := b.store.cfg.Idle
	if !g.next.Live() {
		life = b.store.cfg.History
	}
	keys := []string{b.store.keys.session(g.key)}
	if g.absent {
		return &call{command: "SET", keys: keys, args: []any{text, "NX", "PX", ttl(life)}}, nil
	}
	return &call{script: replaceScript, keys: keys, args: []any{g.raw, text, ttl(life)}}, nil
}

// wasWritten reads the answer to a call of sessionCall.
func wasWritten(c *call) (bool, error) {
	answer, err := c.cmd.Result()
	if errors.Is(err, redis.Nil) {
		return false, nil // there is one meanwhile
	}
	return answer == "OK" || answer == int64(1), err
}
