package bng

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pacer admits requests to one BNG: so many a second, so many unanswered at a
// time, and releases before everything else.
type pacer struct {
	limiter *rate.Limiter
	share   func(now time.Time) float64 // of the rate, for restrictions: above 0, at most 1

	mu               sync.Mutex // guards what follows
	most             int        // in flight
	confined         int        // in flight while the path is unresponsive; 0: it is not
	inFlight         int
	releaseQueue     []chan struct{} // waiting releases, oldest first
	restrictionQueue []chan struct{} // waiting restrictions, oldest first
	timer            *time.Timer     // runs while somebody waits for the rate
	due              time.Time       // of timer

	restrictions *rate.Limiter
}

// errQueueTimeout says that the BNG's queue is too long to wait for.
var errQueueTimeout = errors.New("too many requests wait for this BNG")

func newPacer(perSecond float64, inFlight int) *pacer {
	return &pacer{
		limiter: rate.NewLimiter(rate.Limit(perSecond), burstOf(perSecond)), most: inFlight,
		restrictions: rate.NewLimiter(rate.Limit(perSecond), burstOf(perSecond)), share: func(time.Time) float64 { return 1 },
	}
}

func burstOf(perSecond float64) int { return max(1, int(math.Ceil(perSecond))) }

// acquire waits for a place; call leave when the request is answered or given up.
func (p *pacer) acquire(ctx context.Context, urgent bool, most time.Duration) (leave func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, most, errQueueTimeout)
	defer cancel()
	place := make(chan struct{})
	p.mu.Lock()
	if urgent {
		p.releaseQueue = append(p.releaseQueue, place)
	} else {
		p.restrictionQueue = append(p.restrictionQueue, place)
	}
	p.admit()
	p.mu.Unlock()
	select {
	case <-place:
		return p.release, nil
	case <-ctx.Done():
		p.abandon(place)
		return nil, context.Cause(ctx)
	}
}

func (p *pacer) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	p.admit()
}

// abandon takes a waiter out, or gives its place back if it just got one.
func (p *pacer) abandon(place chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, queue := range []*[]chan struct{}{&p.releaseQueue, &p.restrictionQueue} {
		for i, waiting := range *queue {
			if waiting == place {
				*queue = append((*queue)[:i], (*queue)[i+1:]...)
				return
			}
		}
	}
	p.inFlight--
	p.admit()
}

// admit lets in whom the rate and the window allow. p.mu is held.
func (p *pacer) admit() {
	for p.inFlight < p.window() && len(p.releaseQueue)+len(p.restrictionQueue) > 0 {
		queue := &p.releaseQueue
		if len(*queue) == 0 {
			queue = &p.restrictionQueue
		}
		if wait := p.turn(queue == &p.restrictionQueue); wait > 0 {
			p.wakeAfter(wait)
			return
		}
		close((*queue)[0])
		*queue = (*queue)[1:]
		p.inFlight++
	}
}

// window is how many may be in flight. p.mu is held.
func (p *pacer) window() int {
	if p.confined > 0 {
		return min(p.confined, p.most)
	}
	return p.most
}

// confine lets at most so many be in flight from now on; 0: as many as ever.
func (p *pacer) confine(most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.confined = most
	p.admit()
}

// status returns what people are shown; restrictions is how many may leave a
// second.
func (p *pacer) status() (inFlight, releases, waiting int, restrictions float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inFlight, len(p.releaseQueue), len(p.restrictionQueue), float64(p.limiter.Limit()) * p.share(time.Now())
}

// turn takes what the rate has for the next one in line, or says how long until
// it has. p.mu is held.
func (p *pacer) turn(restriction bool) (wait time.Duration) {
	if restriction {
		p.slow()
		if short := 1 - p.restrictions.Tokens(); short > 0 {
			return max(shortestWait, time.Duration(short/float64(p.restrictions.Limit())*float64(time.Second)))
		}
	}
	turn := p.limiter.Reserve()
	if wait = turn.Delay(); wait > 0 {
		turn.Cancel()
		return wait
	}
	if restriction {
		p.restrictions.Allow()
	}
	return 0
}

// slow sets the rate of restrictions to what is left to them now. p.mu is held.
func (p *pacer) slow() {
	share := p.share(time.Now())
	if limit := p.limiter.Limit() * rate.Limit(share); limit != p.restrictions.Limit() {
		p.restrictions.SetLimit(limit)
		p.restrictions.SetBurst(burstOf(float64(limit)))
	}
}

// longestWait is how long it takes until a share that has changed is noticed.
const longestWait = time.Second

// shortestWait keeps what is rounded away from passing for no wait at all.
const shortestWait = 100 * time.Microsecond

// wakeAfter admits again after that time, or sooner. p.mu is held.
func (p *pacer) wakeAfter(wait time.Duration) {
	wait = min(wait, longestWait)
	due := time.Now().Add(wait)
	if p.timer != nil && !due.Before(p.due) {
		return
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	p.due = due
	p.timer = time.AfterFunc(wait, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.timer = nil
		p.admit()
	})
}
