package engine

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How often an instance publishes its heartbeat, and after how long without one that arrived
// the next says that the instance was cut off: earlier than the instance would answer so when
// asked (quarantine.InstanceSilentAfter).
const (
	publishEvery = 500 * time.Millisecond
	resumesAfter = 10 * time.Second
	leaveTimeout = 3 * time.Second // for the store, at a clean end
)

// heartbeat is when this instance's last heartbeat reached the store. The longer time of two
// clocks counts: uptime stands still on some systems while the machine is suspended, and the
// wall clock can be set back.
type heartbeat struct {
	now    func() time.Time
	uptime func() time.Duration

	mu           sync.Mutex // guards what follows
	last         instant    // before the call that succeeded
	known        bool       // last is set
	lastComplete time.Time  // Instance.Complete of that heartbeat
	thisProcess  bool       // it was in this process, not before a restart
	ranEarlier   bool       // an earlier run was published, and knew its peers
	left         bool       // it departed cleanly, and was not published since: no peer waits for it
	// aloneFor is the AloneFor of the last heartbeat: one that is configured meanwhile counts
	// once the peers know it.
	aloneFor time.Duration
	resumed  time.Time // by the store's clock: the first heartbeat after the start or after being cut off
}

// instant is one moment on both clocks.
type instant struct {
	wall   time.Time
	uptime time.Duration
}

func (h *heartbeat) instant() instant { return instant{h.now().Round(0), h.uptime()} }

// since returns the time since a moment.
func (h *heartbeat) since(t instant) time.Duration {
	now := h.instant()
	return max(now.wall.Sub(t.wall), now.uptime-t.uptime)
}

// sinceLast returns the time since the last heartbeat that reached the store; false: none ever
// did, as far as this instance knows.
func (h *heartbeat) sinceLast() (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.since(h.last), h.known
}

// ranBefore reports whether the journal has a heartbeat of an earlier run.
func (h *heartbeat) ranBefore() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ranEarlier
}

// publishing returns since when heartbeats have reached the store without a break.
func (h *heartbeat) publishing() (resumed time.Time, ok bool) {
	silence, _ := h.sinceLast()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.resumed, h.thisProcess && silence <= resumesAfter
}

// grantedAloneFor returns for how long after its last heartbeat the peers wait for what this
// instance answers alone; 0: not at all.
func (h *heartbeat) grantedAloneFor() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left {
		return 0
	}
	return h.aloneFor
}

// replay notes the last heartbeat of an earlier run. The uptime of that run is unknown, so the
// time since the start counts beside the wall clock.
func (h *heartbeat) replay(own *quarantine.Instance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last, h.known, h.ranEarlier = instant{own.SpokeAt.Round(0), h.uptime()}, true, true
	h.aloneFor, h.left = own.AloneFor, own.Departure != nil
}

// complete is this instance's watermark as it was published last.
func (h *heartbeat) complete() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lastComplete
}

// acked notes that the heartbeat sent at a moment reached the store.
func (h *heartbeat) acked(sent instant, own *quarantine.Instance, returning bool, storeNow time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if returning || storeNow.Before(h.resumed) { // or its clock was set back
		h.resumed = storeNow
	}
	h.last, h.known, h.thisProcess, h.lastComplete = sent, true, true, own.Complete
	h.aloneFor, h.left = own.AloneFor, false
}

// hasLeft reports whether this instance departed and was not published since.
func (h *heartbeat) hasLeft() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.left
}

// markLeft notes that this instance departs.
func (h *heartbeat) markLeft() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left = true
}

// publish publishes this instance and its watermark until ctx ends; then it departs, if there
// is nothing that peers had to wait for.
func (e *Engine) publish(ctx context.Context) {
	for {
		if err := e.publishOnce(ctx); err != nil && ctx.Err() == nil {
			e.limited.log(zap.WarnLevel, "heartbeat does not reach the store: other instances count this one as silent", zap.Error(err))
		}
		if !sleep(ctx, publishEvery) {
			e.depart(ctx)
			return
		}
	}
}

// PublishOnce publishes this instance once, as Run does twice a second.
func (e *Engine) PublishOnce(ctx context.Context) error { return e.publishOnce(ctx) }

// publishOnce publishes this instance once, and before that what the store may have lost of
// what it acknowledged to this instance: peers attribute addresses by this watermark. While that
// cannot be asked, or lost commands are not repeated yet, the watermark stays. A heartbeat that
// does not say that this instance was cut off arrives before the instance would answer that it
// is, or not at all.
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

// ownInstance is what this instance publishes of itself.
func (e *Engine) ownInstance() quarantine.Instance {
	complete, unworked := e.complete() // first: what arrives after that is later
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

// complete returns the watermark, the moment to which all accounting that has reached this
// instance is stored, and whether any is not. The clock is read first.
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

// endsUndeparted begins the log messages about a departure that failed.
const endsUndeparted = "this instance ends without departing, and the others wait for it until it is started again"

// depart marks this instance as departed at the end, once everything that reached it is stored;
// else its peers wait for it. The journal has the departure before the peers: an instance that is
// started again and is cut off then knows that no peer waits for what it answers. So it does not
// depart while the store is unreachable.
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
			e.Logger.Warn(endsUndeparted+": accounting is not stored, or the store is unreachable",
				zap.Int("records", e.Waiting()), zap.Error(err))
			return
		}
	}
	if _, err := e.gaps.now(ctx); err != nil { // it would be published no more
		e.Logger.Warn(endsUndeparted+": what the store may have lost could not be published", zap.Error(err))
		return
	}
	e.heartbeat.markLeft()
	if !e.journalOwn(ctx) {
		e.Logger.Warn(endsUndeparted + ": journal write failed")
		return
	}
	if _, err := e.Store.DepartInstance(ctx, e.Holder, quarantine.Departure{Kind: quarantine.InstanceLeft}); err != nil {
		e.Logger.Warn(endsUndeparted+": the registry could not be written", zap.Error(err))
	}
}
