package api

import (
	"slices"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

func viewCase(c *quarantine.Case) wire.Case {
	v := wire.Case{
		ID: c.ID, Subscriber: c.Subscriber, State: string(c.State), Profile: c.Profile, Mode: c.Mode.String(),
		Rule: c.Rule, Reason: c.Reason, Source: c.Source, Generation: c.Generation,
		OpenedAt: c.OpenedAt.UTC(), ExpiresAt: httpx.Time(c.ExpiresAt), ClosedAt: httpx.Time(c.ClosedAt),
		Sessions: each(c.Sessions, viewEnforcement), Evidence: each(c.Verdicts, viewEvidence),
		Notes: each(c.Notes, viewNote), History: each(c.History, viewHistory),
		Hold: viewHold(c.Hold), Then: each(c.Then(), viewDemand),
	}
	if rise := c.Rise(); rise != nil {
		demand := viewDemand(*rise)
		v.Rise = &demand
	}
	if r := c.Release; r != nil {
		v.Release = &wire.Release{At: r.At.UTC(), By: r.By, Reason: r.Reason, Code: string(r.Code)}
	}
	return v
}

func viewHold(h *quarantine.Hold) *wire.Hold {
	if h == nil {
		return nil
	}
	return &wire.Hold{Kind: string(h.Kind), Detail: h.Detail}
}

func viewDemand(d quarantine.Demand) wire.Demand {
	return wire.Demand{Profile: d.Profile, Rule: d.Rule, Reason: d.Reason, Source: d.Source, Until: d.Until.UTC(), Hold: viewHold(d.Hold)}
}

func viewEnforcement(e quarantine.SessionEnforcement) wire.Session {
	v := wire.Session{
		BNG: e.Session.BNG, Member: e.Session.Member, SessionID: e.Session.ID, Wanted: e.Wanted, Enforcement: string(e.Enforcement),
		Reason: e.Reason, DeferredBy: string(e.DeferredBy), Attempts: e.Attempts,
		UpdatedAt: httpx.Time(e.UpdatedAt), NextAt: httpx.Time(e.NextTry()), Owed: e.Owed(), Addresses: addresses(e.Session),
	}
	if e.ErrorCause != 0 {
		v.ErrorCause = &e.ErrorCause
	}
	return v
}

func viewEvidence(v quarantine.CaseVerdict) wire.Evidence {
	return wire.Evidence{ID: v.ID, Source: v.Source, Category: v.Category, Confidence: v.Confidence, ObservedAt: v.ObservedAt.UTC()}
}

func viewNote(n quarantine.Note) wire.Note {
	return wire.Note{At: n.At.UTC(), By: n.By, Text: n.Text}
}

func viewHistory(h quarantine.HistoryEntry) wire.HistoryEntry {
	return wire.HistoryEntry{At: h.At.UTC(), State: string(h.State), By: h.By, Text: h.Text}
}

// addresses lists what a session holds; what it released may be another's by now.
func addresses(s quarantine.Session) []string {
	held := slices.DeleteFunc(slices.Clone(s.Addresses), func(a quarantine.Address) bool { return !a.Until.IsZero() })
	return each(held, func(a quarantine.Address) string { return httpx.Prefix(a.Prefix) })
}

// each shows a list; the answer is never null.
func each[T, V any](list []T, view func(T) V) []V {
	views := make([]V, 0, len(list))
	for _, item := range list {
		views = append(views, view(item))
	}
	return views
}
