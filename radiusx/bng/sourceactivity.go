package bng

import (
	"sync"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

// sourceActivity sums up when each configured BNG and each relay sent accounting, until it is read.
// What is in a record does not count, nor whether it could be stored: it shows that
// the way from its sender works.
type sourceActivity struct {
	mu     sync.Mutex // guards what follows
	bngs   map[*member]*quarantine.SourceActivity
	relays map[*acct.Client]*quarantine.SourceActivity
}

// note counts a record of a BNG (nil: one that is not configured). One that its
// sender may not report for counts for its sender only.
func (h *sourceActivity) note(r *acct.Record, m *member, allowed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.bngs == nil {
		h.bngs, h.relays = map[*member]*quarantine.SourceActivity{}, map[*acct.Client]*quarantine.SourceActivity{}
	}
	if m != nil && allowed {
		add(h.bngs, m, r)
	}
	if r.Client.Relay {
		add(h.relays, r.Client, r)
	}
}

func add[K comparable](to map[K]*quarantine.SourceActivity, key K, r *acct.Record) {
	one := quarantine.SourceActivity{First: r.Arrived, Last: r.Arrived, Reported: r.Reported(),
		Behind: max(r.Arrived.Sub(r.Reported()), 0), Records: 1}
	if sum := to[key]; sum != nil {
		sum.Add(one)
		return
	}
	to[key] = &one
}

// Activity returns when accounting came from each BNG, by its name, and of each relay, by its
// prefix, since it was called last.
func (a *Accounting) Activity() []quarantine.SourceActivity {
	h := &a.activity
	h.mu.Lock()
	bngs, relays := h.bngs, h.relays
	h.bngs, h.relays = nil, nil
	h.mu.Unlock()
	list := make([]quarantine.SourceActivity, 0, len(bngs)+len(relays))
	for m, sum := range bngs {
		sum.Source = m.Name
		list = append(list, *sum)
	}
	for client, sum := range relays {
		sum.Source = client.Prefix.String()
		list = append(list, *sum)
	}
	return list
}
