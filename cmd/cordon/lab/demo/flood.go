package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cordon/integration/wire"
)

// Size of the flood, and the source's limit in the configuration.
const (
	floodSize = 20
	perSource = 5
)

// flood lets one source exceed its limit.
func (s *story) flood(ctx context.Context) error {
	parts, ids, err := s.pour(ctx)
	if err != nil {
		return err
	}
	var acted, held []played
	reason := ""
	for i, id := range ids {
		v, err := s.decided(ctx, id, wire.VerdictActed, wire.VerdictHeld)
		if err != nil {
			return err
		}
		if v.Subscriber != parts[i].user {
			return fmt.Errorf("wanted %s attributed to %s, saw %s", id, parts[i].user, v.Subscriber)
		}
		q := played{part: parts[i], id: id, kase: v.Case}
		if v.State == wire.VerdictHeld {
			held, reason = append(held, q), v.Reason
		} else {
			acted = append(acted, q)
		}
	}
	if len(acted) != perSource || !strings.Contains(reason, "lines per source per hour") {
		return fmt.Errorf("wanted %d acted on and the others held by the limit of the source, saw %d and %d (%s)",
			perSource, len(acted), len(held), reason)
	}
	s.say("%d acted on, %d held (%s)", len(acted), len(held), reason)
	for _, q := range acted {
		if err := s.quietly(ctx, q); err != nil {
			return err
		}
	}
	s.say("the BNGs show %s for %d of them; about the other %d no packet was sent", garden, len(acted), len(held))
	return s.decideHeld(ctx, held)
}

// pour submits the flood, about as many sessions of each BNG.
func (s *story) pour(ctx context.Context) ([]part, []string, error) {
	var parts []part
	var verdicts []wire.Verdict
	for i := range floodSize {
		p := s.take(s.bngs[i%len(s.bngs)])
		session, err := p.session()
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, p)
		verdicts = append(verdicts, verdict(honeypot, fmt.Sprintf("hit-%d", i), time.Now(), session.IPv4, "botnet", 0.9))
	}
	receipts, err := s.api.submit(ctx, verdicts...)
	if err != nil {
		return nil, nil, err
	}
	var ids []string
	for _, r := range receipts {
		if r.Status != wire.VerdictAccepted {
			return nil, nil, fmt.Errorf("wanted all accepted, saw %s (%s)", r.Status, r.Error)
		}
		ids = append(ids, r.ID)
	}
	s.say("%s reports %d addresses at once: 202, all accepted", honeypot, len(ids))
	return parts, ids, nil
}

// quietly waits until a case is restricted and the BNG shows it, and prints nothing.
func (s *story) quietly(ctx context.Context, q played) error {
	if _, err := s.caseIs(ctx, q.kase, wire.StateRestricted); err != nil {
		return err
	}
	s.meant[q.user] = garden
	_, err := s.bngShows(ctx, q.part, q.kase, garden)
	return err
}

// decideHeld checks the held cases, approves one and rejects the others.
func (s *story) decideHeld(ctx context.Context, held []played) error {
	for _, q := range held {
		c, err := s.api.kase(ctx, q.kase)
		if err != nil {
			return err
		}
		if c.State != wire.StateHeld || c.Hold == nil || c.Hold.Kind != "limit" {
			return fmt.Errorf("wanted case %s held by a limit, saw %s", c.ID, describe(c))
		}
	}
	if err := s.untouched(held); err != nil {
		return err
	}
	chosen, rest := held[0], held[1:]
	if _, err := s.api.command(ctx, chosen.kase, "approve", "seen at the second sensor, too"); err != nil {
		return err
	}
	if err := s.quietly(ctx, chosen); err != nil {
		return err
	}
	s.say("the operator approves %s: restricted, %s shows %s", chosen.kase, chosen.bng.name, garden)
	for _, q := range rest {
		c, err := s.api.command(ctx, q.kase, "reject", "the honeypot's clock was wrong")
		if err != nil {
			return err
		}
		if !c.Closed() {
			return fmt.Errorf("wanted case %s closed, saw %s", c.ID, describe(c))
		}
	}
	if err := s.untouched(rest); err != nil {
		return err
	}
	s.say("the operator rejects the other %d: closed, no packet was sent about any of them", len(rest))
	return nil
}

// untouched checks that nothing was sent about any of these.
func (s *story) untouched(all []played) error {
	for _, q := range all {
		if n := s.transcript.requests(q.user); n > 0 {
			return fmt.Errorf("wanted no packet about %s, saw %d", q.user, n)
		}
	}
	return nil
}
