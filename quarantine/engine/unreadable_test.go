package engine

import (
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
)

func TestWhatStoodInAnUnreadableSpoolThatWasRemovedStaysInDoubt(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		var dir atomic.Value
		dir.Store("/journal/spool.damaged-1")
		p.toB.kill(p.b)
		p.toB.cut.Store(false)
		p.handOver() // into the spool that cannot be read
		p.startB(func(c *Config) { c.Unreadable = func() string { text, _ := dir.Load().(string); return text } })
		time.Sleep(time.Minute)
		dir.Store("")
		p.spool.stuck.Store(nil)
		time.Sleep(3 * time.Minute)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(10 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictPending, "instance cordon-b answered accounting", "no later record confirms the holder")
		p.renew(p.alice, "alice")
		time.Sleep(time.Minute)
		p.wantVerdict(p.a, id, quarantine.VerdictActed, "")
	})
}
