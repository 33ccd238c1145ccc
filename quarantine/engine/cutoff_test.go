package engine

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// wantAlone checks whether an instance may answer what the store does not take;
// says is part of why not, empty if it may.
func wantAlone(t *testing.T, when string, e *running, says string) {
	t.Helper()
	switch err := e.Alone(); {
	case says == "" && err != nil:
		t.Errorf("%s: %v; want that it goes on", when, err)
	case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
		t.Errorf("%s: %v; want that it stops: %q", when, err, says)
	}
}

const notCutOff = "instance cordon-a does not report that it is cut off too"

func TestAnInstanceThatIsCutOffStopsAnsweringAfterAloneFor(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		p.toB.cut.Store(true)
		wantAlone(t, "at once", p.b, "")
		time.Sleep(aloneFor - publishEvery)
		wantAlone(t, "just before alone_for", p.b, "")
		time.Sleep(2 * publishEvery)
		wantAlone(t, "after alone_for", p.b, notCutOff)
		wantAlone(t, "the other one", p.a, "")
		p.toB.cut.Store(false)
		time.Sleep(time.Second)
		wantAlone(t, "back", p.b, "")
	})
}

// TestBothClocksCountForAloneFor turns the clocks of a machine.
func TestBothClocksCountForAloneFor(t *testing.T) {
	for name, c := range map[string]struct {
		wall, sleeps time.Duration
		stops        bool
	}{
		"suspended: the wall clock goes on, uptime stands":    {wall: 31 * time.Minute, stops: true},
		"suspended for a moment":                              {wall: 29 * time.Minute},
		"the wall clock is set back, uptime goes on":          {wall: -2 * time.Hour, sleeps: 31 * time.Minute, stops: true},
		"the wall clock is set back a moment after the start": {wall: -2 * time.Hour, sleeps: 29 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				var wall atomic.Int64
				w.startListening(w.memory, "a")
				toB := &line{Memory: w.memory}
				b, _ := w.startListening(toB, "b", func(cfg *Config) {
					cfg.Now = func() time.Time { return time.Now().Round(0).Add(time.Duration(wall.Load())) }
				})
				time.Sleep(time.Minute)
				toB.cut.Store(true)
				time.Sleep(c.sleeps)
				wall.Store(int64(c.wall))
				says := ""
				if c.stops {
					says = notCutOff
				}
				wantAlone(t, "then", b, says)
			})
		})
	}
}

func TestALoneInstanceGoesOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		toA := &line{Memory: w.memory}
		a, _ := w.startListening(toA, "a")
		w.startWith(w.memory, "c", func(c *Config) { c.Journal = &quarantinetest.Journal{} }) // no accounting comes to it
		b, _ := w.startListening(w.memory, "b")
		time.Sleep(time.Minute)
		b.stop() // left
		time.Sleep(2 * syncPeersEvery)
		toA.cut.Store(true)
		time.Sleep(6 * time.Hour)
		wantAlone(t, "hours later", a, "")
	})
}

// peersThatAnswer is what the other instances answer to one that is cut off.
type peersThatAnswer struct{ cutOff atomic.Bool }

func (o *peersThatAnswer) ask(context.Context, quarantine.Instance) bool { return o.cutOff.Load() }

func TestWhileAllAreCutOffTheyGoOnAndAreWaitedFor(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		toA, toB, a, b := &line{Memory: w.memory}, &line{Memory: w.memory}, &peersThatAnswer{}, &peersThatAnswer{}
		atA, _ := w.startListening(toA, "a", func(c *Config) { c.AskCutOff = a.ask })
		atB, spool := w.startListening(toB, "b", func(c *Config) { c.AskCutOff = b.ask })
		alice, address := w.login("alice")
		time.Sleep(time.Minute)
		toA.cut.Store(true)
		toB.cut.Store(true)
		a.cutOff.Store(true)
		b.cutOff.Store(true)
		for range 6 {
			time.Sleep(time.Hour)
			wantAlone(t, "all are cut off", atA, "")
			wantAlone(t, "all are cut off", atB, "")
			if atA.CutOff() < time.Hour {
				t.Fatalf("it says that it is cut off for %s", atA.CutOff())
			}
		}
		// b has answered until now, hours after its last word. It dies as Redis is back.
		spool.holds() // bob has the address
		time.Sleep(time.Minute)
		id := w.accept(atA, botnet(address))
		toB.kill(atB)
		a.cutOff.Store(false)
		toA.cut.Store(false)
		time.Sleep(time.Minute)
		w.wantReason(atA, id, quarantine.VerdictPending, waitsForB, "silent since")
		if i, _ := w.registered("b"); time.Since(i.AloneSince) > 2*time.Minute {
			t.Errorf("b is alone since %s, %s ago", i.AloneSince, time.Since(i.AloneSince))
		}
		w.wantInForce(alice, "")
	})
}

func TestOneThatReachesTheStoreStopsTheOthers(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		answers := &peersThatAnswer{}
		p.b.stop()
		p.b, _ = p.startListening(p.toB, "b", func(c *Config) { c.AskCutOff = answers.ask })
		time.Sleep(time.Minute)
		p.toB.cut.Store(true)
		answers.cutOff.Store(true)
		time.Sleep(2 * time.Hour)
		wantAlone(t, "while all are cut off", p.b, "")
		answers.cutOff.Store(false)
		time.Sleep(askPeersEvery + askTimeout)
		wantAlone(t, "when one reaches it", p.b, notCutOff)
	})
}

func TestAnAnswerOfBeforeASuspensionIsNotTrusted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var suspended atomic.Int64
		answers := &peersThatAnswer{}
		w.startListening(w.memory, "a")
		toB := &line{Memory: w.memory}
		b, _ := w.startListening(toB, "b", func(c *Config) {
			c.AskCutOff = answers.ask
			c.Now = func() time.Time { return time.Now().Round(0).Add(time.Duration(suspended.Load())) }
		})
		time.Sleep(time.Minute)
		toB.cut.Store(true)
		answers.cutOff.Store(true)
		time.Sleep(time.Hour)
		wantAlone(t, "before", b, "")
		suspended.Store(int64(time.Minute))
		wantAlone(t, "right after", b, notCutOff)
	})
}

func TestAnInstanceUnknownToItsPeersAnswersNothingAlone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.memory.SetUnavailable(true)
		a, _ := w.startListening(w.memory, "a")
		time.Sleep(time.Minute)
		if err := a.Alone(); !errors.Is(err, errNotKnown) {
			t.Errorf("%v", err)
		}
		w.memory.SetUnavailable(false)
		time.Sleep(2 * time.Second)
		wantAlone(t, "once it was seen", a, "")
	})
}

func TestARestartDuringAnOutageCountsOn(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		time.Sleep(10 * time.Minute)
		p.toB.kill(p.b)
		time.Sleep(20 * time.Minute)
		p.startB()
		wantAlone(t, "20 min after its last word", p.b, "")
		time.Sleep(11 * time.Minute)
		wantAlone(t, "31 min after its last word", p.b, notCutOff)
	})
}

func TestWithoutAloneForNothingIsAnsweredThatIsNotStored(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, _ := w.startListening(w.memory, "a", noSpool)
		time.Sleep(time.Minute)
		if err := a.Alone(); !errors.Is(err, errNeverAlone) {
			t.Errorf("%v", err)
		}
		if i, _ := w.registered("a"); i.Spools || i.AloneFor != 0 {
			t.Errorf("%+v", i)
		}
	})
}

// readlessLine lets an instance speak, and not hear of others.
type readlessLine struct{ line }

func (l *readlessLine) Instances(context.Context) ([]quarantine.Instance, time.Time, error) {
	return nil, time.Time{}, quarantinetest.ErrUnavailable
}

func TestAnInstanceThatHasNotReadItsPeersAnswersNothingAlone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.startListening(w.memory, "a")
		b, _ := w.startListening(&readlessLine{line{Memory: w.memory}}, "b")
		time.Sleep(time.Minute)
		if err := b.Alone(); !errors.Is(err, errNotKnown) {
			t.Errorf("%v", err)
		}
	})
}
