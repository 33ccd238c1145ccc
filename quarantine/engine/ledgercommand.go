package engine

import (
	"maps"
	"slices"
	"time"
)

// addCommand adds a durable command that no call is applying.
func (l *ledger) addCommand(c command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commands[c.ID] = c
	l.applying[c.ID] = false
}

// beginCommand notes that the call which gave a command is about to make it durable and to apply
// it.
func (l *ledger) beginCommand(id, caseID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.applying[id] = true
	l.knew[id] = caseID != "" && l.knows(caseID)
}

// knows reports whether anything of the case is outstanding as far as this journal knows, or was
// when a command about it was given that waits for the store: what that one ended may have been
// released from here since. l.mu is held.
func (l *ledger) knows(caseID string) bool {
	if len(l.outstanding[caseID]) > 0 {
		return true
	}
	for id, c := range l.commands {
		if c.Case == caseID && l.knew[id] {
			return true
		}
	}
	return false
}

// knewOf reports whether this journal knew, or knows, of a restriction of the command's case.
func (l *ledger) knewOf(c *command) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.knew[c.ID] || l.knows(c.Case)
}

// addBegunCommand adds a durable command that its call is applying, unless the call has ended: a
// journal that hung may write it later.
func (l *ledger) addBegunCommand(c command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.applying[c.ID] {
		l.commands[c.ID] = c
	}
}

// removeCommand removes a command that was applied, or never will be.
func (l *ledger) removeCommand(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.commands, id)
	delete(l.applying, id)
	delete(l.knew, id)
}

// commandWaits notes that a command waits for the store, and no call applies it.
func (l *ledger) commandWaits(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.applying[id] = false
}

// releasePendingAfter reports whether a release waits to be applied that was given no earlier than
// a verdict was observed: only its case says whose it is.
func (l *ledger) releasePendingAfter(observed time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.commands {
		if c.ends() && !observed.After(c.At) {
			return true
		}
	}
	return false
}

// waiting returns the commands that no call is applying, oldest first.
func (l *ledger) waiting() []command {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := slices.DeleteFunc(slices.Collect(maps.Values(l.commands)), func(c command) bool { return l.applying[c.ID] })
	slices.SortFunc(waiting, func(a, b command) int { return a.At.Compare(b.At) })
	return waiting
}

// releasePending reports whether a person's release of the case waits to be applied.
func (l *ledger) releasePending(caseID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.commands {
		if c.Case == caseID && c.ends() {
			return true
		}
	}
	return false
}
