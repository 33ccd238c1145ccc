package template

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Reason is why something that was read is distrusted. It is passed over and counted;
// the rest of the reply counts.
type Reason uint8

// The reasons.
const (
	WrongType   Reason = iota // the key holds another type than the template says
	TooLong                   // a value is longer than any that a session has
	TooMany                   // a list or set names more sessions than are read
	Malformed                 // the value does not have the template's form, or is no text
	Incomplete                // subscriber, session, BNG or time is missing
	BadTime                   // a time is none, or is in the future
	BadAddress                // an address or prefix is none
	Contradicts               // the record is about something else than was asked; an index that is out of date
	reasons
)

var reasonNames = [reasons]string{
	"wrong_type", "too_long", "too_many", "malformed", "incomplete", "bad_time", "bad_address", "contradicts",
}

// String names the reason, as metrics do.
func (r Reason) String() string {
	if r < reasons {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Doubt is how often something was distrusted for one reason, and where last.
type Doubt struct {
	Reason Reason
	Count  uint64
	Key    string // of Redis, at most 100 octets of it
}

// distrusted counts what is distrusted.
type distrusted struct {
	counts [reasons]atomic.Uint64

	mu   sync.Mutex // guards keys
	keys [reasons]string
}

const shownKey = 100

func (d *distrusted) note(r Reason, key string) {
	d.counts[r].Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[r] = key[:min(len(key), shownKey)]
}

// Doubts returns all reasons with their counts since New.
func (r *Reader) Doubts() []Doubt {
	r.doubts.mu.Lock()
	defer r.doubts.mu.Unlock()
	list := make([]Doubt, reasons)
	for i := range list {
		list[i] = Doubt{Reason: Reason(i), Count: r.doubts.counts[i].Load(), Key: r.doubts.keys[i]}
	}
	return list
}
