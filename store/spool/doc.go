// Package spool accepts accounting while the session store is unreachable: what the
// store does not accept is synced to a journal of its own on this host, counts as
// stored, and is drained into the store, in order, once that is reachable again.
//
// It is not a cache: who held an address is asked of the session store, and
// attribution waits for what is spooled ([Spool.Oldest], [Host.Oldest]). It is not
// replicated: what a lost disk held is lost. It holds events of the domain, no RADIUS
// packets, so that draining needs no secrets.
//
// What the session store can never hold, though it is reachable, is kept as
// [DeadLetters]. [Host] is all of this on one host.
//
// # Order
//
// While anything is in the spool, or is being appended to it, every new event goes
// behind it. So a later event of a session never overtakes an earlier one. The caller
// must not have two calls in flight that hold the same session, which an acct.Server
// sees to. Before events go to the store directly again, new ones are held while the
// last of the spool is drained.
//
// Events are drained at least once: after a crash the store may get some again, in
// order, before anything newer. Recording is idempotent, so that changes nothing.
//
// # On disk
//
// A journal ([cordon/store/journal]) without a reserve. Each record is one part
// of a batch: kind 1 is the version of the format, the key is the earliest event
// time in it (base 36 milliseconds), a dot and the number of events, and the
// payload is a []quarantine.SessionEvent as encoding/gob writes it: strings of a
// BNG hold any octets, which JSON would not bring back. Segments expire as soon
// as all in them was drained; an empty spool is an empty journal.
package spool
