package demo

import (
	"context"
	"fmt"
	"time"

	"cordon/radiusx/bngsim"
)

// apart is how long after a moment an address must change its holder for an unambiguous
// attribution: the tolerance, and a second, as accounting has whole seconds.
const apart = 3 * time.Second

// changedHands reports an address that has another holder by now.
func (s *story) changedHands(ctx context.Context) error {
	earlier, present := s.take(s.bngs[1]), s.take(s.bngs[1])
	was, err := earlier.session()
	if err != nil {
		return err
	}
	observed := s.began // every session is older
	if err := pause(ctx, time.Until(observed.Add(apart))); err != nil {
		return err
	}
	moved, now, err := handOver(ctx, earlier, present)
	if err != nil {
		return err
	}
	if err := s.heldBy(ctx, was.IPv4, observed, earlier, was.ID); err != nil {
		return err
	}
	if err := s.heldBy(ctx, was.IPv4, time.Now(), present, now.ID); err != nil {
		return err
	}
	s.say("%s held %s at %s and has %s now", earlier.user, was.IPv4, clock(observed), moved.IPv4)
	s.say("%s has %s now", present.user, was.IPv4)
	p, err := s.report(ctx, earlier, verdict(sensor, "event-2", observed, was.IPv4, "malware", 0.9))
	if err != nil {
		return err
	}
	if err := s.restricted(ctx, p, moved.ID, garden); err != nil {
		return err
	}
	return s.leftAlone(present)
}

// handOver lets one line log in again with another address, and another line with the
// released one. It returns the new sessions of both.
func handOver(ctx context.Context, from, to part) (moved, now bngsim.Session, err error) {
	was, err := from.session()
	if err != nil {
		return moved, now, err
	}
	other, err := to.session()
	if err != nil {
		return moved, now, err
	}
	if moved, err = from.bng.Move(ctx, was.ID); err != nil {
		return moved, now, err
	}
	if err := to.bng.Logout(ctx, other.ID); err != nil {
		return moved, now, err
	}
	line := other.Subscriber
	line.IPv4 = was.IPv4
	now, err = to.bng.Login(ctx, line)
	return moved, now, err
}

// leftAlone checks that nothing was sent about a subscriber, and shows his session.
func (s *story) leftAlone(p part) error {
	session, err := p.session()
	if err != nil {
		return err
	}
	if n := s.transcript.requests(p.user); !normal(session) || n > 0 {
		return fmt.Errorf("wanted %s left alone, saw %s and %d requests", p.user, session.State, n)
	}
	s.say("%s shows session %s of %s: %s", p.bng.name, session.ID, p.user, session.State)
	s.say("no packet was sent about it")
	return nil
}
