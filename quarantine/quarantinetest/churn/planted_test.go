package churn_test

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/engine"
	"cordon/quarantine/quarantinetest"
	"cordon/quarantine/quarantinetest/churn"
)

// everyRecord spoils each record by itself.
func everyRecord(change func(ev *quarantine.SessionEvent) bool) func() func(ev *quarantine.SessionEvent) bool {
	return func() func(ev *quarantine.SessionEvent) bool { return change }
}

// everyBinding spoils each binding by itself.
func everyBinding(change func(b *quarantine.Binding)) func([]quarantine.Binding) []quarantine.Binding {
	return func(known []quarantine.Binding) []quarantine.Binding {
		for i := range known {
			change(&known[i])
		}
		return known
	}
}

// firstNames remembers the first name of each session.
func firstNames(change func(ev *quarantine.SessionEvent, first string) bool) func() func(ev *quarantine.SessionEvent) bool {
	return func() func(ev *quarantine.SessionEvent) bool {
		names := map[quarantine.SessionKey]string{}
		return func(ev *quarantine.SessionEvent) bool {
			if ev.Kind == quarantine.SessionStarted || names[ev.Key] == "" {
				names[ev.Key] = ev.Subscriber
			}
			return change(ev, names[ev.Key])
		}
	}
}

// firstIntervals keeps of what a session held several times only the first time.
func firstIntervals(known []quarantine.Binding) []quarantine.Binding {
	slices.SortStableFunc(known, func(a, b quarantine.Binding) int { return a.From.Compare(b.From) })
	var kept []quarantine.Binding
	for _, b := range known {
		given := slices.ContainsFunc(kept, func(k quarantine.Binding) bool {
			return k.Is(&b.Address) &&
				k.Session == b.Session && !k.To.IsZero()
		})
		if !given {
			kept = append(kept, b)
		}
	}
	return kept
}

// byReports decides about a moment once the instances that published within some time are
// complete to it, as if others had answered nothing.
type byReports struct {
	churn.Instance
	m      churn.Member
	memory *quarantinetest.Memory
	lasts  time.Duration
}

// WhoHeld implements churn.Instance.
func (i *byReports) WhoHeld(ctx context.Context, q churn.Question) (quarantine.Attribution, string, error) {
	moment := q.Moment
	if !q.ByHand {
		moment = moment.Add(q.Tolerance)
	}
	if oldest, ok := i.m.Unworked(); ok && oldest.Before(moment) {
		return quarantine.Attribution{}, "accounting here", nil
	}
	all, now, err := i.memory.Instances(ctx)
	if err != nil {
		return quarantine.Attribution{}, "", err
	}
	for _, other := range all {
		if other.ID != i.m.Name && now.Sub(other.SpokeAt) < i.lasts && other.Complete.Before(moment) {
			return quarantine.Attribution{}, "accounting elsewhere", nil
		}
	}
	return stored(ctx, i.memory, q)
}

// stored asks what is stored, whatever is not.
func stored(ctx context.Context, m *quarantinetest.Memory, q churn.Question) (quarantine.Attribution, string, error) {
	a := engine.Attributor{Bindings: m, Gaps: m.Gaps, Now: m.Now}
	found, err := a.WhoHeld(ctx, q.At, q.Port, q.Moment, q.Tolerance)
	return found, "", err
}

func reports(last time.Duration) func(churn.Member, *quarantinetest.Memory, churn.Instance) churn.Instance {
	return func(m churn.Member, memory *quarantinetest.Memory, i churn.Instance) churn.Instance {
		return &byReports{i, m, memory, last}
	}
}

// hasty answers people at once.
type hasty struct {
	churn.Instance
	memory *quarantinetest.Memory
}

// WhoHeld implements churn.Instance.
func (i *hasty) WhoHeld(ctx context.Context, q churn.Question) (quarantine.Attribution, string, error) {
	if q.ByHand {
		return stored(ctx, i.memory, q)
	}
	return i.Instance.WhoHeld(ctx, q)
}

// forgetful takes an instance that is declared lost for one that has left.
type forgetful struct {
	churn.Instance
	memory *quarantinetest.Memory
}

// Forget implements churn.Instance.
func (i *forgetful) Forget(ctx context.Context, name string) error {
	_, err := i.memory.DepartInstance(ctx, name, quarantine.Departure{Kind: quarantine.InstanceLeft})
	return err
}

// natAsSubscriber is what a NAT's record looks like to who does not know it.
func natAsSubscriber(ev *quarantine.SessionEvent) bool {
	if ev.Via.IsValid() {
		ev.Subscriber = "LSN44@" + ev.Via.Addr.String()
		inside := quarantine.Address{Prefix: netip.PrefixFrom(ev.Via.Addr, 32), Kind: quarantine.FramedIP, Space: ev.Via.Space}
		ev.Via, ev.Addresses = quarantine.Place{}, append(slices.Clone(ev.Addresses), inside)
	}
	return true
}

var plantedMistakes = []planted{
	{name: "silence of three intervals is ignored", faults: churn.Losses, known: everyBinding(func(b *quarantine.Binding) { b.Interim = 0 })},
	{name: "records that name nobody are thrown away", faults: churn.Names, record: everyRecord(func(ev *quarantine.SessionEvent) bool {
		return ev.Kind == quarantine.BNGReset || ev.Subscriber != "" || ev.Via.IsValid()
	})},
	{name: "a Stop under another name is ignored", faults: churn.Names,
		record: firstNames(func(ev *quarantine.SessionEvent, first string) bool {
			return ev.Kind != quarantine.SessionEnded || ev.Subscriber == first
		})},
	{name: "a session keeps its first name", faults: churn.Names, record: firstNames(func(ev *quarantine.SessionEvent, first string) bool {
		ev.Subscriber = cmp.Or(first, ev.Subscriber)
		return true
	})},
	{name: "a stamp that contradicts its arrival is believed", faults: churn.Clocks,
		record: everyRecord(func(ev *quarantine.SessionEvent) bool {
			ev.Latest = time.Time{}
			return true
		})},
	{name: "the arrival of a record with a contradictory stamp is believed", faults: churn.Clocks,
		record: everyRecord(func(ev *quarantine.SessionEvent) bool {
			if !ev.Latest.IsZero() {
				ev.At, ev.Latest = ev.Latest, time.Time{}
				if ev.Kind == quarantine.SessionStarted {
					ev.StartedAt = ev.At
				}
			}
			return true
		})},
	{name: "an uncertain beginning is taken for certain", faults: churn.Clocks,
		known: everyBinding(func(b *quarantine.Binding) { b.FromBy = time.Time{} })},
	{name: "what came back to its session stays given up", faults: churn.Returns, known: firstIntervals},
	{name: "the release of an address in mid-session is ignored", faults: churn.Releases,
		record: everyRecord(func(ev *quarantine.SessionEvent) bool {
			ev.Only = nil
			return true
		})},
	{name: "a NAT's record is taken for a subscriber's", faults: churn.NATs, record: everyRecord(natAsSubscriber)},
	{name: "how far a log is does not count", faults: churn.Lags, logsUnwatched: true},
	{name: "nobody has published is taken for complete", faults: churn.Outages, instance: reports(2 * time.Second)},
	{name: "what an instance published ends after 15 s", faults: churn.Outages, instance: reports(15 * time.Second)},
	{name: "a person is answered without what is not stored", faults: churn.Outages,
		instance: func(_ churn.Member, memory *quarantinetest.Memory, i churn.Instance) churn.Instance {
			return &hasty{i, memory}
		}},
	{name: "an instance ignores its own spool", faults: churn.Outages, member: func(m churn.Member) churn.Member {
		m.Unworked = func() (time.Time, bool) { return time.Time{}, false }
		return m
	}},
	{name: "an instance that is declared lost is believed to have left", faults: churn.Outages,
		instance: func(_ churn.Member, memory *quarantinetest.Memory, i churn.Instance) churn.Instance {
			return &forgetful{i, memory}
		}},
	{name: "nobody notices that Redis lost its last second", seed: 326, faults: churn.Outages, crashUnnoticed: true},
	{name: "an address that records list no more counts as listed", seed: 330, faults: churn.AllFaults,
		known: everyBinding(func(b *quarantine.Binding) { b.Listed = time.Time{} })},
	{name: "what was reported later counts as reported in the Start", seed: 315, faults: churn.Losses,
		known: everyBinding(func(b *quarantine.Binding) { b.Inferred = false })},
	{name: "what has ended was held up to its end", faults: churn.Returns, known: everyBinding(func(b *quarantine.Binding) {
		if !b.To.IsZero() {
			b.RenewedAt, b.Listed = b.To, time.Time{}
		}
	})},
	{name: "a restart of a BNG ends nothing", faults: churn.Losses,
		known: everyBinding(func(b *quarantine.Binding) { b.ResetAt = time.Time{} })},
	{name: "a binding was renewed by whatever its session said", faults: churn.Clocks, known: everyBinding(func(b *quarantine.Binding) {
		if b.To.IsZero() {
			b.RenewedAt = b.RenewedAt.Add(time.Hour)
		}
	})},
}

func TestEveryMistakePlantedIntoFaultsNamesWrongSubscribers(t *testing.T) {
	const worlds = 4
	for _, p := range plantedMistakes {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			from := cmp.Or(p.seed, 300)
			for seed := range uint64(worlds) {
				if checkFaulty(t, from+seed, 1, 2_500, p).Total(churn.Wrong) > 0 {
					return
				}
			}
			t.Errorf("%d seeds from %d: the mistake is not noticed", worlds, from)
		})
	}
}
