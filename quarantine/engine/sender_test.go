package engine

import (
	"context"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// timed reports when each restriction ended.
type timed struct {
	*quarantinetest.Network
	ended chan time.Time
}

func (n timed) Enforce(ctx context.Context, o quarantine.Order, gate quarantine.Gate) quarantine.Outcome {
	out := n.Network.Enforce(ctx, o, gate)
	if o.Restricts() {
		n.ended <- time.Now()
	}
	return out
}

// Its retransmissions would meet those of whoever is the sender then.
func TestARestrictionInFlightEndsBeforeTheLeaseDoes(t *testing.T) {
	for name, lose := range map[string]func(*world, *running){
		"the store is away": func(w *world, _ *running) { w.memory.SetUnavailable(true) },
		"another takes the lock": func(w *world, e *running) {
			_ = w.memory.Resign(w.t.Context(), "a")
			_, _, _ = w.memory.Campaign(w.t.Context(), "b", time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.network.SetResponse(func(quarantine.Order) quarantinetest.Response {
					return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true, After: time.Minute}
				})
				ended := make(chan time.Time, 8)
				e := w.startWith(w.memory, "a", func(c *Config) { c.Enforcer = timed{w.network, ended} })
				_, address := w.login("alice")
				time.Sleep(3 * time.Second)
				w.accept(e, botnet(address))
				time.Sleep(25 * time.Second) // it is renewed all the while
				if len(ended) > 0 {
					t.Fatal("it ended although the lease was held")
				}
				lost := time.Now()
				lose(w, e)
				time.Sleep(30 * time.Second)
				select {
				case at := <-ended:
					if at.Sub(lost) > leaseTTL-leaseMargin {
						t.Errorf("it ended %s after the lease was renewed last", at.Sub(lost))
					}
				default:
					t.Error("it goes on")
				}
			})
		})
	}
}
