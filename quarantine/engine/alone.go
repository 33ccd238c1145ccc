package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How often the others are asked whether they are cut off too, how long one may
// take to answer, and how long its answer counts.
const (
	askOthersEvery = 10 * time.Second
	askTimeout     = 3 * time.Second
	answerCounts   = 25 * time.Second
)

// cutOffs is which other instances have said that they are cut off too.
type cutOffs struct {
	mu   sync.Mutex // guards what follows
	said map[string]instant
}

func (c *cutOffs) note(id string, asked instant, cutOff bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !cutOff {
		delete(c.said, id)
		return
	}
	c.said[id] = asked
}

func (c *cutOffs) of(id string) (asked instant, said bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked, said = c.said[id]
	return asked, said
}

var (
	errNeverAlone = errors.New("alone_for is 0: accounting that the store does not take is not answered")
	errNotKnown   = errors.New("this instance and the others do not know of each other yet: it has not reached the store since it was set up, or since it left")
)

// Alone says why this instance may not answer accounting that the store does not
// take, nil if it may. The others wait for what a silent instance answered, but
// not for ever: an instance that has been cut off for AloneFor stops, unless it is
// the only one or all others say that they are cut off too.
func (e *Engine) Alone() error {
	silence, known := e.heartbeat.silence()
	aloneFor := min(e.AloneFor, e.heartbeat.waitedFor()) // a longer one counts once the others know it
	switch {
	case e.AloneFor == 0:
		return errNeverAlone
	case !known || aloneFor == 0 || !e.Acquainted() && !e.heartbeat.ranBefore():
		return errNotKnown
	case silence <= aloneFor:
		return nil
	}
	for _, i := range e.instances.awaitable() {
		asked, said := e.cutOffs.of(i.ID)
		if !said || e.heartbeat.since(asked) > answerCounts {
			return fmt.Errorf("cut off from the store for %s, longer than alone_for (%s), and instance %s does not say that it is cut off too",
				quarantine.FormatDuration(silence.Truncate(time.Second)), quarantine.FormatDuration(aloneFor), i.Label())
		}
	}
	return nil
}

// Acquainted reports whether, since the start, the others could see this instance
// and it has asked for them afterwards.
func (e *Engine) Acquainted() bool { return e.instances.met.Load() }

// CutOff returns for how long the store has taken no word of this instance, if
// that is long enough for the others to miss it; else 0. Who is asked by another
// instance says so.
func (e *Engine) CutOff() time.Duration {
	silence, known := e.heartbeat.silence()
	if known && silence <= quarantine.InstanceSilentAfter {
		return 0
	}
	return silence
}

// awaitable returns the other instances to which accounting comes.
func (s *instances) awaitable() (others []quarantine.Instance) {
	for _, i := range s.remembered() {
		if i.Accounting && i.Departure == nil {
			others = append(others, i)
		}
	}
	return others
}

// AnswersAlone reports whether accounting comes to this instance and it answers what
// the store does not take. Who is asked by another instance says so.
func (e *Engine) AnswersAlone() bool {
	return e.Listens && e.CutOff() > 0 && e.Alone() == nil
}

// askOthers asks others until ctx ends: while this instance is cut off, whether they
// are too, to go on then; else those that are silent, or were declared lost, whether
// they answer accounting all the same.
func (e *Engine) askOthers(ctx context.Context) {
	for sleep(ctx, askOthersEvery) {
		ask, others := e.askOther, e.instances.awaitable()
		if e.CutOff() == 0 {
			read := e.instances.last()
			ask, others = e.listen, read.unheard()
		}
		var asking sync.WaitGroup
		for _, i := range others {
			asking.Go(func() { ask(ctx, i) })
		}
		asking.Wait()
	}
}

func (e *Engine) askOther(ctx context.Context, i quarantine.Instance) {
	if e.AskCutOff == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	asked := e.heartbeat.instant()
	e.cutOffs.note(i.ID, asked, e.AskCutOff(ctx, i))
}

// saysAlone asks one other whether it answers what the store does not take.
func (e *Engine) saysAlone(ctx context.Context, i quarantine.Instance) bool {
	if e.AskAlone == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return e.AskAlone(ctx, i)
}

// listen notes for all that an instance which does not speak is there and answers
// accounting.
func (e *Engine) listen(ctx context.Context, i quarantine.Instance) {
	if !e.saysAlone(ctx, i) {
		return
	}
	if err := e.Store.MarkReachable(ctx, i.ID); err != nil {
		return // the publisher says that the store is away
	}
	if i.Departure != nil {
		e.Logger.Warn("an instance that was declared lost answers accounting, cut off from the store; it is waited for again",
			zap.String("instance", i.Label()), zap.String("id", i.ID), zap.String("http", i.HTTP))
	}
}

// unheard returns the others that must not be there any more: those that were
// declared lost, and those that are silent and should have stopped answering alone
// by now. They may be there all the same: who knows of nobody that waits for it goes
// on.
func (v *snapshot) unheard() (silent []quarantine.Instance) {
	for _, i := range v.others {
		over := i.Silent(v.now, v.silenceFrom()) && v.now.After(i.AloneUntil().Add(-quarantine.LostBefore))
		if i.Accounting && i.Hides() && (over || i.Departure != nil) {
			silent = append(silent, i)
		}
	}
	return silent
}
