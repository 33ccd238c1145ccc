package quarantine

import (
	"iter"
	"net/netip"
	"slices"
	"sort"
	"time"
)

// portSlice is how many ports are searched together.
const portSlice = 1024

// rivals are the bindings of an address, in an order in which those that show that
// one of them is over are found without looking at all.
type rivals struct {
	of       map[rivalry]*rivalList
	prefixes []netip.Prefix // of all bindings, each once
}

// rivalry is what bindings are rivals for: all of a prefix, or a slice of its ports.
type rivalry struct {
	prefix netip.Prefix
	slice  int
}

// What of a prefix is listed apart from slices of its ports.
const (
	anyPorts = -1 // everything
	allPorts = -2 // what was held with all ports
)

// rivalList holds bindings in two orders.
type rivalList struct {
	byHeldSince []*Binding  // by when they are known to have begun, certain ones
	unsure      []*Binding  // those of which that is not certain
	byLast      []*Binding  // by when they were held last
	byListed    []*Binding  // by when they were listed last
	oldest      []time.Time // of each of byListed and all after it, when the first of them began
}

func newRivals(bindings []Binding) *rivals {
	r := &rivals{of: map[rivalry]*rivalList{}}
	for i := range bindings {
		b := &bindings[i]
		if !slices.Contains(r.prefixes, b.Prefix) {
			r.prefixes = append(r.prefixes, b.Prefix)
		}
		r.list(b.Prefix, anyPorts).add(b)
		if b.Ports.All() {
			r.list(b.Prefix, allPorts).add(b)
			continue
		}
		for slice := range slicesOf(b.Ports) {
			r.list(b.Prefix, slice).add(b)
		}
	}
	for _, l := range r.of {
		slices.SortStableFunc(l.byHeldSince, func(a, b *Binding) int { return a.heldSince().Compare(b.heldSince()) })
		slices.SortStableFunc(l.byLast, func(a, b *Binding) int { return a.last().Compare(b.last()) })
		slices.SortStableFunc(l.byListed, func(a, b *Binding) int { return a.listed().Compare(b.listed()) })
		l.oldest = make([]time.Time, len(l.byListed))
		for i := len(l.byListed) - 1; i >= 0; i-- {
			if l.oldest[i] = l.byListed[i].From; i+1 < len(l.oldest) {
				l.oldest[i] = earliest(l.oldest[i], l.oldest[i+1])
			}
		}
	}
	return r
}

func (r *rivals) list(p netip.Prefix, slice int) *rivalList {
	key := rivalry{p, slice}
	if r.of[key] == nil {
		r.of[key] = &rivalList{}
	}
	return r.of[key]
}

func (l *rivalList) add(b *Binding) {
	l.byLast, l.byListed = append(l.byLast, b), append(l.byListed, b)
	if b.begunBy().IsZero() {
		l.byHeldSince = append(l.byHeldSince, b)
	} else {
		l.unsure = append(l.unsure, b)
	}
}

// slicesOf lists the slices that a block of ports touches.
func slicesOf(ports PortRange) iter.Seq[int] {
	return func(yield func(int) bool) {
		for slice := int(ports.Lo) / portSlice; slice <= int(ports.Hi)/portSlice; slice++ {
			if !yield(slice) {
				return
			}
		}
	}
}

// lists returns where rivals of a binding are to be found, and who was given all ports
// of a part of its prefix, or of a prefix of which it is a part.
func (r *rivals) lists(b *Binding) (lists []*rivalList) {
	find := func(p netip.Prefix, slice int) {
		if l := r.of[rivalry{p, slice}]; l != nil {
			lists = append(lists, l)
		}
	}
	of := anyPorts
	if !b.Ports.All() {
		of = allPorts
		for slice := range slicesOf(b.Ports) {
			find(b.Prefix, slice)
		}
	}
	for _, p := range r.prefixes {
		if p.Overlaps(b.Prefix) {
			find(p, of)
		}
	}
	return lists
}

// since returns the part of byHeldSince after a moment.
func (l *rivalList) since(t time.Time) []*Binding {
	return l.byHeldSince[sort.Search(len(l.byHeldSince), func(i int) bool { return l.byHeldSince[i].heldSince().After(t) }):]
}

// tookBack reports whether one of the list, reported before a binding or while it was
// listed, was listed after it.
func (l *rivalList) tookBack(b *Binding) bool {
	listed := b.listed()
	i := sort.Search(len(l.byListed), func(i int) bool { return l.byListed[i].listed().After(listed) })
	for ; i < len(l.byListed) && !l.oldest[i].After(later(b.From, listed)); i++ {
		if b.lostTo(l.byListed[i]) {
			return true
		}
	}
	return false
}

// lastHeld lists, newest first, the rivals that were held last while a binding was.
func (l *rivalList) lastHeld(b *Binding) iter.Seq[*Binding] {
	return func(yield func(*Binding) bool) {
		until := earliest(b.To, b.listed())
		end := sort.Search(len(l.byLast), func(i int) bool { return !l.byLast[i].last().Before(until) })
		for i := end - 1; i >= 0 && l.byLast[i].last().After(b.From); i-- {
			if !yield(l.byLast[i]) {
				return
			}
		}
	}
}
