package engine

import (
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"cordon/quarantine"
)

// verdictKey is the hash by which a verdict's id is remembered. A source may send 100,000 an hour
// for days: 16 bytes for each, instead of some 50 for the text.
type verdictKey [16]byte

func keyOfVerdict(id string) verdictKey {
	digest := sha256.Sum256([]byte(id))
	return verdictKey(digest[:16])
}

// arrive claims an id for being accepted. It returns a channel to wait on if
// another call is making the same id durable, and known if it is durable.
func (l *ledger) arrive(id string) (wait <-chan struct{}, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.accepted[keyOfVerdict(id)]; ok {
		return nil, true
	}
	if other, ok := l.arriving[id]; ok {
		return other, false
	}
	l.arriving[id] = make(chan struct{})
	return nil, false
}

// arrived ends the claim; the verdict is durable only if accept was called.
func (l *ledger) arrived(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ch, ok := l.arriving[id]; ok {
		close(ch)
		delete(l.arriving, id)
	}
}

func (l *ledger) accept(v quarantine.Verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted[keyOfVerdict(v.ID)] = uint32(v.ReceivedAt.Unix())
	v.Evidence = nil // the journal has it
	l.undecided[v.ID] = v
}

// removeVerdict removes a decided verdict; open: it was undecided before.
func (l *ledger) removeVerdict(id string) (source string, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, open := l.undecided[id]
	delete(l.undecided, id)
	return v.Source, open
}

func (l *ledger) verdict(id string) (quarantine.Verdict, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.undecided[id]
	return v, ok
}

func (l *ledger) undecidedVerdicts() []quarantine.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.undecided))
}

// forget drops the ids of decided verdicts accepted before t.
func (l *ledger) forget(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	open := make(map[verdictKey]bool, len(l.undecided))
	for id := range l.undecided {
		open[keyOfVerdict(id)] = true
	}
	maps.DeleteFunc(l.accepted, func(key verdictKey, at uint32) bool { return !open[key] && int64(at) < t.Unix() })
}
