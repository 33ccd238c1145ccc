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

// How often peers are synchronised, and how old their entries in the journal, and this
// instance's own, may get.
const (
	syncPeersEvery    = time.Second
	firstSync         = 50 * time.Millisecond // until this instance and its peers know of each other
	journalPeersEvery = time.Hour
	journalSelfEvery  = time.Minute
	journalTimeout    = 10 * time.Second
)

// journaledPeers is what the journal has of instances. Only replay and then syncPeers use it,
// but for own.
type journaledPeers struct {
	peers    map[string]quarantine.Instance
	at       map[string]time.Time // when it was written, of peers and of this one
	aloneFor time.Duration        // of this one; 0 if it departed
	// unreadable is the folder that was entered among the instances.
	unreadable string
	own        sync.Mutex // one entry about this instance at a time, or an older one could be the last
}

// replayInstance applies an entry about an instance.
func (e *Engine) replayInstance(entry quarantine.JournalEntry, at time.Time) error {
	var i quarantine.Instance
	if err := json.Unmarshal(entry.Body, &i); err != nil {
		return err
	}
	e.journaledPeers.at[i.ID] = at
	if i.ID == e.Holder {
		e.heartbeat.replay(&i)
		e.journaledPeers.aloneFor = e.heartbeat.grantedAloneFor()
		return nil
	}
	e.journaledPeers.peers[i.ID] = i
	e.peers.add(i)
	return nil
}

// syncPeers keeps journal and registry equal about instances, and wakes verdicts that waited
// for one that is back, until ctx ends.
func (e *Engine) syncPeers(ctx context.Context) {
	states := map[string]quarantine.InstanceState{}
	wait, fresh := firstSync, time.Duration(0)
	for sleep(ctx, wait) {
		read, err := e.peers.since(ctx, fresh)
		if err != nil {
			continue // the publisher logs it
		}
		if e.Acquainted() {
			wait, fresh = syncPeersEvery, instancesFresh
		}
		e.journalSelf(ctx)
		e.journalPeers(ctx, &read)
		e.restorePeers(ctx)
		e.doubtUnreadable(ctx)
		e.logStates(&read, states)
		e.wakePeerWaits(&read)
	}
}

// journalSelf journals this instance's last heartbeat, every journalSelfEvery and at once when
// its peers have learnt another alone_for: after a restart during an outage alone_for counts
// from there.
func (e *Engine) journalSelf(ctx context.Context) {
	now, waitedFor := e.Now(), e.heartbeat.grantedAloneFor()
	silence, known := e.heartbeat.sinceLast()
	due := waitedFor != e.journaledPeers.aloneFor || now.Sub(e.journaledPeers.at[e.Holder]) >= journalSelfEvery
	if !due || !known || !e.Acquainted() || silence > journalSelfEvery {
		return
	}
	if e.journalOwn(ctx) {
		e.journaledPeers.at[e.Holder], e.journaledPeers.aloneFor = now, waitedFor
	}
}

func (e *Engine) journalOwn(ctx context.Context) bool {
	e.journaledPeers.own.Lock()
	defer e.journaledPeers.own.Unlock()
	return e.journalInstance(ctx, e.ownEntry())
}

// ownEntry is what the journal has of this instance: its last heartbeat, and what its peers know
// since.
func (e *Engine) ownEntry() quarantine.Instance {
	silence, _ := e.heartbeat.sinceLast()
	i := quarantine.Instance{ID: e.Holder, Name: e.Instance, SpokeAt: e.Now().Add(-silence), AloneFor: e.heartbeat.grantedAloneFor()}
	if e.heartbeat.hasLeft() {
		i.Departure = &quarantine.Departure{Kind: quarantine.InstanceLeft, At: i.SpokeAt}
	}
	return i
}

// journalPeers journals what has changed about peers, and every journalPeersEvery their
// watermarks.
func (e *Engine) journalPeers(ctx context.Context, read *peerView) {
	now := e.Now()
	for _, i := range read.peers {
		before, known := e.journaledPeers.peers[i.ID]
		if !known && !i.Accounting || known && !changedFor(&before, &i) && now.Sub(e.journaledPeers.at[i.ID]) < journalPeersEvery {
			continue
		}
		if e.journalInstance(ctx, i) {
			e.journaledPeers.peers[i.ID], e.journaledPeers.at[i.ID] = i, now
		}
	}
}

// changedFor reports whether something changed that others have to know of.
func changedFor(before, now *quarantine.Instance) bool {
	departed := (before.Departure == nil) != (now.Departure == nil) ||
		before.Departure != nil && !before.Departure.At.Equal(now.Departure.At)
	return departed || before.Accounting != now.Accounting || before.Spools != now.Spools ||
		before.AloneFor != now.AloneFor || before.Name != now.Name
}

func (e *Engine) journalInstance(ctx context.Context, i quarantine.Instance) bool {
	ctx, cancel := context.WithTimeout(ctx, journalTimeout)
	defer cancel()
	if err := e.Journal.Append(ctx, entry(entryInstance, i.ID, i)); err != nil {
		if ctx.Err() == nil {
			e.limited.log(zap.ErrorLevel, "journal write failed", zap.String("instance", i.Label()), zap.Error(err))
		}
		return false
	}
	return true
}

// restorePeers restores the peers that the registry has lost.
func (e *Engine) restorePeers(ctx context.Context) {
	for _, i := range e.peers.missing() {
		if err := e.Store.RestoreInstance(ctx, i); err != nil {
			return // retried in a second
		}
		e.Logger.Warn("the store had lost an instance, which was restored", zap.String("instance", i.Label()), zap.String("id", i.ID))
	}
}

// doubtUnreadable enters accounting that this instance answered and cannot read as a lost
// instance: all wait while the folder exists, and once a person has removed it, holders of
// addresses before stay in doubt until a later record.
func (e *Engine) doubtUnreadable(ctx context.Context) {
	dir, now := e.Unreadable(), e.Now()
	if dir == "" || dir == e.journaledPeers.unreadable {
		return
	}
	lost := quarantine.Instance{
		ID: e.Holder + ":" + filepath.Base(dir), Name: e.Instance, Accounting: true, Spools: true,
		Complete: now.Add(-e.History), SpokeAt: now, AloneSince: now,
		Departure: &quarantine.Departure{
			Kind: quarantine.InstanceForgotten, At: now, Reason: "accounting that it answered cannot be read: " + dir,
		},
	}
	if err := e.Store.RestoreInstance(ctx, lost); err == nil {
		e.journaledPeers.unreadable = dir
	}
}

// logStates logs when an instance that receives accounting becomes silent, is back, or
// departs.
func (e *Engine) logStates(read *peerView, states map[string]quarantine.InstanceState) {
	for _, i := range read.peers {
		if !i.Accounting {
			continue
		}
		state := i.State(read.now, read.silenceFrom())
		before := states[i.ID]
		states[i.ID] = state
		fields := []zap.Field{zap.String("instance", i.Label()), zap.String("id", i.ID), zap.Time("last_heartbeat", i.SpokeAt)}
		switch {
		case state == before, before == "" && state != quarantine.InstanceSilent:
		case state == quarantine.InstanceSilent:
			e.Logger.Warn("an instance is silent; verdicts about events since then wait for it",
				append(fields, zap.Time("since", i.Complete), zap.Time("until", i.AloneUntil()))...)
		case state == quarantine.InstanceUp:
			e.Logger.Info("an instance is up", fields...)
		default:
			e.Logger.Info("an instance departed", append(fields, zap.String("how", string(state)))...)
		}
	}
}

// instanceEntries returns the entries about instances, for a checkpoint.
func (e *Engine) instanceEntries() []quarantine.JournalEntry {
	var entries []quarantine.JournalEntry
	for _, i := range e.peers.all() {
		entries = append(entries, entry(entryInstance, i.ID, i))
	}
	if _, known := e.heartbeat.sinceLast(); known && (e.Acquainted() || e.heartbeat.ranBefore()) {
		entries = append(entries, entry(entryInstance, e.Holder, e.ownEntry()))
	}
	return entries
}
