package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// asks has an instance ask others, over another way than the store, whether they
// answer accounting alone.
func asks(o *peersThatAnswer) func(*Config) { return func(c *Config) { c.AskAlone = o.ask } }

// inPairThatAsks is inPair with an a that asks b over another way than the store.
func inPairThatAsks(t *testing.T, story func(*testing.T, *pair, *peersThatAnswer)) {
	t.Helper()
	inPair(t, func(t *testing.T, p *pair) {
		log, b := p.a.Journal, &peersThatAnswer{}
		p.a.stop()
		p.a, _ = p.startListening(p.toA, "a", asks(b), func(c *Config) { c.Journal = log })
		time.Sleep(time.Minute)
		story(t, p, b)
	})
}

// b is cut off from the store and answers bob's Start. A person who believes that it
// is dead declares it lost; it comes back with what it answered.
// wantAttributedBefore wants a moment attributed of which no accounting is missing.
func (p *pair) wantAttributedBefore(moment time.Time) {
	p.t.Helper()
	old := botnet(p.address)
	old.ObservedAt, old.SourceID = moment, "old"
	id := p.accept(p.a, old)
	time.Sleep(10 * time.Second)
	if s, err := p.a.Verdict(p.t.Context(), id); err != nil || s.Attributed != "alice" && s.State != quarantine.VerdictRecorded {
		p.t.Errorf("a moment before its last heartbeat: %+v, %v", s, err)
	}
}

func TestWhatAnInstanceThatWasDeclaredLostAnsweredCountsWhenItIsBack(t *testing.T) {
	for name, outage := range map[string]time.Duration{
		"soon":                               5 * time.Minute,
		"after verdicts were given up":       50 * time.Minute,
		"when its doubt is over for holders": 3 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			inPair(t, func(t *testing.T, p *pair) {
				time.Sleep(5 * time.Minute)
				before := time.Now().Add(-2 * time.Minute)
				p.toB.cut.Store(true)
				time.Sleep(20 * time.Second)
				p.handOver()
				time.Sleep(40 * time.Second)
				first := p.accept(p.a, botnet(p.address))
				if _, err := p.a.ForgetInstance(t.Context(), "cordon-b", "noc", "thought so"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(outage)
				wait := quarantine.VerdictPending
				if outage > 35*time.Minute {
					wait = quarantine.VerdictUnknown
				}
				p.wantReason(p.a, first, wait, "instance cordon-b answered accounting")
				p.wantAttributedBefore(before)
				p.release(p.a, "alice")

				p.toB.cut.Store(false)
				time.Sleep(3 * time.Second)
				if b, known := p.registered("b"); !known || b.Departure != nil || b.Waiting != 1 {
					t.Fatalf("it is back: %t, %+v", known, b)
				}
				now := botnet(p.address)
				now.SourceID = "now"
				second := p.accept(p.a, now)
				hers := botnet(p.address)
				hers.ObservedAt, hers.SourceID = p.events[0].At.Add(30*time.Second), "hers"
				third := p.accept(p.a, hers)
				time.Sleep(10 * time.Second)
				p.wantVerdict(p.a, second, quarantine.VerdictPending, waitsForB)
				p.wantVerdict(p.a, third, quarantine.VerdictPending, waitsForB)
				p.wantInForce(p.alice, "")
				p.drain()
				time.Sleep(time.Minute)
				p.wantInForce(p.alice, "")
				p.wantInForce(p.bob, "garden")
				for _, id := range []string{second, third} {
					if s, err := p.a.Verdict(t.Context(), id); err != nil || s.Attributed != "bob" {
						t.Errorf("after it: %+v, %v", s, err)
					}
				}
			})
		})
	}
}

// release ends an open case, if there is one.
func (w *world) release(e *running, subscriber string) {
	w.t.Helper()
	if c := w.openCase(subscriber); c != nil {
		if _, err := e.Release(w.t.Context(), c.ID, "noc", "it was another moment", ""); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
	}
}

// b does not reach the store, and says so to whoever asks: it is not lost.
func TestAnInstanceThatSaysThatItAnswersIsNotDeclaredLost(t *testing.T) {
	inPairThatAsks(t, func(t *testing.T, p *pair, b *peersThatAnswer) {
		p.toB.cut.Store(true)
		b.cutOff.Store(true)
		time.Sleep(time.Minute)
		_, err := p.a.ForgetInstance(t.Context(), "cordon-b", "noc", "thought so")
		var refused *quarantine.CommandError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "instance cordon-b runs") ||
			!strings.Contains(err.Error(), "stop it first") {
			t.Fatalf("%v", err)
		}
		if b, _ := p.registered("b"); b.Departure != nil {
			t.Fatalf("%+v", b)
		}
		b.cutOff.Store(false)
		if _, err := p.a.ForgetInstance(t.Context(), "cordon-b", "noc", "it is dead"); err != nil {
			t.Fatal(err)
		}
	})
}

// b was declared lost while nobody could reach it, and can be reached again, though
// not by way of the store.
func TestAnInstanceThatWasDeclaredLostAndIsHeardIsWaitedForAgain(t *testing.T) {
	inPairThatAsks(t, func(t *testing.T, p *pair, b *peersThatAnswer) {
		p.toB.cut.Store(true)
		p.handOver()
		time.Sleep(time.Minute)
		if _, err := p.a.ForgetInstance(t.Context(), "cordon-b", "noc", "thought so"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		b.cutOff.Store(true)
		time.Sleep(2 * askPeersEvery)
		is, known := p.registered("b")
		if !known || is.Departure != nil || time.Since(is.AloneSince) > 2*askPeersEvery || time.Since(is.SpokeAt) < 5*time.Minute {
			t.Fatalf("%t, %+v", known, is)
		}
		p.renew(p.alice, "alice") // bob's Start is in b's spool, and alice's Interim was late
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(10 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictPending, waitsForB, "silent since")
		p.wantInForce(p.alice, "")
	})
}

// b knows a, and keeps to alone_for: that it is alive all the while makes nobody wait
// longer.
func TestAnInstanceThatHasStoppedAnsweringIsNotWaitedForAlthoughItRuns(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		log, b := p.a.Journal, p.b
		p.a.stop()
		p.a, _ = p.startListening(p.toA, "a", func(c *Config) {
			c.Journal, c.AskAlone = log, func(context.Context, quarantine.Instance) bool { return b.AnswersAlone() }
		})
		time.Sleep(time.Minute)
		p.toB.cut.Store(true)
		time.Sleep(time.Minute)
		if !p.b.AnswersAlone() || p.a.AnswersAlone() {
			t.Fatalf("a %t, b %t", p.a.AnswersAlone(), p.b.AnswersAlone())
		}
		time.Sleep(aloneFor + quarantine.LostBefore + quarantine.InstanceClocks - 30*time.Second)
		if is, _ := p.registered("b"); p.b.AnswersAlone() || !is.ReachedAt.IsZero() {
			t.Fatalf("%+v", is)
		}
		time.Sleep(time.Minute)
		id := p.accept(p.a, botnet(p.address))
		p.renew(p.alice, "alice")
		time.Sleep(time.Minute)
		p.wantVerdict(p.a, id, quarantine.VerdictActed, "")
		p.wantInForce(p.alice, "garden")
	})
}

// a is the only one there is, and goes on beyond alone_for, for it knows of nobody
// who would have to wait; b is new.
func TestANewcomerWaitsForALoneInstanceThatIsCutOff(t *testing.T) {
	for name, heard := range map[string]bool{"that nobody can ask": false, "that says so": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				toA, ofA := &line{Memory: w.memory}, &peersThatAnswer{}
				a, spool := w.startListening(toA, "a")
				alice, address := w.login("alice")
				time.Sleep(time.Minute)
				toA.cut.Store(true)
				time.Sleep(2 * time.Minute)
				spool.holds() // bob has the address
				bob, events := handOver(alice, address, time.Now())
				ofA.cutOff.Store(heard)
				time.Sleep(2 * time.Hour)
				wantAlone(t, "hours later", a, "")

				b, _ := w.startListening(w.memory, "b", asks(ofA))
				verdict := func(source string) string {
					v := botnet(address)
					v.SourceID = source
					return w.accept(b, v)
				}
				first := verdict("first") // at once
				time.Sleep(5 * time.Second)
				w.wantReason(b, first, quarantine.VerdictPending, awaitsAccounting+" on instance cordon-a")
				time.Sleep(30 * time.Second)
				w.wantReason(b, first, quarantine.VerdictPending, awaitsAccounting+" on instance cordon-a, silent since",
					"cordon instance forget cordon-a")
				if silent := b.AwaitedInstances(); len(silent) != 1 || silent[0].State != quarantine.InstanceSilent ||
					silent[0].Verdicts != 1 || silent[0].ID != "a" {
					t.Fatalf("%+v", silent)
				}
				time.Sleep(aloneFor - 5*time.Minute)
				second := verdict("second")
				time.Sleep(10 * time.Second)
				w.wantReason(b, second, quarantine.VerdictPending, awaitsAccounting+" on instance cordon-a, silent since")
				time.Sleep(20 * time.Minute) // beyond alone_for
				third := verdict("third")
				time.Sleep(10 * time.Second)
				want := "instance cordon-a answered accounting of that time" // no later record confirms alice
				if heard {
					want = awaitsAccounting + " on instance cordon-a, silent since"
				}
				w.wantReason(b, third, quarantine.VerdictPending, want)
				w.wantReason(b, first, quarantine.VerdictUnknown, "instance cordon-a")
				w.wantInForce(alice, "")

				toA.cut.Store(false)
				time.Sleep(3 * time.Second)
				w.record(events...)
				spool.stuck.Store(nil)
				time.Sleep(time.Minute)
				w.wantInForce(alice, "")
				last := verdict("last")
				time.Sleep(10 * time.Second)
				w.wantVerdict(b, last, quarantine.VerdictActed, "")
				w.wantInForce(bob, "garden")
			})
		})
	}
}

// The store is back, b is new, and a, which was cut off with it, has not spoken yet.
func TestANewcomerWaitsForAnInstanceThatHasNotSpokenSinceAnOutage(t *testing.T) {
	for _, later := range []time.Duration{200 * time.Millisecond, 5 * time.Second, 14 * time.Second, 20 * time.Second, 10 * time.Minute} {
		t.Run(later.String(), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				toA := &line{Memory: w.memory}
				_, spool := w.startListening(toA, "a")
				alice, address := w.login("alice")
				time.Sleep(time.Minute)
				toA.cut.Store(true)
				w.memory.SetUnavailable(true)
				time.Sleep(time.Minute)
				spool.holds() // bob has the address
				bob, events := handOver(alice, address, time.Now())
				time.Sleep(10 * time.Minute)
				b, _ := w.startListening(w.memory, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
				time.Sleep(time.Second)
				id := w.accept(b, botnet(address))
				w.memory.SetUnavailable(false)
				time.Sleep(later)
				w.wantInForce(alice, "")
				toA.cut.Store(false)
				time.Sleep(4 * time.Second)
				w.wantReason(b, id, quarantine.VerdictPending, awaitsAccounting+" on instance cordon-a")
				w.record(events...)
				spool.stuck.Store(nil)
				time.Sleep(5 * time.Minute)
				w.wantInForce(alice, "")
				w.wantInForce(bob, "garden")
				w.wantVerdict(b, id, quarantine.VerdictActed, "")
			})
		})
	}
}
