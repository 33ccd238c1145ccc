// Package spool keeps accounting going while the session store is away: what
// the store does not take is synced to a log of its own on this host and
// counts as stored, and is handed over in order once the store is back.
//
// It is not a cache and answers no questions: who held an address is asked of
// the session store, and attribution waits for what stands here ([Spool.Oldest]).
// It is not replicated: what a lost disk held is lost. It holds events of the
// domain, no RADIUS packets, so that replaying needs no secrets.
//
// What the session store can never hold, though it is there, is for an [Aside].
//
// # Order
//
// While anything stands in the spool, or is on its way into it, every new event
// goes behind it. So a later event of a session never overtakes an earlier one.
// The caller must not have two calls under way that hold the same session,
// which an acct.Server sees to. Before events go to the store directly again,
// new ones are held for the moment that the last of the spool takes.
//
// Events are handed over at least once: after a crash the store may get some
// again, in order, before anything newer. Recording is idempotent, so that
// changes nothing.
//
// # On disk
//
// A journal ([cordon/store/journal]) without a reserve. Each record is one part
// of a batch: kind 1 is the version of the form, the key is the earliest event
// time in it (base 36 milliseconds), a dot and the number of events, and the
// payload is a []quarantine.SessionEvent as encoding/gob writes it: strings of a
// BNG hold any octets, which JSON would not bring back. Segments go as soon as
// all in them was handed over; an empty spool is an empty journal.
package spool
