package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// checksTable is how docs/architecture.md lists the checks.
func checksTable() string {
	var b strings.Builder
	b.WriteString("| check (`deferred_by`) | asked at | reason that is shown |\n|---|---|---|\n")
	for _, k := range checks {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", k.name, k.stages, k.reason)
	}
	return b.String()
}

func TestTheChecksAreAskedInThisOrderAtTheseStages(t *testing.T) {
	const want = `
lease            journaled, repeat                      this instance is not the elected sender
paused           log-in, plan, send, journaled, repeat  restricting is paused: <why>
release_pending  log-in, plan, send, journaled, repeat  a release of the case waits to be applied
maintenance      log-in, plan, send, journaled, repeat  <the window>, or: the maintenance windows have not been read yet
mode             log-in, plan, send, journaled, repeat  the mode is <mode> now
exempt           log-in, plan, send, journaled, repeat  exempt: <why>
address_unknown  log-in                                 prefixes are exempt, and the address is not known at log-in
path             log-in, plan, send, journaled          <why the BNG is not asked>
stopped_profile  log-in, plan, send, journaled          <why the profile is stopped>
session          send                                   the session is not the one that was decided about, or: cannot be read: <why>
case             send                                   the case has changed, or: cannot be read: <why>
lease            send                                   this instance is not the elected sender
`
	var got strings.Builder
	for _, k := range checks {
		fmt.Fprintf(&got, "%-16s %-38s %s\n", k.name, k.stages, k.reason)
	}
	if got.String() != strings.TrimPrefix(want, "\n") {
		t.Errorf("the list is\n%s", got.String())
	}
}

func TestOnlyTheSendStageReadsTheStore(t *testing.T) {
	for _, k := range checks {
		if (k.ask == nil) == (k.read == nil) {
			t.Errorf("%s: it has two functions, or none", k.name)
		}
		if k.read != nil && k.stages != atSend {
			t.Errorf("%s reads the store at %s", k.name, k.stages)
		}
	}
}

func TestTheDocumentListsTheChecks(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), checksTable()) {
		t.Errorf("docs/architecture.md, \"May we restrict?\", must have\n%s", checksTable())
	}
}

// guarded is an engine, and a restriction that nothing defers, for one check to bite.
type guarded struct {
	*world
	*running
	paths   switchedPaths
	journal hookedJournal
	c       *quarantine.Case
	order   quarantine.Order
}

// switchedPaths are paths that defer what a test has switched on.
type switchedPaths struct {
	noPaths
	path, profile atomic.Bool
}

func (p *switchedPaths) PathDefers(quarantine.Session, bool) (string, bool) {
	return "bng1 has been unresponsive since noon", p.path.Load()
}

func (p *switchedPaths) ProfileStopped(quarantine.Session, string, bool) (string, bool) {
	return "bng1: profile garden is stopped there", p.profile.Load()
}

// hookedJournal calls back while it takes a datagram.
type hookedJournal struct {
	*quarantinetest.Journal
	onSent func()
}

func (j *hookedJournal) Append(ctx context.Context, entries ...quarantine.JournalEntry) error {
	if entries[0].Kind == entrySent && j.onSent != nil {
		j.onSent()
	}
	return j.Journal.Append(ctx, entries...)
}

func inGuarded(t *testing.T, story func(*testing.T, *guarded)) {
	t.Helper()
	inWorld(t, func(t *testing.T, w *world) {
		shadow := quarantine.ModeShadow
		w.rules.Policy.Rules = append(w.rules.Policy.Rules, quarantine.Rule{
			Name: "shadowed", Match: quarantine.Match{Category: []string{"x"}}, Profile: "garden",
			Mode: &shadow, For: quarantine.Duration(time.Hour),
		})
		w.rules.Exemptions = []quarantine.Exemption{
			{Subscriber: "vip", Reason: "hospital"}, {Prefix: netip.MustParsePrefix("203.0.113.0/24"), Reason: "servers"},
		}
		g := &guarded{world: w, journal: hookedJournal{Journal: w.log}}
		g.running = w.startWith(w.memory, "a", func(c *Config) { c.Paths, c.Journal = &g.paths, &g.journal })
		w.restrict(g.running, "alice")
		g.c = w.openCase("alice")
		g.order = quarantine.Order{Case: g.c.ID, Generation: g.c.Generation, Session: g.c.Sessions[0].Session, To: "garden", Prepared: true}
		story(t, g)
	})
}

// bites makes each check defer the restriction.
var bites = map[quarantine.Check]func(*guarded){
	quarantine.CheckLease: func(g *guarded) {
		g.sender.mu.Lock()
		defer g.sender.mu.Unlock()
		g.sender.lose()
	},
	quarantine.CheckPaused: func(g *guarded) { g.pause.Store("link cut") },
	quarantine.CheckReleasePending: func(g *guarded) {
		g.ledger.addCommand(command{ID: "m-1", Verb: verbRelease, Case: g.c.ID, At: time.Now()})
	},
	quarantine.CheckMaintenance: func(g *guarded) {
		g.windows.add(quarantine.Maintenance{BNG: "bng1", Until: time.Now().Add(time.Hour), Reason: "new software", By: "noc", At: time.Now()})
	},
	quarantine.CheckMode:   func(g *guarded) { g.c.Rule = "shadowed" },
	quarantine.CheckExempt: func(g *guarded) { g.c.Subscriber = "vip" },
	quarantine.CheckAddressUnknown: func(g *guarded) {
		g.order.Session.Addresses = nil
	},
	quarantine.CheckPath:           func(g *guarded) { g.paths.path.Store(true) },
	quarantine.CheckStoppedProfile: func(g *guarded) { g.paths.profile.Store(true) },
	quarantine.CheckSession:        func(g *guarded) { g.order.Session.ID = "another" },
	quarantine.CheckCase:           func(g *guarded) { g.order.Generation++ },
}

// reach comes to each stage: it makes the check bite at its moment, and returns by
// what the restriction was deferred, and the reason.
var reach = map[stage]func(g *guarded, bite func(*guarded)) (quarantine.Check, string){
	atLogIn: func(g *guarded, bite func(*guarded)) (quarantine.Check, string) {
		bite(g)
		return named(g.DeferralAtLogIn(g.c, &g.order.Session))
	},
	atPlan: func(g *guarded, bite func(*guarded)) (quarantine.Check, string) {
		bite(g)
		leaving, leave := g.admit(g.c, []quarantine.Order{g.order})
		defer leave()
		if e := g.c.Sessions[0]; len(leaving) == 0 {
			return e.DeferredBy, e.Reason
		}
		return "", ""
	},
	atSend: func(g *guarded, bite func(*guarded)) (quarantine.Check, string) {
		bite(g)
		return g.send()
	},
	atJournaled: func(g *guarded, bite func(*guarded)) (quarantine.Check, string) {
		g.journal.onSent = func() { bite(g) }
		return g.send()
	},
	atRepeat: func(g *guarded, bite func(*guarded)) (quarantine.Check, string) {
		bite(g)
		var d *quarantine.Deferral
		if err := (&gate{engine: g.Engine, c: g.c, order: &g.order}).BeforeRepeat(); err != nil && !errors.As(err, &d) {
			g.t.Error(err)
		}
		return named(d)
	},
}

// send executes the order, and returns what deferred it.
func (g *guarded) send() (quarantine.Check, string) {
	restrictions := func() (n int) { // not the release that a pending command has the engine send meanwhile
		for _, o := range g.network.Sent() {
			if o.Restricts() {
				n++
			}
		}
		return n
	}
	before := restrictions()
	out := g.execute(g.t.Context(), g.c, g.order)
	if left := restrictions() > before; left != (out.Kind == quarantine.OutcomeAcked) {
		g.t.Errorf("left: %v; outcome %+v", left, out)
	}
	if out.Kind == quarantine.OutcomeAcked {
		return "", ""
	}
	return out.DeferredBy, out.Reason
}

func named(d *quarantine.Deferral) (quarantine.Check, string) {
	if d == nil {
		return "", ""
	}
	return d.By, d.Reason
}

// pattern is what a reason of the list matches.
func pattern(reason string) *regexp.Regexp {
	alternatives := strings.Split(reason, ", or: ")
	for i, a := range alternatives {
		alternatives[i] = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(regexp.QuoteMeta(a), ".+")
	}
	return regexp.MustCompile("^(" + strings.Join(alternatives, "|") + ")$")
}

func TestEachCheckBitesAtEachOfItsStages(t *testing.T) {
	for _, k := range checks {
		bite := bites[k.name]
		if bite == nil {
			t.Errorf("no test makes check %s bite", k.name)
			continue
		}
		for _, n := range stageNames {
			if k.stages&n.stage == 0 {
				continue
			}
			t.Run(string(k.name)+" at "+n.name, func(t *testing.T) {
				inGuarded(t, func(t *testing.T, g *guarded) {
					if by, reason := reach[n.stage](g, bite); by != k.name || !pattern(k.reason).MatchString(reason) {
						t.Errorf("deferred by %q: %q; want %s: %s", by, reason, k.name, k.reason)
					}
				})
			})
		}
	}
}

func TestWithoutACheckThatBitesARestrictionPassesEveryStage(t *testing.T) {
	for _, n := range stageNames {
		t.Run(n.name, func(t *testing.T) {
			inGuarded(t, func(t *testing.T, g *guarded) {
				if by, reason := reach[n.stage](g, func(*guarded) {}); by != "" {
					t.Errorf("deferred by %s: %s", by, reason)
				}
			})
		})
	}
}

// Of several checks that bite the first of the list is shown.
func TestTheFirstCheckOfTheListIsShown(t *testing.T) {
	for _, n := range stageNames {
		t.Run(n.name, func(t *testing.T) {
			var left []check
			for _, k := range checks {
				if k.stages&n.stage != 0 {
					left = append(left, k)
				}
			}
			for first := range left {
				inGuarded(t, func(t *testing.T, g *guarded) {
					by, _ := reach[n.stage](g, func(g *guarded) {
						for _, k := range slices.Backward(left[first:]) {
							bites[k.name](g)
						}
					})
					if by != left[first].name {
						t.Errorf("deferred by %s, want %s", by, left[first].name)
					}
				})
			}
		})
	}
}

// A journal that does not take the datagram defers it too.
func TestARestrictionThatTheJournalDoesNotTakeIsDeferred(t *testing.T) {
	inGuarded(t, func(t *testing.T, g *guarded) {
		by, reason := reach[atSend](g, func(g *guarded) { g.log.Refuse(true) })
		if by != quarantine.CheckJournal || !strings.HasPrefix(reason, "the journal cannot be written: ") {
			t.Errorf("deferred by %q: %q", by, reason)
		}
	})
}

// A case shows what deferred it last, until it goes on.
func TestACaseShowsTheCheckThatDefersItUntilItGoesOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.pause.Store("link cut")
		_, address := w.login("alice")
		time.Sleep(3 * time.Second)
		w.accept(e, botnet(address))
		time.Sleep(5 * time.Second)
		if one := w.openCase("alice").Sessions[0]; one.DeferredBy != quarantine.CheckPaused || one.Reason != "restricting is paused: link cut" {
			t.Errorf("deferred by %q: %q", one.DeferredBy, one.Reason)
		}
		w.pause.Store("")
		time.Sleep(10 * time.Second)
		if one := w.openCase("alice").Sessions[0]; one.DeferredBy != "" || one.Enforcement != quarantine.Acked {
			t.Errorf("it went on, and shows %q; %s", one.DeferredBy, one.Enforcement)
		}
	})
}
