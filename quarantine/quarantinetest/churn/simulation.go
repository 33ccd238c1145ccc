package churn

import (
	"container/heap"
	"math/rand/v2"
	"time"

	"cordon/quarantine"
)

// simulation lets a world happen, moment by moment.
type simulation struct {
	rng    *rand.Rand
	faults *rand.Rand // nil: a world without them
	kinds  Fault
	now    int64
	lasts  int64
	todo   schedule
	count  int
	world  *World
}

// action is something that happens at a moment.
type action struct {
	at    int64
	order int // of two at the same moment
	do    func()
}

// schedule is a heap of actions.
type schedule []action

func (a schedule) Len() int { return len(a) }
func (a schedule) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}
func (a schedule) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *schedule) Push(d any) { *a = append(*a, d.(action)) }

// Pop implements heap.Interface.
func (a *schedule) Pop() any {
	last := len(*a) - 1
	d := (*a)[last]
	*a = (*a)[:last]
	return d
}

// after does something later, unless the world ends before.
func (s *simulation) after(ms int64, do func()) {
	s.count++
	heap.Push(&s.todo, action{s.now + ms, s.count, do})
}

func (s *simulation) run() {
	for len(s.todo) > 0 && s.todo[0].at <= s.lasts {
		d := heap.Pop(&s.todo).(action)
		s.now = d.at
		d.do()
	}
}

// within is a random duration from lo to hi, ms.
func (s *simulation) within(lo, hi int64) int64 { return lo + s.rng.Int64N(hi-lo+1) }

func (s *simulation) chance(percent int) bool { return s.rng.IntN(100) < percent }

// furnish sets up the BNGs: what they have in common with real ones is how
// differently they account.
func (s *simulation) furnish() {
	bngs := []bng{
		{name: "bng1", times: true, repeats: true},
		{name: "bng2", times: true, repeats: true, interim: 60_000, configured: true},
		{name: "bng3", repeats: false, interim: 120_000},
		{name: "bng4", times: true, repeats: true, interim: 60_000, configured: true, space: "cgn-a", probe: "probe-a", blocks: byRADIUS},
		{name: "bng5", times: true, repeats: true, interim: 90_000, space: "cgn-b", probe: "probe-b", blocks: byLog},
	}
	if s.faults != nil {
		bngs = append(bngs, bng{name: "bng6", times: true, repeats: true, interim: 60_000, configured: true,
			space: "cgn-c", probe: "probe-c", blocks: byNAT})
	}
	s.world.Plan = quarantine.AddressPlan{
		Spaces: []quarantine.AddressSpace{
			{Name: "cgn-a", Prefixes: prefixes("100.64.0.0/10"), BNGs: []string{"bng4"}, Sources: []string{"probe-a"}},
			{Name: "cgn-b", Prefixes: prefixes("100.64.0.0/10"), BNGs: []string{"bng5"}, Sources: []string{"probe-b"}},
			{Name: "cgn-c", Prefixes: prefixes("100.64.0.0/10"), BNGs: []string{"bng6"}, Sources: []string{"probe-c"}},
		},
		Shared:         prefixes("203.0.113.240/28"),
		Infrastructure: prefixes("198.51.100.0/28"),
	}
	for n := range bngs {
		b := &bngs[n]
		b.number, b.sim = n+1, s
		b.skew, b.logSkew = s.within(-skew, skew), s.within(-skew, skew)
		b.silentFrom = s.within(0, s.lasts)
		b.silentTo = b.silentFrom + s.within(30_000, 120_000)
		b.catchUp = s.within(600_000, 3*3600_000)
		if b.configured {
			s.world.interims[b.name] = time.Duration(b.interim) * time.Millisecond
		}
		if s.faults != nil {
			b.addDefects()
		}
		b.fill()
		s.after(s.within(0, 1000), b.logIn)
		for range 2 {
			s.after(s.within(0, s.lasts), b.restart)
		}
	}
}
