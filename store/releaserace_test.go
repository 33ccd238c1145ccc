package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"

	"github.com/redis/go-redis/v9"
)

// interleave does something once, right before a client reads a case record.
type interleave struct {
	armed atomic.Bool
	do    func()
}

func (h *interleave) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (h *interleave) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "hmget" && strings.Contains(fmt.Sprint(cmd.Args()...), ":case:") && h.armed.CompareAndSwap(true, false) {
			h.do()
		}
		return next(ctx, cmd)
	}
}

func (h *interleave) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Another instance takes a person's release between the two reads of a dossier.
func TestAReleaseBetweenTheReadsOfADossierIsNotMissed(t *testing.T) {
	r := storetest.StartRedis(t, "--appendfsync", "no")
	a, b := openStore(t, r), openStore(t, r)
	rules := &quarantine.Rulebook{
		Policy: quarantine.Policy{Mode: quarantine.ModeEnforce, Rules: []quarantine.Rule{{
			Name: "bots", Match: quarantine.Match{Category: []string{"botnet"}}, Profile: "garden", For: quarantine.Duration(72 * time.Hour),
		}}},
		Profiles: map[string]quarantine.Profile{"garden": {Name: "garden", Severity: 20}}, MaxSessions: 4, MaxAge: 168 * time.Hour,
	}
	mustSave(t, a, &quarantine.Case{
		ID: "c-1", Subscriber: "alice", State: quarantine.Waiting, Profile: "garden", OpenedAt: noon.Add(-time.Hour),
		ExpiresAt: noon.Add(72 * time.Hour),
		Mode:      quarantine.ModeEnforce, Rule: "bots",
	})
	hook := &interleave{do: func() {
		d, err := b.Dossier(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Case.ReleaseBy("noc", "cleaned", quarantine.ReleaseCleaned, noon, noon); err != nil {
			t.Fatal(err)
		}
		if err := b.SaveCase(t.Context(), quarantine.CaseWrite{Case: d.Case, Now: noon}); err != nil {
			t.Fatal(err)
		}
	}}
	hook.armed.Store(true)
	a.client.AddHook(hook)
	v := quarantine.Verdict{Source: "ids", ObservedAt: noon.Add(-10 * time.Minute), IP: netip.MustParseAddr("198.51.100.7"),
		Category: "botnet"}
	v.Identify()
	decide := func() (quarantine.Decision, error) {
		d, err := a.Dossier(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		decision := rules.Decide(v, "alice", quarantine.Situation{Dossier: d}, "c-2", noon)
		if decision.Case == nil {
			return decision, nil
		}
		return decision, a.SaveCase(t.Context(), quarantine.CaseWrite{
			Case: decision.Case, DueAt: noon, Reserve: decision.Reserve, Verdict: &decision.Status, Now: noon, Released: d.ReleasedAt(),
		})
	}
	if d, err := decide(); !errors.Is(err, quarantine.ErrConflict) {
		t.Fatalf("decided as if nobody had released her: %s of %v, %v", d.Status.State, d.Case, err)
	}
	if d, err := decide(); err != nil || d.Case != nil || d.Status.State != quarantine.VerdictRecorded {
		t.Fatalf("decided again: %+v, %v", d, err)
	}
}
