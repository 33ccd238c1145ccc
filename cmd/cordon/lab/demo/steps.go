package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"cordon/integration/wire"
)

// The sources of the story.
const (
	sensor   = "suricata-1" // reports bots
	honeypot = "honeynet-7" // floods
	mailHub  = "mail-hub"   // reports spam
)

// clock writes a moment as the story does.
func clock(t time.Time) string { return t.UTC().Format("15:04:05.000Z") }

// sessionsKnown compares every session on the BNGs with the API's holder of its address.
func (s *story) sessionsKnown(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	now, total := time.Now(), 0
	for _, b := range s.bngs {
		for _, session := range b.Sessions() {
			total++
			group.Go(func() error {
				return s.heldBy(ctx, session.IPv4, now, part{b, session.User}, session.ID)
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	s.say("%d sessions on the BNGs; Cordon knows the holder of each address from accounting", total)
	return nil
}

// heldBy checks that one session alone held an address at a moment, by the API.
func (s *story) heldBy(ctx context.Context, addr netip.Addr, at time.Time, p part, id string) error {
	holders, err := s.api.holders(ctx, addr.String(), at)
	if err != nil {
		return err
	}
	if len(holders) != 1 || holders[0].Subscriber != p.user || holders[0].BNG != p.bng.name || holders[0].SessionID != id {
		return fmt.Errorf("wanted %s/%s (%s) as holder of %s at %s, saw %s", p.bng.name, id, p.user, addr, clock(at), names(holders))
	}
	return nil
}

func names(holders []wire.Holder) string {
	if len(holders) == 0 {
		return "nobody"
	}
	text := ""
	for i, h := range holders {
		if i > 0 {
			text += " and "
		}
		text += fmt.Sprintf("%s/%s (%s)", h.BNG, h.SessionID, h.Subscriber)
	}
	return text
}

// report submits a verdict, waits until it has acted on the right subscriber, and shows
// the case.
func (s *story) report(ctx context.Context, p part, v wire.Verdict) (played, error) {
	s.say("%s reports %s: %s, observed %s", v.Source, v.IP, v.Category, clock(v.ObservedAt))
	receipts, err := s.api.submit(ctx, v)
	if err != nil {
		return played{}, err
	}
	if receipts[0].Status != wire.VerdictAccepted {
		return played{}, fmt.Errorf("wanted the verdict accepted, saw %s", receipts[0].Status)
	}
	s.say("202 accepted: %s", receipts[0].ID)
	status, err := s.decided(ctx, receipts[0].ID, wire.VerdictActed)
	if err != nil {
		return played{}, err
	}
	if status.Subscriber != p.user {
		return played{}, fmt.Errorf("wanted it attributed to %s, saw %s", p.user, status.Subscriber)
	}
	s.say("attributed to %s, case %s", status.Subscriber, status.Case)
	return played{p, v, status.ID, status.Case}, nil
}

// verdictActed is the main job: verdict, subscriber, CoA, ACK, restricted.
func (s *story) verdictActed(ctx context.Context) error {
	p := s.take(s.bngs[0])
	before, err := p.session()
	if err != nil {
		return err
	}
	s.first, err = s.report(ctx, p, verdict(sensor, "event-1", time.Now(), before.IPv4, "botnet", 0.95))
	if err != nil {
		return err
	}
	if _, err := s.caseIs(ctx, s.first.kase, wire.StateRestricted); err != nil {
		return err
	}
	exchanges := s.transcript.exchanges(p.user)
	if len(exchanges) != 1 || exchanges[0].answer.code != "CoA-ACK" {
		return fmt.Errorf("wanted one CoA-Request about %s and its CoA-ACK, saw %+v", p.user, exchanges)
	}
	s.packet(exchanges[0].request.text)
	s.packet(exchanges[0].answer.text)
	if err := s.restricted(ctx, s.first, before.ID, garden); err != nil {
		return err
	}
	return s.verified(ctx, s.first, before.ID)
}

// verified waits until the network shows that the session is restricted.
func (s *story) verified(ctx context.Context, p played, id string) error {
	return s.until(ctx, s.timeout, fmt.Sprintf("session %s/%s to be verified", p.bng.name, id), func() (string, bool, error) {
		c, err := s.api.kase(ctx, p.kase)
		i := slices.IndexFunc(c.Sessions, func(e wire.Session) bool { return e.BNG == p.bng.name && e.SessionID == id })
		shown := i >= 0 && c.Sessions[i].Enforcement == wire.EnforcementVerified
		if shown {
			s.say("after the ACK, %s/%s is verified: %s", p.bng.name, id, c.Sessions[i].Reason)
		}
		return describe(c), shown, err
	})
}

// restricted waits until a case is restricted with that session acked, and the
// BNG shows it.
func (s *story) restricted(ctx context.Context, p played, id, restriction string) error {
	c, err := s.caseIs(ctx, p.kase, wire.StateRestricted)
	if err != nil {
		return err
	}
	if !acked(c, p.bng.name, id) {
		return fmt.Errorf("wanted session %s/%s acked, saw %s", p.bng.name, id, describe(c))
	}
	session, err := s.bngShows(ctx, p.part, p.kase, restriction)
	if err != nil {
		return err
	}
	if session.ID != id {
		return fmt.Errorf("wanted session %s restricted, saw %s", id, session.ID)
	}
	s.meant[p.user] = restriction
	s.say("case %s until %s; %s/%s is acked", c.State, c.ExpiresAt.Format("2006-01-02 15:04Z"), p.bng.name, id)
	s.say("%s shows session %s: %s (at log-in: %s)", p.bng.name, id, session.State, session.Profile)
	return nil
}

func acked(c wire.Case, bng, id string) bool {
	return slices.ContainsFunc(c.Sessions, func(e wire.Session) bool { return e.BNG == bng && e.SessionID == id && e.Acknowledged() })
}

// quiet is how long to watch for packets that must not be sent.
const quiet = 300 * time.Millisecond

// verdictDoubled submits the first verdict again.
func (s *story) verdictDoubled(ctx context.Context) error {
	if s.first.kase == "" {
		return errors.New("there is no verdict to double")
	}
	before, err := s.api.Get(ctx, "/cases/"+s.first.kase, nil)
	if err != nil {
		return err
	}
	arrived := s.arrived()
	receipts, err := s.api.submit(ctx, s.first.verdict)
	if err != nil {
		return err
	}
	if receipts[0].Status != wire.VerdictDuplicate || receipts[0].ID != s.first.id {
		return fmt.Errorf("wanted duplicate of %s, saw %s of %s", s.first.id, receipts[0].Status, receipts[0].ID)
	}
	s.say("%s sends the same verdict again: 202 duplicate: %s", s.first.verdict.Source, receipts[0].ID)
	if err := pause(ctx, quiet); err != nil {
		return err
	}
	after, err := s.api.Get(ctx, "/cases/"+s.first.kase, nil)
	if err != nil {
		return err
	}
	if string(before) != string(after) {
		return fmt.Errorf("wanted the case unchanged, saw %s instead of %s", after, before)
	}
	if now := s.arrived(); now != arrived {
		return fmt.Errorf("wanted no packet, saw %d", now-arrived)
	}
	s.say("case %s is the same to the octet, no packet was sent", s.first.kase)
	return nil
}

// arrived is how many requests reached the BNGs so far.
func (s *story) arrived() uint64 {
	n := uint64(0)
	for _, b := range s.bngs {
		n += b.arrived.Load()
	}
	return n
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// delegatedPrefix reports an address that is in no accounting record.
func (s *story) delegatedPrefix(ctx context.Context) error {
	p := s.take(s.bngs[0])
	session, err := p.session()
	if err != nil {
		return err
	}
	octets := session.Delegated.Addr().As16()
	octets[7] |= 0x42                                                        // a network of the subscriber's own within his /56
	copy(octets[8:], []byte{0x02, 0x11, 0x22, 0xff, 0xfe, 0x33, 0x44, 0x55}) // an interface in it
	addr := netip.AddrFrom16(octets)
	s.say("%s has %s and %s", p.user, session.IPv4, session.Prefix)
	s.say("and was delegated %s", session.Delegated)
	q, err := s.report(ctx, p, verdict(sensor, "event-3", time.Now(), addr, "botnet", 0.9))
	if err != nil {
		return err
	}
	return s.restricted(ctx, q, session.ID, garden)
}

// reconnect lets the first restricted subscriber log in again.
func (s *story) reconnect(ctx context.Context) error {
	if s.first.kase == "" {
		return errors.New("nobody is restricted")
	}
	before, err := s.first.session()
	if err != nil {
		return err
	}
	after, err := s.first.bng.Move(ctx, before.ID)
	if err != nil {
		return err
	}
	if !normal(after) || after.ID == before.ID {
		return fmt.Errorf("wanted a new session as AAA makes it, saw %s with %s", after.ID, after.State)
	}
	s.say("%s logs out and in again", s.first.user)
	s.say("session %s with %s is now session %s with %s: %s", before.ID, before.IPv4, after.ID, after.IPv4, after.State)
	if _, err := s.bngShows(ctx, s.first.part, s.first.kase, garden); err != nil {
		return err
	}
	return s.restricted(ctx, s.first, after.ID, garden)
}

// shadowRule reports something whose rule has mode shadow.
func (s *story) shadowRule(ctx context.Context) error {
	p := s.take(s.bngs[1])
	session, err := p.session()
	if err != nil {
		return err
	}
	v := verdict(sensor, "event-4", time.Now(), session.IPv4, "scan", 0.8)
	s.say("%s reports %s: %s; the rule for it has mode shadow", v.Source, v.IP, v.Category)
	receipts, err := s.api.submit(ctx, v)
	if err != nil {
		return err
	}
	status, err := s.decided(ctx, receipts[0].ID, wire.VerdictRecorded)
	if err != nil {
		return err
	}
	if status.Subscriber != p.user || status.Reason != "shadow" || status.Case != "" {
		return fmt.Errorf("wanted it recorded for %s with reason shadow, saw %+v", p.user, status)
	}
	if err := pause(ctx, quiet); err != nil {
		return err
	}
	if n := s.transcript.requests(p.user); n > 0 {
		return fmt.Errorf("wanted no packet about %s, saw %d", p.user, n)
	}
	s.say("%s: %s (%s), attributed to %s", status.ID, status.State, status.Reason, status.Subscriber)
	s.say("no case, no packet")
	return nil
}

// byHand quarantines a session manually.
func (s *story) byHand(ctx context.Context) error {
	p := s.take(s.bngs[0])
	session, err := p.session()
	if err != nil {
		return err
	}
	q := wire.QuarantineRequest{
		Session: p.bng.name + "/" + session.ID, Profile: "block-smtp", Reason: "phone call, ticket 4711", For: "4h",
	}
	body, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	s.say("POST /api/v1/quarantines?wait=10s")
	s.say("  %s", body)
	raw, err := s.api.Post(ctx, "/quarantines", url.Values{"wait": {"10s"}}, q)
	c, err := read[wire.Case](raw, err, "/quarantines")
	if err != nil {
		return err
	}
	if c.Subscriber != p.user || c.Rule != "" || c.Source != operator {
		return fmt.Errorf("wanted a case of %s by %s without a rule, saw %+v", p.user, operator, c)
	}
	return s.restricted(ctx, played{part: p, kase: c.ID}, session.ID, noSMTP)
}

// releaseAll ends every case and looks at every session.
func (s *story) releaseAll(ctx context.Context) error {
	open, err := s.api.openCases(ctx)
	if err != nil {
		return err
	}
	for _, c := range open {
		if _, err := s.api.command(ctx, c.ID, "release", "end of the demo"); err != nil {
			return fmt.Errorf("release %s: %w", c.ID, err)
		}
	}
	for _, c := range open {
		if _, err := s.caseIs(ctx, c.ID, wire.StateClosed); err != nil {
			return err
		}
		s.say("%s closed: %s", c.ID, c.Subscriber)
	}
	clear(s.meant)
	clear(s.unsteady)
	return nil
}
