package engine

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How often an instance says that it is there, and after how long without a word
// that arrived its next one says that it was cut off: earlier than it would
// say so to anybody who asks (quarantine.InstanceSilentAfter).
const (
	publishEvery = 500 * time.Millisecond
	resumesAfter = 10 * time.Second
	leaveTimeout = 3 * time.Second // what a clean end may wait for the store
)

// heartbeat is when the store took this instance's last word. Two clocks count,
// the longer time of both: uptime stands still on some systems while the machine is suspended, and
// the wall clock can be set back.
type heartbeat struct {
	now    func() time.Time
	uptime func() time.Duration

	mu           sync.Mutex // guards what follows
	last         instant    // before the call that succeeded
	known        bool       // spoke is set
	lastComplete time.Time  // Instance.Complete of that word
	thisProcess  bool       // in this process, and not before a restart
	ranEarlier   bool       // an earlier run spoke, and knew the others
	left         bool       // it left in good order, and has not spoken since: nobody waits for it
	// aloneFor is the AloneFor that the store took with the last word: another one that
	// is configured meanwhile counts once the others know it.
	aloneFor time.Duration
	resumed  time.Time // by the store's clock: the first word after the start or after being cut off
}

// instant is one moment on both clocks.
type instant struct {
	wall   time.Time
	uptime time.Duration
}

func (h *heartbeat) instant() instant { return instant{h.now().Round(0), h.uptime()} }

// since is how long ago a moment is.
func (h *heartbeat) since(t instant) time.Duration {
	now := h.instant()
	return max(now.wall.Sub(t.wall), now.uptime-t.uptime)
}

// sinceLast is for how long no word of ours has got into the store; false: none
// ever has, as far as this instance knows.
func (h *heartbeat) sinceLast() (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.since(h.last), h.known
}

// ranBefore reports whether the journal knows that an earlier run spoke.
func (h *heartbeat) ranBefore() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ranEarlier
}

// publishing returns since when words get in without a break.
func (h *heartbeat) publishing() (resumed time.Time, ok bool) {
	silence, _ := h.sinceLast()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.resumed, h.thisProcess && silence <= resumesAfter
}

// grantedAloneFor returns for how long after its last word the others wait for what this
// instance answers alone; 0: not at all.
func (h *heartbeat) grantedAloneFor() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left {
		return 0
	}
	return h.aloneFor
}

// replay learns from the journal what an earlier run said last. The uptime of that
// run is over, so time since the start counts beside the wall clock.
func (h *heartbeat) replay(said *quarantine.Instance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last, h.known, h.ranEarlier = instant{said.SpokeAt.Round(0), h.uptime()}, true, true
	h.aloneFor, h.left = said.AloneFor, said.Departure != nil
}

// complete is how far this instance has said that its accounting is stored.
func (h *heartbeat) complete() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lastComplete
}

// acked notes that the store took a word that was sent at a moment.
func (h *heartbeat) acked(sent instant, word *quarantine.Instance, returning bool, storeNow time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if returning || storeNow.Before(h.resumed) { // or its clock was set back
		h.resumed = storeNow
	}
	h.last, h.known, h.thisProcess, h.lastComplete = sent, true, true, word.Complete
	h.aloneFor, h.left = word.AloneFor, false
}

// hasLeft reports whether this instance left and has not spoken since.
func (h *heartbeat) hasLeft() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.left
}

// markLeft notes that this instance leaves.
func (h *heartbeat) markLeft() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left = true
}

// publish says that this instance is there, and how far accounting is stored,
// until ctx ends; then it leaves, if there is nothing that others had to wait for.
func (e *Engine) publish(ctx context.Context) {
	for {
		if err := e.publishOnce(ctx); err != nil && ctx.Err() == nil {
			e.limited.log(zap.WarnLevel, "heartbeat does not reach the store: other instances cannot see this one", zap.Error(err))
		}
		if !sleep(ctx, publishEvery) {
			e.depart(ctx)
			return
		}
	}
}

// PublishOnce publishes this instance once, as Run does twice a second.
func (e *Engine) PublishOnce(ctx context.Context) error { return e.publishOnce(ctx) }

// publishOnce publishes this instance once, and before that what the store may have
// lost of what it acknowledged to this instance: others judge moments by how far
// this one says that it is. While that cannot be asked, or commands that were lost are
// not repeated, it is no further than before. A word that does not say that this instance returns gets in before it
// tells anybody that it is cut off, or not at all.
func (e *Engine) publishOnce(ctx context.Context) error {
	sent := e.heartbeat.instant()
	self := e.ownInstance()
	if gaps, err := e.gaps.now(ctx); err != nil || !e.recommit(ctx, gaps) {
		self.Complete = e.heartbeat.complete()
	}
	_, publishing := e.heartbeat.publishing()
	if publishing {
		silence, _ := e.heartbeat.sinceLast()
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, quarantine.InstanceSilentAfter-silence)
		defer cancel()
	}
	now, err := e.Store.PublishInstance(ctx, self, !publishing, e.keepDeparted())
	if err == nil {
		e.heartbeat.acked(sent, &self, !publishing, now)
	}
	return err
}

// ownInstance is what this instance says of itself.
func (e *Engine) ownInstance() quarantine.Instance {
	complete, unworked := e.complete() // first: what arrives after that is later news
	i := quarantine.Instance{
		ID: e.Holder, Name: e.Instance, HTTP: e.HTTPAddr(), Accounting: e.Listens || unworked, Complete: complete,
		Waiting: e.Waiting(), Unreadable: e.Unreadable(),
	}
	i.Spools = e.Listens && e.AloneFor > 0 || i.Waiting > 0 || i.Unreadable != ""
	if i.Spools {
		i.AloneFor = e.AloneFor
	}
	return i
}

// complete is the moment to which all accounting that has reached this instance
// is stored, and whether any is not. The clock is read first.
func (e *Engine) complete() (moment time.Time, unworked bool) {
	now := e.Now()
	if e.Unworked == nil {
		return now, false
	}
	oldest, some := e.Unworked()
	if some && oldest.Before(now) {
		return oldest, true
	}
	return now, some
}

// depart departs at the end, once everything that reached this instance is
// stored. Else it stays known, and the others wait for it. The log says that it
// leaves before the others learn of it: should it be started again and be cut off,
// nobody waits for what it answers. So it does not say so while the store is away.
func (e *Engine) depart(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	for {
		err := e.publishOnce(ctx)
		_, unworked := e.complete()
		if err == nil && !unworked {
			break
		}
		if err != nil || !sleep(ctx, publishEvery/5) {
			e.Logger.Warn("this instance ends without leaving: accounting is not stored, or the store is away; the others wait for it until it is started again",
				zap.Int("records", e.Waiting()), zap.Error(err))
			return
		}
	}
	if _, err := e.gaps.now(ctx); err != nil { // nobody would publish it afterwards
		e.Logger.Warn("what the store may have lost of this instance's accounting could not be published; the others wait for it until it is started again", zap.Error(err))
		return
	}
	e.heartbeat.markLeft()
	if !e.journalOwn(ctx) {
		e.Logger.Warn("this instance ends without leaving: the log does not take that it leaves; the others wait for it")
		return
	}
	if _, err := e.Store.DepartInstance(ctx, e.Holder, quarantine.Departure{Kind: quarantine.InstanceLeft}); err != nil {
		e.Logger.Warn("the others could not be notified that this instance ends; they wait for it", zap.Error(err))
	}
}
