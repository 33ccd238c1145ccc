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

// How often peers are asked whether they are cut off too, the timeout of a question, and for
// how long an answer is valid.
const (
	askPeersEvery = 10 * time.Second
	askTimeout    = 3 * time.Second
	answerValid   = 25 * time.Second
)

// cutOffPeers is which peers have reported that they are cut off from the store too.
type cutOffPeers struct {
	mu         sync.Mutex // guards what follows
	reportedAt map[string]instant
}

func (c *cutOffPeers) set(id string, asked instant, cutOff bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !cutOff {
		delete(c.reportedAt, id)
		return
	}
	c.reportedAt[id] = asked
}

func (c *cutOffPeers) reported(id string) (asked instant, said bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked, said = c.reportedAt[id]
	return asked, said
}

var (
	errNeverAlone = errors.New("alone_for is 0: accounting that cannot be stored is not answered")
	errNotKnown   = errors.New("unknown to the other instances: this one has not reached the store since it was set up, or since it left")
)

// Alone says why this instance may not answer accounting that the store does not accept;
// nil: it may. Peers wait for what a silent instance answered, but not for ever: an instance
// that has been cut off for AloneFor stops, unless it is the only one or all peers report that
// they are cut off too.
func (e *Engine) Alone() error {
	silence, known := e.heartbeat.sinceLast()
	aloneFor := min(e.AloneFor, e.heartbeat.grantedAloneFor()) // a longer one counts once the peers know it
	switch {
	case e.AloneFor == 0:
		return errNeverAlone
	case !known || aloneFor == 0 || !e.Acquainted() && !e.heartbeat.ranBefore():
		return errNotKnown
	case silence <= aloneFor:
		return nil
	}
	for _, i := range e.peers.awaitable() {
		asked, said := e.cutOffPeers.reported(i.ID)
		if !said || e.heartbeat.since(asked) > answerValid {
			return fmt.Errorf("cut off from the store for %s, longer than alone_for (%s), and instance %s does not report that it is cut off too",
				quarantine.FormatDuration(silence.Truncate(time.Second)), quarantine.FormatDuration(aloneFor), i.Label())
		}
	}
	return nil
}

// Acquainted reports whether, since the start, this instance has published itself and read
// its peers afterwards: each knows of the other.
func (e *Engine) Acquainted() bool { return e.peers.acquainted.Load() }

// CutOff returns for how long no heartbeat of this instance has reached the store, if that is
// long enough for peers to count it as silent; else 0. Peers that ask are answered with it.
func (e *Engine) CutOff() time.Duration {
	silence, known := e.heartbeat.sinceLast()
	if known && silence <= quarantine.InstanceSilentAfter {
		return 0
	}
	return silence
}

// awaitable returns the peers that receive accounting.
func (s *peers) awaitable() (others []quarantine.Instance) {
	for _, i := range s.all() {
		if i.Accounting && i.Departure == nil {
			others = append(others, i)
		}
	}
	return others
}

// AnswersAlone reports whether this instance receives accounting and answers what the store
// does not accept. Peers that ask are answered with it.
func (e *Engine) AnswersAlone() bool {
	return e.Listens && e.CutOff() > 0 && e.Alone() == nil
}

// askPeers asks peers until ctx ends: while this instance is cut off, whether they are too, to
// go on then; else those that are silent, or were declared lost, whether they answer
// accounting all the same.
func (e *Engine) askPeers(ctx context.Context) {
	for sleep(ctx, askPeersEvery) {
		ask, others := e.askPeer, e.peers.awaitable()
		if e.CutOff() == 0 {
			read := e.peers.last()
			ask, others = e.markReachable, read.unresponsive()
		}
		var asking sync.WaitGroup
		for _, i := range others {
			asking.Go(func() { ask(ctx, i) })
		}
		asking.Wait()
	}
}

func (e *Engine) askPeer(ctx context.Context, i quarantine.Instance) {
	if e.AskCutOff == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	asked := e.heartbeat.instant()
	e.cutOffPeers.set(i.ID, asked, e.AskCutOff(ctx, i))
}

// answersAlone asks a peer whether it answers accounting that the store does not accept.
func (e *Engine) answersAlone(ctx context.Context, i quarantine.Instance) bool {
	if e.AskAlone == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return e.AskAlone(ctx, i)
}

// markReachable notes, for all instances, that a peer without a heartbeat runs and answers
// accounting.
func (e *Engine) markReachable(ctx context.Context, i quarantine.Instance) {
	if !e.answersAlone(ctx, i) {
		return
	}
	if err := e.Store.MarkReachable(ctx, i.ID); err != nil {
		return // the publisher logs that the store is unreachable
	}
	if i.Departure != nil {
		e.Logger.Warn("an instance that was declared lost answers accounting while cut off from the store; it is waited for again",
			zap.String("instance", i.Label()), zap.String("id", i.ID), zap.String("http", i.HTTP))
	}
}

// unresponsive returns the peers that should not answer accounting any more: those that were
// declared lost, and those that are silent and past AloneFor. They may all the same: an
// instance that knows of no peer goes on.
func (v *peerView) unresponsive() (silent []quarantine.Instance) {
	for _, i := range v.peers {
		over := i.Silent(v.now, v.silenceFrom()) && v.now.After(i.AloneUntil().Add(-quarantine.LostBefore))
		if i.Accounting && i.Hides() && (over || i.Departure != nil) {
			silent = append(silent, i)
		}
	}
	return silent
}
