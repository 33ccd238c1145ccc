package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
	"cordon/store/storetest"
)

func TestOnSentinelCordonGoesOnAfterTheMasterIsKilled(t *testing.T) {
	t.Parallel()
	sentinel := storetest.StartSentinel(t)
	b := newBed(t, func(s *site) { s.redis, s.master = strings.Join(sentinel.Addrs(), " "), sentinel.Name })
	b.online("alice", "198.51.100.7")
	b.account(record{user: "carol", session: "s-carol", ip: "198.51.100.9", ago: time.Hour})
	b.report("198.51.100.7")
	kept := b.stands("alice", "restricted", "bng1/s-alice acked")
	sentinel.AwaitReplicas(2)

	master := sentinel.Master()
	master.Kill()
	sentinel.AwaitFailover(master)
	within(t, soon, "the failover is logged", func() (string, bool) {
		return b.output(), strings.Contains(b.output(), "may have lost accounting")
	})
	if c := b.stands("alice", "restricted", "bng1/s-alice acked"); c.ID != kept.ID {
		t.Errorf("the case of alice was %s and is %s", kept.ID, c.ID)
	}

	// Carol's Stop and somebody's Start may have been lost: she is not blamed
	// before a record confirms her.
	id := b.report("198.51.100.9")
	within(t, soon, "the verdict is in doubt", func() (string, bool) {
		v, answer, _ := look[wire.VerdictStatus](b.instance, "/verdicts/"+id, nil)
		return answer, v.State == "pending" && strings.Contains(v.Reason, "failed over")
	})
	b.bng.nothingAbout("carol")
	b.account(record{status: "Interim-Update", user: "carol", session: "s-carol", ip: "198.51.100.9"})
	b.stands("carol", "restricted", "bng1/s-carol acked")
	b.verdict(id, "acted")
	b.bng.expect("carol", coaRequest("carol", "s-carol", "GARDEN"))

	b.ok("quarantine", "release", kept.ID, "--reason", "cleaned")
	b.stands("alice", "closed")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET"))
}

func TestOnAClusterCordonGoesOnWhileSlotsMove(t *testing.T) {
	t.Parallel()
	cluster := storetest.StartCluster(t)
	b := newBed(t, func(s *site) { s.redis = strings.Join(cluster.Addrs(), " ") })
	b.online("alice", "198.51.100.7")
	b.report("198.51.100.7")
	kept := b.stands("alice", "restricted", "bng1/s-alice acked")

	var slots []int
	for _, key := range []string{"{c}:open", "lengths", "s:bng1:s-alice", "u:alice", "b:198.51.100.0/32", "down:bng1"} {
		slots = append(slots, cluster.SlotOf("cordon:"+key))
	}
	stop, moved := make(chan struct{}), make(chan int, 1)
	go func() { moved <- moveSlots(t, cluster, slots, stop) }() // ends when stop is closed
	users := []string{"bob", "carol", "dave", "erin", "frank"}
	for i, user := range users {
		ip := "198.51.100." + string(rune('1'+i)) + "0"
		b.online(user, ip)
		b.report(ip)
		b.stands(user, "restricted", "bng1/s-"+user+" acked")
	}
	b.ok("quarantine", "release", kept.ID, "--reason", "cleaned")
	b.stands("alice", "closed")
	close(stop)
	if n := <-moved; n < 10 {
		t.Errorf("only %d slots were moved meanwhile", n)
	}
	for _, user := range users {
		b.bng.expect(user, coaRequest(user, "s-"+user, "GARDEN"))
	}
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET"))
	if strings.Contains(b.output(), "may have lost accounting") {
		t.Error("moved slots were taken for a failover")
	}
}

// moveSlots moves slots from master to master until stop is
// closed, and returns how many it moved.
func moveSlots(t *testing.T, cluster *storetest.Cluster, slots []int, stop <-chan struct{}) int {
	for moved := 0; ; moved++ {
		select {
		case <-stop:
			return moved
		case <-time.After(50 * time.Millisecond):
			if err := cluster.MoveSlot(slots[rand.IntN(len(slots))], rand.IntN(3)); err != nil {
				t.Error(err)
				return moved
			}
		}
	}
}
