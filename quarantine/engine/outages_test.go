package engine

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// pair is two instances that take accounting, of which b alone learns that an
// address went from alice to bob.
type pair struct {
	*world
	a, b     *running
	toA, toB *line
	spool    *listener // of b
	logB     *quarantinetest.Journal
	alice    quarantine.SessionKey
	bob      quarantine.SessionKey
	address  netip.Addr
	events   []quarantine.SessionEvent // what b answered
}

// inPair runs a story of two instances that have run for a minute.
func inPair(t *testing.T, story func(*testing.T, *pair)) {
	t.Helper()
	inWorld(t, func(t *testing.T, w *world) { story(t, newPair(w)) })
}

func newPair(w *world) *pair {
	p := &pair{world: w, toA: &line{Memory: w.memory}, toB: &line{Memory: w.memory}, logB: &quarantinetest.Journal{}}
	p.a, _ = w.startListening(p.toA, "a")
	p.startB()
	p.alice, p.address = w.login("alice")
	time.Sleep(time.Minute)
	return p
}

func (p *pair) startB(change ...func(*Config)) {
	stuck := p.spool
	change = append(change, func(c *Config) {
		c.Journal = p.logB
		if stuck != nil { // the spool outlives the process
			c.Unworked, c.Waiting = stuck.oldest, stuck.waiting
		}
	})
	p.b, p.spool = p.startListening(p.toB, "b", change...)
	if stuck != nil {
		p.spool = stuck
	}
}

// handOver has b answer that bob has the address now.
func (p *pair) handOver() {
	p.bob, p.events = handOver(p.alice, p.address, time.Now())
	p.spool.holds()
}

// drain has b store what it answered.
func (p *pair) drain() {
	p.record(p.events...)
	p.spool.stuck.Store(nil)
}

// renew is an Interim-Update of alice's session that a stores.
func (p *pair) renew(session quarantine.SessionKey, subscriber string) {
	p.record(quarantine.SessionEvent{
		Kind: quarantine.SessionRenewed, Key: session, Subscriber: subscriber, At: time.Now(),
		Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(p.address, 32), Kind: quarantine.FramedIP}},
	})
}

func TestAfterAnOutageAVerdictWaitsForWhateverAnybodyAnswered(t *testing.T) {
	for _, later := range []time.Duration{0, 200 * time.Millisecond, time.Second, 3 * time.Second, 20 * time.Second, 5 * time.Minute} {
		for i := range 20 {
			t.Run(fmt.Sprintf("b is back %s later, %d", later, i), func(t *testing.T) {
				inPair(t, func(t *testing.T, p *pair) {
					p.memory.SetUnavailable(true)
					p.toB.cut.Store(true)
					p.handOver()
					time.Sleep(30 * time.Second)
					id := p.accept(p.a, botnet(p.address)) // bob did it
					time.Sleep(30*time.Second + time.Duration(i)*50*time.Millisecond)
					p.memory.SetUnavailable(false)
					time.Sleep(later)
					p.toB.cut.Store(false)
					time.Sleep(time.Second)
					p.drain()
					time.Sleep(4 * time.Second)
					p.wantInForce(p.alice, "")
					p.wantVerdict(p.a, id, quarantine.VerdictActed, "")
					p.wantInForce(p.bob, "garden")
				})
			})
		}
	}
}

func TestAnInstanceThatAloneIsCutOffIsNamedAndWaitedFor(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		p.toB.cut.Store(true)
		p.handOver()
		time.Sleep(5 * time.Minute)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(30 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictPending, waitsForB, "silent since 2000-01-01T00:0", "cordon instance forget cordon-b")
		silent := p.a.AwaitedInstances()
		if len(silent) != 1 || silent[0].State != quarantine.InstanceSilent || silent[0].Verdicts != 1 || silent[0].Silence < 5*time.Minute {
			t.Fatalf("%+v", silent)
		}
		time.Sleep(35 * time.Minute)
		p.wantReason(p.a, id, quarantine.VerdictUnknown, waitsForB, "silent since")
		p.wantInForce(p.alice, "")
	})
}

func TestAVerdictThatWaitedIsJudgedRightAfterTheInstanceIsBack(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		p.handOver()
		time.Sleep(2 * time.Second) // b has said that it holds something
		p.toB.kill(p.b)
		time.Sleep(time.Minute)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(20 * time.Minute)
		p.wantReason(p.a, id, quarantine.VerdictPending, waitsForB, "silent since")
		p.toB.cut.Store(false)
		p.startB()
		time.Sleep(3 * time.Second)
		p.wantInForce(p.alice, "")
		p.wantVerdict(p.a, id, quarantine.VerdictPending, waitsForB) // it is back, and not through
		p.drain()
		time.Sleep(3 * time.Second)
		p.wantVerdict(p.a, id, quarantine.VerdictActed, "")
		p.wantInForce(p.bob, "garden")
		p.wantInForce(p.alice, "")
	})
}

func TestOneCrashStopsAttributionOnlyForWhatItMayHaveAnswered(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		p.toB.kill(p.b)
		time.Sleep(aloneFor + quarantine.LostBefore + quarantine.InstanceClocks + 10*time.Second)
		id := p.accept(p.a, botnet(p.address)) // nobody has confirmed alice since
		time.Sleep(10 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictPending, "instance cordon-b answered accounting", "no later record confirms the holder")
		p.renew(p.alice, "alice")
		time.Sleep(time.Minute)
		p.wantVerdict(p.a, id, quarantine.VerdictActed, "")
		p.wantInForce(p.alice, "garden")
	})
}

func TestWhatAForgottenInstanceAnsweredStaysInDoubt(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		p.handOver()
		time.Sleep(2 * time.Second)
		p.toB.kill(p.b)
		time.Sleep(time.Minute)
		waits := p.accept(p.a, botnet(p.address))
		time.Sleep(3 * time.Second)
		gone, err := p.a.ForgetInstance(t.Context(), "cordon-b", "alice", "its host burnt")
		if err != nil || gone.State != quarantine.InstanceForgotten || gone.Departure.By != "alice" || gone.Departure.Reason != "its host burnt" {
			t.Fatalf("%+v, %v", gone, err)
		}
		time.Sleep(2 * time.Second)
		p.wantReason(p.a, waits, quarantine.VerdictPending, "instance cordon-b answered accounting", "no later record confirms the holder")
		p.wantInForce(p.alice, "")

		// Hours later, after a restart of a, and with the registry lost.
		time.Sleep(3 * time.Hour)
		log := p.a.Journal
		p.a.stop()
		p.memory.ForgetInstances()
		p.a, _ = p.startListening(p.toA, "a", func(c *Config) { c.Journal = log })
		time.Sleep(time.Minute)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(5 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictPending, "instance cordon-b answered accounting")
		if b, known := p.registered("b"); !known || b.Departure == nil || b.Departure.Kind != quarantine.InstanceForgotten {
			t.Fatalf("the registry was not given the departure back: %t, %+v", known, b)
		}
		p.renew(p.alice, "alice") // the network says that she has it
		time.Sleep(time.Minute)
		p.wantVerdict(p.a, id, quarantine.VerdictActed, "")

		// A month later. What stands still meanwhile has nothing to forget.
		p.a.stop()
		time.Sleep(quarantine.UnrenewedFor - 4*time.Hour)
		p.startListening(p.toA, "a", func(c *Config) { c.Journal = log })
		time.Sleep(5 * time.Hour)
		if b, known := p.registered("b"); known {
			t.Fatalf("still known: %+v", b)
		}
	})
}

// Alice's BNG sends no Interim-Updates. What the lost instance answered may have been her
// Stop and the next one's Start, and the next one is still on line.
func TestALostInstanceIsDoubtedForAsLongAsAHolderIsTrusted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ago := func(days int) time.Time { return time.Now().AddDate(0, 0, -days) }
		address := netip.MustParseAddr("192.0.2.77")
		w.record(quarantine.SessionEvent{
			Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: "bng1", ID: "long"}, Subscriber: "alice",
			At: ago(21), StartedAt: ago(21),
			Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(address, 32), Kind: quarantine.FramedIP}},
		})
		err := w.memory.RestoreInstance(t.Context(), quarantine.Instance{
			ID: "z", Name: "cordon-z", Accounting: true, Spools: true, AloneFor: aloneFor, Complete: ago(20), SpokeAt: ago(20), AloneSince: ago(20),
			Departure: &quarantine.Departure{Kind: quarantine.InstanceForgotten, At: ago(19)},
		})
		if err != nil {
			t.Fatal(err)
		}
		a, _ := w.startListening(w.memory, "a")
		time.Sleep(10 * time.Second)
		id := w.accept(a, botnet(address))
		time.Sleep(5 * time.Second)
		if s, err := a.Verdict(t.Context(), id); err != nil || s.State != quarantine.VerdictPending || !strings.Contains(s.Reason, "cordon-z") {
			t.Errorf("%s of %q (%s), %v", s.State, s.Attributed, s.Reason, err)
		}
	})
}

func TestAForgottenInstanceThatComesBackIsWaitedForAgain(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		p.handOver()
		time.Sleep(2 * time.Second)
		p.toB.kill(p.b)
		time.Sleep(time.Minute)
		if _, err := p.a.ForgetInstance(t.Context(), "b", "alice", "thought so"); err != nil {
			t.Fatal(err)
		}
		p.toB.cut.Store(false)
		p.startB()
		time.Sleep(time.Minute)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(10 * time.Second)
		p.wantVerdict(p.a, id, quarantine.VerdictPending, waitsForB)
		p.drain()
		time.Sleep(3 * time.Second)
		p.wantInForce(p.bob, "garden")
	})
}

func TestOnlyASilentInstanceOfOneNameIsForgotten(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		forget := func(name, wantErr string) {
			t.Helper()
			if _, err := p.a.ForgetInstance(t.Context(), name, "alice", "x"); err == nil || !strings.Contains(err.Error(), wantErr) {
				t.Errorf("forget %s: %v, want %q", name, err, wantErr)
			}
		}
		forget("cordon-b", "sent a heartbeat within the last 15s")
		forget("cordon-a", "that is this instance")
		forget("a", "that is this instance")
		forget("cordon-c", quarantine.ErrNoInstance.Error())
		// A container without a volume: another id, the same name.
		p.toB.kill(p.b)
		c, _ := p.startListening(p.memory, "c", func(c *Config) { c.Instance = "cordon-b" })
		time.Sleep(time.Minute)
		forget("cordon-b", "several instances have the name cordon-b; give the id: b (silent, last heartbeat at 2000-01-01T00:0")
		if _, err := p.a.ForgetInstance(t.Context(), "b", "alice", "x"); err != nil {
			t.Fatal(err)
		}
		forget("b", "has departed already: forgotten")
		c.stop()
		time.Sleep(time.Second)
		forget("cordon-b", "has departed already")
		p.toA.cut.Store(true)
		forget("cordon-b", "read the watermarks of other instances")
	})
}

func TestAnInstanceThatDepartsCleanlyIsNotWaitedFor(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		p.b.stop()
		if b, _ := p.registered("b"); b.Departure == nil || b.Departure.Kind != quarantine.InstanceLeft {
			t.Fatalf("%+v", b)
		}
		time.Sleep(time.Second)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(3 * time.Second)
		p.wantVerdict(p.a, id, quarantine.VerdictActed, "")
	})
}

func TestAnInstanceThatEndsWithUnstoredAccountingHasNotDeparted(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		p.handOver()
		p.b.stop()
		if b, _ := p.registered("b"); b.Departure != nil || !b.Accounting {
			t.Fatalf("%+v", b)
		}
		time.Sleep(time.Minute)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(10 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictPending, waitsForB, "silent since")
	})
}

func TestInstancesThatTheRegistryLostAreRestoredFromMemoryAndJournal(t *testing.T) {
	for name, restart := range map[string]bool{"running": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			inPair(t, func(t *testing.T, p *pair) {
				p.handOver()
				time.Sleep(2 * time.Second)
				p.toB.kill(p.b)
				time.Sleep(time.Minute)
				log := p.a.Journal
				if restart {
					p.toA.kill(p.a)
				}
				p.memory.ForgetInstances()
				if restart {
					p.toA.cut.Store(false)
					p.a, _ = p.startListening(p.toA, "a", func(c *Config) { c.Journal = log })
				}
				id := p.accept(p.a, botnet(p.address))
				time.Sleep(20 * time.Second)
				p.wantReason(p.a, id, quarantine.VerdictPending, waitsForB, "silent since")
				b, known := p.registered("b")
				if !known || b.Departure != nil || time.Since(b.AloneSince) > 25*time.Second {
					t.Fatalf("the registry was not reminded: %t, %+v", known, b)
				}
				p.wantInForce(p.alice, "")
			})
		})
	}
}

func TestANewSegmentOfTheJournalKnowsTheInstances(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		time.Sleep(2 * time.Minute)
		carried := &quarantinetest.Journal{}
		if err := carried.Append(t.Context(), p.a.Checkpoint()...); err != nil {
			t.Fatal(err)
		}
		p.toB.kill(p.b)
		p.toA.kill(p.a)
		p.memory.ForgetInstances()
		p.toA.cut.Store(false)
		p.a, _ = p.startListening(p.toA, "a", func(c *Config) { c.Journal = carried })
		time.Sleep(time.Minute)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(10 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictPending, waitsForB, "silent since")
	})
}

func TestAccountingThatCannotBeReadIsNamed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		damaged := func(c *Config) {
			c.Unworked = func() (time.Time, bool) { return time.UnixMilli(1), true }
			c.Unreadable = func() string { return "/log/spool.damaged-1" }
		}
		a, _ := w.startListening(w.memory, "a")
		b, _ := w.startListening(w.memory, "b", damaged)
		_, address := w.login("alice")
		time.Sleep(time.Minute)
		at := w.accept(a, botnet(address))
		here := botnet(address)
		here.SourceID = "b"
		atB := w.accept(b, here)
		time.Sleep(5 * time.Second)
		const unread = " answered accounting that it cannot read; no address is attributed while /log/spool.damaged-1 is there"
		w.wantVerdict(a, at, quarantine.VerdictPending, "instance cordon-b"+unread)
		w.wantVerdict(b, atB, quarantine.VerdictPending, "this instance"+unread)
	})
}

// slowStore does something while bindings are read.
type slowStore struct {
	*line
	meanwhile func()
}

func (s *slowStore) Bindings(ctx context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
	found, err := s.line.Bindings(ctx, at, from, to)
	if do := s.meanwhile; do != nil {
		s.meanwhile = nil
		do()
	}
	return found, err
}

func TestAnInstanceThatIsBackBetweenTwoReadsIsStillInDoubt(t *testing.T) {
	for name, drains := range map[string]bool{"with its spool full": false, "with its spool empty": true} {
		t.Run(name, func(t *testing.T) {
			inPair(t, func(t *testing.T, p *pair) {
				log := p.a.Journal
				p.a.stop()
				slow := &slowStore{line: p.toA}
				p.a, _ = p.startListening(slow, "a", func(c *Config) { c.Journal, c.Intakers = log, 1 })
				p.handOver()
				time.Sleep(2 * time.Second)
				p.toB.kill(p.b)
				time.Sleep(aloneFor + time.Hour)
				slow.meanwhile = func() {
					p.toB.cut.Store(false)
					p.startB()
					if drains {
						time.Sleep(3 * instancesFresh)
						p.drain()
					}
					time.Sleep(3 * instancesFresh)
				}
				id := p.accept(p.a, botnet(p.address))
				time.Sleep(10 * time.Second)
				if c := p.openCase("alice"); c != nil {
					s, err := p.a.Verdict(t.Context(), id)
					t.Fatalf("alice has a case: %+v, %v", s, err)
				}
				if !drains {
					p.drain()
				}
				time.Sleep(2 * time.Minute)
				p.wantInForce(p.alice, "")
				p.wantInForce(p.bob, "garden")
			})
		})
	}
}

func TestMissingAccountingIsNamedForCommandsToo(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		missing := func(moment time.Time, want string) {
			t.Helper()
			got, err := p.a.completeTo(t.Context(), moment)
			if err != nil || !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("missing %q, %v; want %q", got, err, want)
			}
		}
		missing(time.Now().Add(time.Second), awaitsAccounting)
		time.Sleep(publishEvery / 3)
		missing(time.Now(), waitsForB) // b says twice a second how far it is
		now := time.Now()
		time.Sleep(publishEvery + instancesFresh)
		missing(now, "")
		p.handOver()
		time.Sleep(time.Second)
		missing(time.Now(), waitsForB)
		p.toB.kill(p.b)
		time.Sleep(time.Minute)
		missing(time.Now(), waitsForB+", silent since")
		p.toA.cut.Store(true)
		time.Sleep(time.Second)
		if _, err := p.a.completeTo(t.Context(), time.Now()); err == nil {
			t.Error("the store cannot be asked: no error")
		}
	})
}

func TestWhatWasHiddenIsDoubtedUntilItIsSaidToBeStored(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		look := func(when string, want int) {
			t.Helper()
			read, err := p.a.peers.since(t.Context(), 0)
			if err != nil || len(read.gaps) != want {
				t.Errorf("%s: %d gaps, want %d: %+v, %v", when, len(read.gaps), want, read.gaps, err)
			}
		}
		look("both are there", 0)
		p.handOver()
		time.Sleep(time.Second)
		p.toB.kill(p.b)
		look("at once", 0)
		time.Sleep(time.Minute)
		look("b is silent", 1)
		p.toA.cut.Store(true)
		time.Sleep(time.Minute)
		p.toA.cut.Store(false)
		time.Sleep(time.Second)
		look("a was cut off meanwhile", 1)
		p.toB.cut.Store(false)
		p.startB()
		time.Sleep(time.Second)
		look("b is back and not through", 1)
		p.drain()
		time.Sleep(time.Second)
		look("b is through", 0)
		p.b.stop()
		time.Sleep(time.Minute)
		look("b has left", 0)
	})
}

// forgetfulStore takes nothing back that it has forgotten.
type forgetfulStore struct{ *line }

func (forgetfulStore) RestoreInstance(context.Context, quarantine.Instance) error {
	return quarantinetest.ErrUnavailable
}

func TestWhatTheRegistryForgotMayHaveBeenThereUntilNow(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		log := p.a.Journal
		p.a.stop()
		p.a, _ = p.startListening(forgetfulStore{p.toA}, "a", func(c *Config) { c.Journal = log })
		time.Sleep(time.Minute)
		p.toB.kill(p.b)
		p.memory.ForgetInstances()
		time.Sleep(2 * aloneFor)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(10 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictPending, waitsForB, "silent since")
	})
}

// heartbeatlessLine is a connection to the store that passes reads, and no heartbeats.
type heartbeatlessLine struct {
	*quarantinetest.Memory
	mute atomic.Bool
}

func (l *heartbeatlessLine) PublishInstance(
	ctx context.Context, i quarantine.Instance, returning bool, keep time.Duration,
) (time.Time, error) {
	if l.mute.Load() {
		return time.Time{}, quarantinetest.ErrUnavailable
	}
	return l.Memory.PublishInstance(ctx, i, returning, keep)
}

// TestRightAfterAnOutageNoInstanceCountsAsSilent has b hold a record that it has not
// answered, so that only its silence could end the wait for it.
func TestRightAfterAnOutageNoInstanceCountsAsSilent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		toA, toB := &heartbeatlessLine{Memory: w.memory}, &line{Memory: w.memory}
		a, _ := w.startListening(toA, "a")
		_, held := w.startListening(toB, "b", noSpool)
		alice, address := w.login("alice")
		time.Sleep(time.Minute)
		w.memory.SetUnavailable(true)
		held.holds()
		time.Sleep(10 * time.Second)
		id := w.accept(a, botnet(address))
		time.Sleep(time.Minute)
		toA.mute.Store(true)
		toB.cut.Store(true)
		w.memory.SetUnavailable(false)
		time.Sleep(time.Minute)
		w.wantVerdict(a, id, quarantine.VerdictPending, waitsForB) // a has not spoken itself
		toA.mute.Store(false)
		time.Sleep(quarantine.InstanceSilentAfter - time.Second)
		w.wantVerdict(a, id, quarantine.VerdictPending, waitsForB) // b may be about to
		time.Sleep(3 * time.Second)
		w.wantInForce(alice, "garden") // b's NAS has repeated to somebody else by now
	})
}
