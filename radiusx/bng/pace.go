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

	mu       sync.Mutex // guards what follows
	most     int        // in flight
	confined int        // in flight while the path is silent; 0: it is not
	inFlight int
	urgent   []chan struct{} // waiting releases, oldest first
	other    []chan struct{} // waiting restrictions, oldest first
	timer    *time.Timer     // runs while somebody waits for the rate
}

// errBusy says that the BNG's queue is too long to wait for.
var errBusy = errors.New("too many requests wait for this BNG")

func newPacer(perSecond float64, inFlight int) *pacer {
	burst := max(1, int(math.Ceil(perSecond)))
	return &pacer{limiter: rate.NewLimiter(rate.Limit(perSecond), burst), most: inFlight}
}

// enter waits for a place; call leave when the request is answered or given up.
func (p *pacer) enter(ctx context.Context, urgent bool, most time.Duration) (leave func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, most, errBusy)
	defer cancel()
	place := make(chan struct{})
	p.mu.Lock()
	if urgent {
		p.urgent = append(p.urgent, place)
	} else {
		p.other = append(p.other, place)
	}
	p.admit()
	p.mu.Unlock()
	select {
	case <-place:
		return p.leave, nil
	case <-ctx.Done():
		p.abandon(place)
		return nil, context.Cause(ctx)
	}
}

func (p *pacer) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	p.admit()
}

// abandon takes a waiter out, or gives its place back if it just got one.
func (p *pacer) abandon(place chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, queue := range []*[]chan struct{}{&p.urgent, &p.other} {
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
	for p.inFlight < p.window() && len(p.urgent)+len(p.other) > 0 {
		if !p.limiter.Allow() {
			p.wakeLater()
			return
		}
		queue := &p.urgent
		if len(*queue) == 0 {
			queue = &p.other
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

// look returns what people are shown; restrictions is how many may leave a
// second.
func (p *pacer) look() (inFlight, releases, waiting int, restrictions float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inFlight, len(p.urgent), len(p.other), float64(p.limiter.Limit())
}

// wakeLater admits again when the next token is there. p.mu is held.
func (p *pacer) wakeLater() {
	if p.timer != nil {
		return
	}
	reservation := p.limiter.Reserve()
	wait := reservation.Delay()
	reservation.Cancel()
	p.timer = time.AfterFunc(wait, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.timer = nil
		p.admit()
	})
}
