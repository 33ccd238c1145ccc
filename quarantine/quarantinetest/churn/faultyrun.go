package churn

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/quarantine"
)

// Instance is one of several that decide; the clock of the [System] is set before
// each call, and it is called only while it can reach the store.
type Instance interface {
	// PublishOnce publishes how far its accounting is stored.
	PublishOnce(ctx context.Context) error
	// WhoHeld attributes, if it may say now: missing is empty then.
	WhoHeld(ctx context.Context, q Question) (found quarantine.Attribution, missing string, err error)
	// Forget declares another instance lost, as a person does.
	Forget(ctx context.Context, name string) error
}

// Member is what an instance is started with.
type Member struct {
	Name     string
	Unworked func() (time.Time, bool) // the oldest event that it has answered and not stored
	Waiting  func() int               // how many
	AloneFor time.Duration
}

// How long a verdict is tried again.
const (
	retryFirst = 1_000
	retryMost  = 60_000
	retryFor   = 35 * 60_000
	handEvery  = 200   // a person's question
	handFor    = 3_000 // who then has to ask again
)

// attempt is a verdict to be decided at a moment.
type attempt struct {
	at, first, wait int64
	order           int
	v               *verdict
}

// attempts is a heap.
type attempts []attempt

func (a attempts) Len() int { return len(a) }
func (a attempts) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(a[i].at, a[j].at), cmp.Compare(a[i].order, a[j].order)) < 0
}
func (a attempts) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *attempts) Push(x any) { *a = append(*a, x.(attempt)) }

// Pop implements heap.Interface.
func (a *attempts) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	*a = (*a)[:last]
	return x
}

// faultyRun is a world with faults while it is decided.
type faultyRun struct {
	world     *World
	system    System
	table     *Table
	now       int64
	next      int64     // when both publish next
	reports   []*report // not stored yet, by when they are
	events    []event   // not done yet
	open      [2]answered
	members   [2]Instance
	published [2]int64 // when each instance published last
}

// event is what happens at a moment beside records.
type event struct {
	at int64
	do func(ctx context.Context) error
}

// answered is what an instance has answered: what it has not stored holds others
// up.
type answered struct {
	coming  []*report // by arrival
	pending []*report
}

// unworked returns the oldest event that is not stored at a moment.
func (a *answered) unworked(at int64) time.Time {
	for len(a.coming) > 0 && a.coming[0].arrives <= at {
		a.pending = append(a.pending, a.coming[0])
		a.coming = a.coming[1:]
	}
	a.pending = slices.DeleteFunc(a.pending, func(r *report) bool { return r.worked <= at })
	var oldest time.Time
	for _, r := range a.pending {
		if oldest.IsZero() || r.event.At.Before(oldest) {
			oldest = r.event.At
		}
	}
	return oldest
}

// checkFaulty checks the verdicts of a world with faults.
func (w *World) checkFaulty(ctx context.Context, c System) (*Table, error) {
	t := &faultyRun{world: w, system: c, table: &Table{}, reports: w.reports}
	for _, r := range w.reports {
		if r.binding == nil {
			t.open[r.member].coming = append(t.open[r.member].coming, r)
		}
	}
	for i := range t.open {
		slices.SortStableFunc(t.open[i].coming, func(a, b *report) int { return cmp.Compare(a.arrives, b.arrives) })
		t.published[i] = -day
	}
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	var todo attempts
	for i := range w.verdicts {
		v := &w.verdicts[i]
		heap.Push(&todo, attempt{at: v.decided, first: v.decided, wait: retryFirst, order: i, v: v})
	}
	for len(todo) > 0 {
		a := heap.Pop(&todo).(attempt)
		outcome, text, err := t.attempt(ctx, a)
		if err != nil {
			return nil, err
		}
		if next, ok := a.again(outcome); ok {
			heap.Push(&todo, next)
			continue
		}
		t.table.count(a.v.class, outcome)
		if outcome == Wrong && len(t.table.Examples) < maxExamples {
			t.table.Examples = append(t.table.Examples, fmt.Sprintf("seed %d with faults, %s: %s", w.Seed, a.v.class, text))
		}
	}
	return t.table, nil
}

// again is when to decide once more what could not be decided.
func (a attempt) again(outcome Outcome) (attempt, bool) {
	if outcome != Waiting && (outcome != Doubtful || a.v.class == ByHand) {
		return a, false
	}
	lasts := int64(retryFor)
	if a.v.class == ByHand {
		lasts, a.wait = handFor, handEvery
	}
	if a.at-a.first >= lasts {
		return a, false
	}
	a.at += a.wait
	a.wait = min(2*a.wait, retryMost)
	return a, true
}

// attempt decides one verdict now.
func (t *faultyRun) attempt(ctx context.Context, a attempt) (Outcome, string, error) {
	if err := t.advance(ctx, a.at); err != nil {
		return 0, "", err
	}
	c, v := t.world.cluster, a.v
	m := v.member
	if !c.members[m].reaches(a.at) {
		m = 1 - m
	}
	if !c.members[m].reaches(a.at) || c.lostFrom-1 <= a.at && a.at <= c.crash { // what is about to be lost is not decided
		return Waiting, "", nil
	}
	t.clock(a.at)
	v.decided, v.complete = a.at, t.published
	v.complete[m] = a.at
	return t.world.decide(ctx, t.members[m].WhoHeld, v)
}

// begin starts the instances.
func (t *faultyRun) begin(ctx context.Context) error {
	t.plan()
	t.system.Clock(t.world.begins)
	for i := range t.members {
		if err := t.start(ctx, i); err != nil {
			return err
		}
		if err := t.members[i].PublishOnce(ctx); err != nil {
			return fmt.Errorf("publish instance %d: %w", i, err)
		}
	}
	return nil
}

// start starts an instance, or starts it again.
func (t *faultyRun) start(ctx context.Context, i int) error {
	m, err := t.system.Start(ctx, Member{
		Name: t.world.cluster.members[i].name, AloneFor: aloneFor * time.Millisecond,
		Unworked: func() (time.Time, bool) {
			oldest := t.open[i].unworked(t.now)
			return oldest, !oldest.IsZero()
		},
		Waiting: func() int { return len(t.open[i].pending) },
	})
	t.members[i] = m
	return err
}

// plan lists what happens beside records and verdicts.
func (t *faultyRun) plan() {
	c := t.world.cluster
	add := func(at int64, do func(ctx context.Context) error) { t.events = append(t.events, event{at, do}) }
	for i, m := range c.members {
		for _, cut := range m.cut { // what it says last
			add(cut.from-1, func(ctx context.Context) error { return t.publish(ctx, i, cut.from-1) })
		}
		if m.dies != never {
			add(m.dies-1, func(ctx context.Context) error { return t.publish(ctx, i, m.dies-1) })
		}
		if m.forgotten != never {
			by := c.members[1-i]
			at := by.stores(m.forgotten)
			add(at, func(ctx context.Context) error {
				t.clock(at)
				return t.members[1-i].Forget(ctx, m.name)
			})
		}
	}
	if c.crash != never {
		add(c.back, func(context.Context) error {
			t.clock(c.back)
			t.system.RedisCrashed(t.world.at(c.lostFrom), t.world.at(c.crash), t.world.at(c.back))
			return nil
		})
	}
	slices.SortStableFunc(t.events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
}

// publishEvery is how often instances publish at least, ms: often enough that the
// engine does not take it for an outage. What they said last before something is
// asked, they say besides.
const publishEvery = 9_000

// advance lets everything happen up to a moment, with what the instances published
// last before it.
func (t *faultyRun) advance(ctx context.Context, to int64) error {
	for ; t.next < to; t.next += publishEvery {
		if err := t.step(ctx, t.next); err != nil {
			return err
		}
	}
	return t.step(ctx, to)
}

func (t *faultyRun) step(ctx context.Context, to int64) error {
	for len(t.events) > 0 && t.events[0].at <= to {
		d := t.events[0]
		t.events = t.events[1:]
		if err := t.store(ctx, d.at); err != nil {
			return err
		}
		if err := d.do(ctx); err != nil {
			return err
		}
	}
	ticks := []int{0, 1}
	slices.SortFunc(ticks, func(i, j int) int {
		a, _ := t.world.cluster.members[i].tick(to)
		b, _ := t.world.cluster.members[j].tick(to)
		return cmp.Compare(a, b)
	})
	for _, i := range ticks {
		if err := t.publish(ctx, i, to); err != nil {
			return err
		}
	}
	return t.store(ctx, to)
}

// publish has an instance say what it said last by a moment, unless it has.
func (t *faultyRun) publish(ctx context.Context, i int, by int64) error {
	at, ok := t.world.cluster.members[i].tick(by)
	if !ok || at <= t.published[i] {
		return nil
	}
	t.published[i] = at
	if err := t.store(ctx, at); err != nil {
		return err
	}
	t.clock(at)
	return t.members[i].PublishOnce(ctx)
}

// clock sets the time.
func (t *faultyRun) clock(at int64) {
	t.now = at
	t.system.Clock(t.world.at(at))
}

// store records what is stored by a moment and not lost.
func (t *faultyRun) store(ctx context.Context, by int64) error {
	n := 0
	for n < len(t.reports) && t.reports[n].worked <= by && t.reports[n].worked != never {
		n++
	}
	if n == 0 {
		return nil
	}
	t.clock(by)
	kept := slices.DeleteFunc(slices.Clone(t.reports[:n]), func(r *report) bool { return r.lost })
	t.reports = t.reports[n:]
	return t.world.hand(ctx, t.system.Store, kept)
}
