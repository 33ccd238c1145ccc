package engine

import (
	"context"
	"encoding/json"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How often instances are looked at, and how old what the journal knows may get:
// of the others, and of when this one spoke.
const (
	rememberEvery  = time.Second
	firstWord      = 50 * time.Millisecond // until this instance and the others know of each other
	journalOthers  = time.Hour
	journalSelf    = time.Minute
	journalTimeout = 10 * time.Second
)

// journaled is what the journal says of instances. Only replay and then the
// goroutine that remembers use it, but for own.
type journaled struct {
	others   map[string]quarantine.Instance
	at       map[string]time.Time // when, of others and of this one
	aloneFor time.Duration        // of this one; 0 if it left
	// unreadable is the folder that is entered among the instances.
	unreadable string
	own        sync.Mutex // one entry about this one at a time, or an older one could be the last
}

// replayInstance takes an entry about an instance in.
func (e *Engine) replayInstance(entry quarantine.JournalEntry, at time.Time) error {
	var i quarantine.Instance
	if err := json.Unmarshal(entry.Body, &i); err != nil {
		return err
	}
	e.journaled.at[i.ID] = at
	if i.ID == e.Holder {
		e.heartbeat.replay(&i)
		e.journaled.aloneFor = e.heartbeat.waitedFor()
		return nil
	}
	e.journaled.others[i.ID] = i
	e.instances.remember(i)
	return nil
}

// remember keeps the journal's and the registry's memory of instances equal, and
// wakes verdicts that waited for one that is back, until ctx ends.
func (e *Engine) remember(ctx context.Context) {
	states := map[string]quarantine.InstanceState{}
	wait, fresh := firstWord, time.Duration(0)
	for sleep(ctx, wait) {
		read, err := e.instances.since(ctx, fresh)
		if err != nil {
			continue // the publisher says so
		}
		if e.Acquainted() {
			wait, fresh = rememberEvery, instancesFresh
		}
		e.journalSelf(ctx)
		e.journalOthers(ctx, &read)
		e.restore(ctx)
		e.doubtUnreadable(ctx)
		e.logStates(&read, states)
		e.wakeAwaiting(&read)
	}
}

// journalSelf notes now and then when this instance has spoken, and at once when
// the others have learnt another alone_for: after a restart during an outage
// alone_for goes on from there.
func (e *Engine) journalSelf(ctx context.Context) {
	now, waitedFor := e.Now(), e.heartbeat.waitedFor()
	silence, known := e.heartbeat.silence()
	due := waitedFor != e.journaled.aloneFor || now.Sub(e.journaled.at[e.Holder]) >= journalSelf
	if !due || !known || !e.Acquainted() || silence > journalSelf {
		return
	}
	if e.journalOwn(ctx) {
		e.journaled.at[e.Holder], e.journaled.aloneFor = now, waitedFor
	}
}

func (e *Engine) journalOwn(ctx context.Context) bool {
	e.journaled.own.Lock()
	defer e.journaled.own.Unlock()
	return e.journalInstance(ctx, e.ownEntry())
}

// ownEntry is what the journal says of this instance: when it spoke last, and what
// the others know since.
func (e *Engine) ownEntry() quarantine.Instance {
	silence, _ := e.heartbeat.silence()
	i := quarantine.Instance{ID: e.Holder, Name: e.Instance, SpokeAt: e.Now().Add(-silence), AloneFor: e.heartbeat.waitedFor()}
	if e.heartbeat.hasLeft() {
		i.Departure = &quarantine.Departure{Kind: quarantine.InstanceLeft, At: i.SpokeAt}
	}
	return i
}

// journalOthers notes what is new about the others, and now and then how far
// they are.
func (e *Engine) journalOthers(ctx context.Context, read *snapshot) {
	now := e.Now()
	for _, i := range read.others {
		before, known := e.journaled.others[i.ID]
		if !known && !i.Accounting || known && !news(&before, &i) && now.Sub(e.journaled.at[i.ID]) < journalOthers {
			continue
		}
		if e.journalInstance(ctx, i) {
			e.journaled.others[i.ID], e.journaled.at[i.ID] = i, now
		}
	}
}

// news reports whether others have to know of what changed.
func news(before, now *quarantine.Instance) bool {
	departed := (before.Departure == nil) != (now.Departure == nil) ||
		before.Departure != nil && !before.Departure.At.Equal(now.Departure.At)
	return departed || before.Accounting != now.Accounting || before.Spools != now.Spools || before.AloneFor != now.AloneFor || before.Name != now.Name
}

func (e *Engine) journalInstance(ctx context.Context, i quarantine.Instance) bool {
	ctx, cancel := context.WithTimeout(ctx, journalTimeout)
	defer cancel()
	if err := e.Journal.Append(ctx, entry(logInstance, i.ID, i)); err != nil {
		if ctx.Err() == nil {
			e.troubles.tell(zap.ErrorLevel, "log refuses entries", zap.String("instance", i.Label()), zap.Error(err))
		}
		return false
	}
	return true
}

// restore enters those that the registry lost.
func (e *Engine) restore(ctx context.Context) {
	for _, i := range e.instances.missing() {
		if err := e.Store.RestoreInstance(ctx, i); err != nil {
			return // again in a moment
		}
		e.Logger.Warn("the store had forgotten an instance, which is known again", zap.String("instance", i.Label()), zap.String("id", i.ID))
	}
}

// doubtUnreadable enters accounting that this instance answered and cannot read as an
// instance that is lost: all wait while the folder is there, and once a person has
// taken it away, who held an address before stays in doubt until a later record.
func (e *Engine) doubtUnreadable(ctx context.Context) {
	dir, now := e.Unreadable(), e.Now()
	if dir == "" || dir == e.journaled.unreadable {
		return
	}
	lost := quarantine.Instance{
		ID: e.Holder + ":" + filepath.Base(dir), Name: e.Instance, Accounting: true, Spools: true,
		Complete: now.Add(-e.History), SpokeAt: now, AloneSince: now,
		Departure: &quarantine.Departure{Kind: quarantine.InstanceForgotten, At: now, Reason: "accounting that it answered cannot be read: " + dir},
	}
	if err := e.Store.RestoreInstance(ctx, lost); err == nil {
		e.journaled.unreadable = dir
	}
}

// logStates writes a line when an instance to which accounting comes becomes
// silent, is back, or went.
func (e *Engine) logStates(read *snapshot, states map[string]quarantine.InstanceState) {
	for _, i := range read.others {
		if !i.Accounting {
			continue
		}
		state := i.State(read.now, read.silenceFrom())
		before := states[i.ID]
		states[i.ID] = state
		fields := []zap.Field{zap.String("instance", i.Label()), zap.String("id", i.ID), zap.Time("spoke_at", i.SpokeAt)}
		switch {
		case state == before, before == "" && state != quarantine.InstanceSilent:
		case state == quarantine.InstanceSilent:
			e.Logger.Warn("an instance is silent; verdicts about events since then wait for it", append(fields, zap.Time("since", i.Complete), zap.Time("until", i.AloneUntil()))...)
		case state == quarantine.InstanceUp:
			e.Logger.Info("an instance is there", fields...)
		default:
			e.Logger.Info("an instance went", append(fields, zap.String("how", string(state)))...)
		}
	}
}

// carryInstances returns the entries that say what is known of instances.
func (e *Engine) carryInstances() []quarantine.JournalEntry {
	var entries []quarantine.JournalEntry
	for _, i := range e.instances.remembered() {
		entries = append(entries, entry(logInstance, i.ID, i))
	}
	if _, known := e.heartbeat.silence(); known && (e.Acquainted() || e.heartbeat.ranBefore()) {
		entries = append(entries, entry(logInstance, e.Holder, e.ownEntry()))
	}
	return entries
}
