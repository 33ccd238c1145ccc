package main

import (
	"fmt"

	"cordon/integration/wire"
)

// sessionNotFound is the Error-Cause of a BNG that does not know the session.
const sessionNotFound = 503

// owed shows an unfinished release: its retries, since when, and what to do.
func (p *page) owed(c wire.Case) {
	stuck, unknown := 0, false
	for _, s := range c.Sessions {
		if !s.Owed || s.Attempts == 0 {
			continue
		}
		if stuck++; stuck == 1 {
			p.title("Unfinished release")
		}
		unknown = unknown || s.ErrorCause != nil && *s.ErrorCause == sessionNotFound
		next := "a request is in flight, or due now"
		if s.NextAt != nil && s.NextAt.After(p.now) {
			next = "next retry " + p.moment(*s.NextAt)
		}
		fmt.Fprintf(p.w, "  %s: %s after %d attempts; %s\n", safe(s.BNG+"/"+s.SessionID), safe(s.Enforcement), s.Attempts, next)
	}
	if stuck == 0 {
		return
	}
	if since := releasing(c); since != nil {
		fmt.Fprintf(p.w, "  Released    %s\n", p.moment(since.At))
	}
	if unknown {
		fmt.Fprint(p.w, "  Over        503 alone is not sufficient: with a Stop, an Accounting-On, a newer session on its address or line,\n"+
			"              or three interim intervals without a record\n")
	}
	fmt.Fprintf(p.w, "  Retry       cordon quarantine retry %s\n", safe(c.ID))
	fmt.Fprintf(p.w, "  Give up     cordon quarantine give-up %s --reason TEXT   (nothing more is sent; the line may stay restricted)\n",
		safe(c.ID))
}

// releasing is the last step that began a release; nil if none is in the history.
func releasing(c wire.Case) (began *wire.HistoryEntry) {
	state := ""
	for i := range c.History {
		if s := &c.History[i]; s.State == wire.StateReleasing && state != wire.StateReleasing {
			began = s
		}
		state = c.History[i].State
	}
	return began
}
