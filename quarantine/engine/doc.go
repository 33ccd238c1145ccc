// Package engine is the running part of the domain: it accepts verdicts, applies people's
// commands, elects the sender, and reconciles sessions with what their cases want.
//
// What to do is decided in package quarantine; this package decides when, in which order, what
// must be durable first, and whether a restriction may leave now (the list of checks in
// mayrestrict.go). It knows neither Redis nor RADIUS nor HTTP, only the ports of package
// quarantine.
//
// Order of durability, on which recovery from every crash relies:
//
//	verdict   → journal (fsync) → 202 → store
//	command   → journal (fsync) → store → journal
//	order     → store (pending) → journal (sent, fsync) → datagram → journal → store
package engine
