package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// peerWaits is which verdicts wait for which silent peer.
type peerWaits struct {
	mu        sync.Mutex // guards what follows
	byVerdict map[string]string
}

func newPeerWaits() *peerWaits { return &peerWaits{byVerdict: map[string]string{}} }

func (a *peerWaits) add(verdict, instance string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byVerdict[verdict] = instance
}

func (a *peerWaits) remove(verdict string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byVerdict, verdict)
}

// counts returns how many verdicts wait for each instance.
func (a *peerWaits) counts() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	counts := map[string]int{}
	for _, instance := range a.byVerdict {
		counts[instance]++
	}
	return counts
}

// waitingForOthers returns the verdicts that wait for a peer that is not silent any more.
func (a *peerWaits) waitingForOthers(silent map[string]bool) map[string]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	verdicts := map[string]bool{}
	for verdict, instance := range a.byVerdict {
		if !silent[instance] {
			verdicts[verdict] = true
		}
	}
	return verdicts
}

// awaitsAccounting is why the moment of a verdict cannot be attributed yet.
const awaitsAccounting = "waits for accounting of that moment"

// missing is accounting of a moment that is not stored yet.
type missing struct {
	reason   string    // for people; empty: nothing is missing
	again    time.Time // when to ask again; zero: as for an unknown address
	instance string    // id of the silent peer that is waited for
}

// missingAccounting says what accounting of a moment is missing. The moment can be attributed
// once it is past, and every instance that may have answered accounting of it has stored that.
func (e *Engine) missingAccounting(ctx context.Context, moment, now time.Time) (missing, error) {
	if moment.After(now) {
		return missing{reason: awaitsAccounting, again: moment}, nil
	}
	if e.Unworked != nil {
		if oldest, ok := e.Unworked(); ok && oldest.Before(moment) {
			return missing{reason: e.awaitsOwnAccounting(), again: now.Add(accountingRetry)}, nil
		}
	}
	read, err := e.peers.current(ctx)
	if err != nil {
		return missing{}, err
	}
	w := read.awaits(moment)
	i := &w.instance
	switch w.how {
	case quarantine.AwaitStored:
		return missing{reason: awaitsAccounting + " on instance " + i.Label(), again: now.Add(accountingRetry)}, nil
	case quarantine.AwaitUnreadable:
		return missing{reason: unreadable("instance "+i.Label(), i.Unreadable), again: now.Add(accountingRetry)}, nil
	case quarantine.AwaitReturn:
		return missing{reason: read.awaitsReason(i), instance: i.ID}, nil
	}
	return missing{}, nil
}

func (e *Engine) awaitsOwnAccounting() string {
	if dir := e.Unreadable(); dir != "" {
		return unreadable("this instance", dir)
	}
	return awaitsAccounting
}

func unreadable(who, dir string) string {
	return fmt.Sprintf("%s answered accounting that it cannot read; no address is attributed while %s is there", who, dir)
}

// awaitsReason names a silent peer, and what a person can do.
func (v *peerView) awaitsReason(i *quarantine.Instance) string {
	return fmt.Sprintf("%s on instance %s, silent since %s; start it again, or if it is lost: %s",
		awaitsAccounting, i.Label(), i.SpokeAt.UTC().Format(time.RFC3339), v.forget(i))
}

// completeTo reports whether an address can be attributed at a moment: missing is empty if it
// can, else it names for people the accounting that is not stored yet. Instances publish their
// watermark twice a second, so the present moment is never complete at once. An error means
// that the store could not be asked.
func (e *Engine) completeTo(ctx context.Context, moment time.Time) (missing string, err error) {
	m, err := e.missingAccounting(ctx, moment, e.Now())
	return m.reason, err
}

// awaitAccounting is the status of a verdict that waits for accounting. What a silent peer
// answered is waited for as long as an unknown address is retried.
func (e *Engine) awaitAccounting(v quarantine.Verdict, m missing, now time.Time) *undecided {
	if m.instance == "" {
		return e.undecidedStatus(v, quarantine.VerdictPending, m.reason, m.again)
	}
	again := e.unknownAgain(v, now)
	if again.IsZero() {
		return e.undecidedStatus(v, quarantine.VerdictUnknown, m.reason, again)
	}
	e.peerWaits.add(v.ID, m.instance)
	e.limited.log(zap.WarnLevel, "verdicts wait for an instance that is silent", zap.String("verdict", v.ID), zap.String("reason", m.reason))
	return e.undecidedStatus(v, quarantine.VerdictPending, m.reason, again)
}

// wakePeerWaits makes verdicts due that waited for a peer that is not silent any more.
func (e *Engine) wakePeerWaits(read *peerView) {
	silent := map[string]bool{}
	for _, i := range read.peers {
		silent[i.ID] = i.Silent(read.now, read.silenceFrom())
	}
	if verdicts := e.peerWaits.waitingForOthers(silent); len(verdicts) > 0 {
		e.queue.hasten(verdicts, e.Now())
	}
}

// Gaps returns the times of which records may be missing: those that the store lost, and
// those that a silent or lost peer answered. Ask after reading the bindings.
func (e *Engine) Gaps(ctx context.Context) ([]quarantine.Gap, error) {
	lost, err := e.gaps.now(ctx)
	if err != nil {
		return nil, err
	}
	read, err := e.peers.current(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Concat(lost, read.gaps), nil
}
