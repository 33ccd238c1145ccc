package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/integration/wire"
	"cordon/quarantine"
	"cordon/radiusx/bngsim"
)

// doubt is a release that a delayed duplicate may undo.
type doubt struct {
	played
	request  []byte    // the delayed datagram
	sent     time.Time // when it was sent
	released time.Time // when the BNG showed the release
}

// heldFor is the delay of the first datagram: until well after the release, and longer
// than a MikroTik keeps its replies (5 s).
const heldFor = 15 * time.Second

// lossyTime is added to the timeout of two retransmissions: after 2 s, and 4 s later
// (RFC 5080 section 2.2.1).
const lossyTime = 8 * time.Second

// lossyPath restricts and releases a subscriber while the network delays one datagram
// and loses one.
func (s *story) lossyPath(ctx context.Context) error {
	p := s.take(s.bngs[1])
	session, err := p.session()
	if err != nil {
		return err
	}
	s.unsteady[p.user] = true
	s.say("the path to %s delays the next packet by %s and loses the reply to the one after it", p.bng.name, heldFor)
	p.bng.path.misbehave(heldFor)
	q, err := s.report(ctx, p, verdict(mailHub, "event-1", time.Now(), session.IPv4, "spam", 0.9))
	if err != nil {
		return err
	}
	if err := s.retransmitted(ctx, q); err != nil {
		return err
	}
	if err := s.restricted(ctx, q, session.ID, noSMTP); err != nil {
		return err
	}
	delete(s.meant, p.user)
	return s.releaseInDoubt(ctx, q)
}

// retransmitted waits for the reply to the third transmission, and shows each.
func (s *story) retransmitted(ctx context.Context, q played) error {
	wanted := "a reply to the third transmission to " + q.bng.name
	err := s.until(ctx, s.timeout+lossyTime, wanted, func() (string, bool, error) {
		seen := s.effects(q.bng)
		return seen, strings.HasSuffix(seen, string(delivered)), nil
	})
	if err != nil {
		return err
	}
	incidents := q.bng.path.incidents()
	if seen, plan := s.effects(q.bng), fmt.Sprintf("%s, %s, %s, %s, %s", heldUp, arrived, lost, arrived, delivered); seen != plan {
		return fmt.Errorf("wanted packets %s; saw %s", plan, seen)
	}
	first := incidents[0]
	for _, i := range incidents {
		s.say("%+6.1f s  %s: %s", i.at.Sub(first.at).Seconds(), header(i.octets), i.effect)
		if i.effect == arrived && !bytes.Equal(i.octets, first.octets) {
			return errors.New("wanted retransmissions of the same octets, saw others")
		}
	}
	s.say("the three requests are the same octets; the BNG repeated its reply to the third")
	s.doubted = doubt{played: q, request: first.octets, sent: first.at}
	return nil
}

func (s *story) effects(b *bng) string {
	var all []string
	for _, i := range b.path.incidents() {
		all = append(all, string(i.effect))
	}
	return strings.Join(all, ", ")
}

// header is the code and identifier of a packet.
func header(octets []byte) string {
	names := map[byte]string{
		40: "Disconnect-Request", 41: "Disconnect-ACK", 42: "Disconnect-NAK",
		43: "CoA-Request", 44: "CoA-ACK", 45: "CoA-NAK",
	}
	return fmt.Sprintf("%s Id %d", names[octets[0]], octets[1])
}

// releaseInDoubt releases the case at once. A duplicate of the restriction may still be
// in the network, so the case stays open.
func (s *story) releaseInDoubt(ctx context.Context, q played) error {
	if _, err := s.api.command(ctx, q.kase, "release", "the customer called, cleaned"); err != nil {
		return err
	}
	session, err := s.bngRestored(ctx, q.part)
	if err != nil {
		return err
	}
	s.doubted.released = time.Now()
	c, err := s.caseIs(ctx, q.kase, wire.StateReleasing)
	if err != nil {
		return err
	}
	s.say("released by the operator; %s shows session %s: %s", q.bng.name, session.ID, session.State)
	s.say("a duplicate may still be in the network: the case stays %s until the release is sent", c.State)
	s.say("once more, at %s", clock(s.doubted.released.Add(quarantine.AssertDelay)))
	return nil
}

// assertedAgain waits for the duplicate and for the assertion that corrects what
// it does.
func (s *story) assertedAgain(ctx context.Context) error {
	d := s.doubted
	if d.kase == "" {
		return errors.New("no release is in doubt")
	}
	marked, err := s.duplicateCame(ctx, d)
	if err != nil {
		return err
	}
	s.say("%+6.1f s  the delayed packet arrives: %s restricts a released subscriber", marked.Sub(d.sent).Seconds(), d.bng.name)
	wait := max(time.Until(d.released.Add(quarantine.AssertDelay)), 0)
	s.say("(%.0f s until the release of %s is sent once more)", wait.Seconds(), d.kase)
	if _, err := s.caseWithin(ctx, wait+s.timeout, d.kase, wire.StateClosed); err != nil {
		return err
	}
	session, err := s.bngRestored(ctx, d.part)
	if err != nil {
		return err
	}
	mended := since(session.History, marked, session.Profile.AddressList)
	if mended.IsZero() {
		return fmt.Errorf("wanted the release asserted after the duplicate, saw %v", session.History)
	}
	s.say("%+6.1f s  the release is asserted: session %s shows %s again, case closed",
		mended.Sub(d.sent).Seconds(), session.ID, session.State)
	delete(s.unsteady, d.user)
	return nil
}

// duplicateCame waits until the packet that was held up has arrived and, long
// after the release, has restricted the session. It returns when that was.
func (s *story) duplicateCame(ctx context.Context, d doubt) (marked time.Time, err error) {
	wait := max(time.Until(d.sent.Add(heldFor)), 0)
	err = s.until(ctx, wait+s.timeout, "the packet held up to restrict "+d.user, func() (string, bool, error) {
		session, err := d.session()
		marked = since(session.History, d.released, noSMTP)
		came := slices.ContainsFunc(d.bng.path.incidents(), func(i incident) bool {
			return i.effect == late && bytes.Equal(i.octets, d.request)
		})
		return fmt.Sprintf("%s (%s)", session.State, s.effects(d.bng)), came && !marked.IsZero(), err
	})
	return marked, err
}

// since is when a session changed to an address list after a moment; zero if it
// did not.
func since(history []bngsim.Event, moment time.Time, list string) time.Time {
	for _, e := range history {
		if e.At.After(moment) && e.What == "changed to: "+(bngsim.State{AddressList: list}).String() {
			return e.At
		}
	}
	return time.Time{}
}
