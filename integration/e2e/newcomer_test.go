package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

// B, which knows of nobody who has to wait, is cut off and goes on alone; c is new.
func TestANewcomerWaitsForALoneInstanceThatAnswersOn(t *testing.T) {
	t.Parallel()
	p := newPair(t, func(s *site) { s.spool = "{alone_for: 1m}" })
	p.online(1)
	p.end(soon) // a left, and b knows that
	within(t, soon, "b knows that a left", func() (string, bool) {
		page, answer, _ := look[wire.Page[wire.Instance]](p.b, "/instances", nil)
		for _, i := range page.Results {
			if i.Name == "cordon-a" && i.State == "left" {
				return answer, true
			}
		}
		return answer, false
	})
	p.lineB.set(lineRefuses)
	p.moves(1)
	time.Sleep(longOutage)

	s := p.site
	s.name, s.journal, s.redis = "cordon-c", "", p.redis.Addr
	c := newInstance(t, s)
	c.serve()
	first := c.report(lineIP(0))
	names := func(id, what string) {
		t.Helper()
		within(t, soon, "the verdict waits for cordon-b", func() (string, bool) {
			v, answer, _ := look[wire.VerdictStatus](c, "/verdicts/"+id, nil)
			if len(c.cases("")) > 0 {
				t.Fatalf("somebody is blamed: %v", c.cases(""))
			}
			return answer, v.State == "pending" && strings.Contains(v.Reason, what)
		})
	}
	names(first, "waits for accounting of that moment on instance cordon-b")
	names(first, "on instance cordon-b, silent since ")
	within(t, soon, "readiness names the instance", func() (string, bool) {
		_, ready := c.get("/readyz?verbose")
		return ready, strings.Contains(ready, "[-]instances failed (not essential): 1 verdicts wait for instance cordon-b, silent since ")
	})
	refused := c.cli("instance", "forget", "cordon-b", "--reason", "a mistake")
	if refused.code != 1 || !strings.Contains(refused.err, "instance cordon-b runs: at ") {
		t.Error(refused)
	}
	p.lineB.set(lineUp)
	within(t, 2*soon, "bob is named", func() (string, bool) {
		all := c.cases("")
		return fmt.Sprint(all), len(all) == 1 && all[0].Subscriber == "bob0"
	})
	c.verdict(first, "acted")
}
