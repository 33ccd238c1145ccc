package engine

import (
	"errors"
	"testing"
	"time"
)

func TestADepartedInstanceAnswersNothingAloneUntilItIsPublishedAgain(t *testing.T) {
	inPair(t, func(t *testing.T, p *pair) {
		p.b.stop()
		p.toB.cut.Store(true)
		p.startB()
		time.Sleep(time.Minute)
		if err := p.b.Alone(); !errors.Is(err, errNotKnown) {
			t.Errorf("cut off since its start, and the others know that it left: %v", err)
		}
		p.toB.cut.Store(false)
		time.Sleep(time.Second)
		wantAlone(t, "once it has spoken", p.b, "")
		p.toB.kill(p.b)
		p.startB()
		wantAlone(t, "after a crash", p.b, "")
	})
}

func TestALongerAloneForCountsOnceTheOthersKnowIt(t *testing.T) {
	for name, before := range map[string]func(*Config){
		"longer":           func(*Config) {},
		"no spool before":  noSpool,
		"nothing to count": func(c *Config) { c.Listens = false },
	} {
		t.Run(name, func(t *testing.T) {
			inPair(t, func(t *testing.T, p *pair) {
				p.b.stop()
				p.startB(before)
				time.Sleep(2 * time.Minute)
				p.toB.kill(p.b)
				p.startB(func(c *Config) { c.AloneFor = 4 * time.Hour })
				time.Sleep(aloneFor + time.Minute)
				if err := p.b.Alone(); err == nil {
					t.Error("it answers what the others do not wait for")
				}
				p.toB.cut.Store(false)
				time.Sleep(time.Second)
				p.toB.cut.Store(true)
				time.Sleep(aloneFor + time.Minute)
				wantAlone(t, "once they know it", p.b, "")
			})
		})
	}
}
