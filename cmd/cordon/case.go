package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/integration/wire"
)

// casesPrinted is cases as a table; raw is the server's answer.
func casesPrinted(raw json.RawMessage, cases []wire.Case, now time.Time) printed {
	t := &table{
		header: []string{
			"ID", "SUBSCRIBER", "STATE", "PROFILE", "SESSIONS", "AGE", "EXPIRES",
			"MODE", "RULE", "SOURCE", "OPENED", "UNTIL", "REASON",
		},
		wideFrom: 7,
	}
	p := printed{raw: raw, table: t}
	for _, c := range cases {
		t.add(c.ID, c.Subscriber, state(c), c.Profile, tallySessions(c.Sessions), span(now.Sub(c.OpenedAt)), expires(c, now),
			c.Mode, c.Rule, c.Source, stamp(&c.OpenedAt), stamp(c.ExpiresAt), c.Reason)
		p.names = append(p.names, c.ID)
	}
	return p
}

// state is the case's state with the kind of its hold, or of its rise's: that decides the
// next step.
func state(c wire.Case) string {
	if c.Rise != nil && c.Rise.Hold != nil {
		return c.State + "+held:" + c.Rise.Hold.Kind
	}
	if c.State == wire.StateHeld && c.Hold != nil {
		return "held:" + c.Hold.Kind
	}
	return c.State
}

func expires(c wire.Case, now time.Time) string {
	if c.Ending() {
		return "" // the release does not wait for the expiry
	}
	return until(c.ExpiresAt, now)
}

// tallySessions counts sessions by enforcement: "2 acked", "1 acked, 1 pending",
// "1 restored". Those that are over count only if there is no other.
func tallySessions(sessions []wire.Session) string {
	counts := map[string]int{}
	var order []string
	for _, s := range sessions {
		standing := s.Enforcement
		if s.Wanted == "" && s.Acknowledged() {
			standing = "restored"
		}
		if counts[standing] == 0 {
			order = append(order, standing)
		}
		counts[standing]++
	}
	if len(order) > 1 {
		order = slices.DeleteFunc(order, func(standing string) bool { return standing == wire.EnforcementGone })
	}
	parts := make([]string, 0, len(order))
	for _, e := range order {
		parts = append(parts, strconv.Itoa(counts[e])+" "+e)
	}
	return strings.Join(parts, ", ")
}

// casePage is one case in full.
func casePage(raw json.RawMessage, c wire.Case, now time.Time) printed {
	p := casesPrinted(raw, []wire.Case{c}, now)
	p.text = func(w io.Writer) {
		page := &page{w: w, now: now}
		page.caseHead(c)
		page.sessions(c.Sessions)
		page.owed(c)
		page.evidence(c.Evidence)
		page.notes(c.Notes)
		page.history(c.History)
	}
	return p
}

// page writes sections. Errors of w are ignored: it is a buffer.
type page struct {
	w   io.Writer
	now time.Time
}

func (p *page) title(s string) { fmt.Fprintf(p.w, "\n%s\n", s) }

// fact writes one line of the head, unless the value is empty.
func (p *page) fact(name, value string) {
	if value != "" {
		fmt.Fprintf(p.w, "  %-12s%s\n", name, safe(value))
	}
}

// moment formats a time and its distance from now.
func (p *page) moment(t time.Time) string {
	if t.After(p.now) {
		return stamp(&t) + ", in " + span(t.Sub(p.now))
	}
	return stamp(&t) + ", " + span(p.now.Sub(t)) + " ago"
}

func (p *page) caseHead(c wire.Case) {
	fmt.Fprintf(p.w, "Case %s is %s\n", safe(c.ID), safe(c.State))
	p.fact("Subscriber", c.Subscriber)
	p.fact("Profile", c.Profile)
	p.fact("Reason", c.Reason)
	if c.Rule != "" {
		p.fact("Decided by", "rule "+c.Rule+", mode "+c.Mode)
	} else {
		p.fact("Decided by", c.Source+", manual")
	}
	p.fact("Opened", p.moment(c.OpenedAt))
	if c.ExpiresAt != nil && !c.Ending() {
		p.fact("Expires", p.moment(*c.ExpiresAt))
	}
	if c.ClosedAt != nil {
		p.fact("Closed", p.moment(*c.ClosedAt))
	}
	if c.Hold != nil {
		p.fact("Held", c.Hold.Kind+": "+c.Hold.Detail)
	}
	if r := c.Rise; r != nil && r.Hold != nil {
		p.fact("To approve", p.demand(*r)+", held: "+r.Hold.Kind+": "+r.Hold.Detail)
	}
	for _, d := range c.Then {
		p.fact("Then", p.demand(d))
	}
	if r := c.Release; r != nil {
		p.fact("Released", released(r))
	}
}

// demand is a profile beside the present one, who wants it, and its end.
func (p *page) demand(d wire.Demand) string {
	by := "rule " + d.Rule
	if d.Rule == "" {
		by = d.Source + ", manual"
	}
	return d.Profile + " (" + by + ": " + d.Reason + ") until " + p.moment(d.Until)
}

func released(r *wire.Release) string {
	s := stamp(&r.At) + " by " + r.By + ": " + r.Reason
	if r.Code != "" {
		s += " (" + r.Code + ")"
	}
	return s
}

func (p *page) sessions(sessions []wire.Session) {
	if len(sessions) == 0 {
		return
	}
	p.title("Sessions")
	t := &table{header: []string{"  BNG", "SESSION", "ADDRESSES", "WANTED", "ENFORCEMENT", "ATTEMPTS", "UPDATED", "REMARK"}}
	for _, s := range sessions {
		wanted := s.Wanted
		if wanted == "" {
			wanted = "(normal)"
		}
		updated := ""
		if s.UpdatedAt != nil {
			updated = span(p.now.Sub(*s.UpdatedAt)) + " ago"
		}
		t.add("  "+s.BNG, s.SessionID, strings.Join(s.Addresses, " "), wanted, s.Enforcement, strconv.Itoa(s.Attempts), updated, remark(s))
	}
	_ = t.write(p.w, true) // a buffer
}

// remark is why: the check that defers, the BNG's Error-Cause, the reason.
func remark(s wire.Session) string {
	var words []string
	if s.DeferredBy != "" {
		words = append(words, "deferred by "+s.DeferredBy+":")
	}
	if s.ErrorCause != nil {
		words = append(words, "Error-Cause "+strconv.FormatUint(uint64(*s.ErrorCause), 10))
	}
	return strings.TrimSpace(strings.Join(append(words, s.Reason), " "))
}

func (p *page) evidence(verdicts []wire.Evidence) {
	if len(verdicts) == 0 {
		return
	}
	p.title("Evidence")
	t := &table{header: []string{"  VERDICT", "SOURCE", "CATEGORY", "CONFIDENCE", "OBSERVED"}}
	for _, v := range verdicts {
		t.add("  "+v.ID, v.Source, v.Category, confidence(v.Confidence), stamp(&v.ObservedAt))
	}
	_ = t.write(p.w, true) // a buffer
}

func confidence(c *float64) string {
	if c == nil {
		return ""
	}
	return strconv.FormatFloat(*c, 'g', -1, 64)
}

func (p *page) notes(notes []wire.Note) {
	if len(notes) == 0 {
		return
	}
	p.title("Notes")
	for _, n := range notes {
		fmt.Fprintf(p.w, "  %s  %s: %s\n", stamp(&n.At), safe(n.By), safe(n.Text))
	}
}

func (p *page) history(steps []wire.HistoryEntry) {
	if len(steps) == 0 {
		return
	}
	p.title("History")
	for _, s := range steps {
		by := s.By
		if by == "" {
			by = "cordon"
		}
		fmt.Fprintf(p.w, "  %s  %-12s %s: %s\n", stamp(&s.At), safe(s.State), safe(by), safe(s.Text))
	}
}
