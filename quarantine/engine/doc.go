// Package engine is the running part of the domain: it takes verdicts in,
// carries people's commands out, elects the sender, and reconciles sessions
// with what their cases want.
//
// What to do is decided in package quarantine; what is here decides nothing of
// its own but when, in which order, and what must be durable first. It knows
// neither Redis nor RADIUS nor HTTP, only the ports of package quarantine.
//
// Order of things, which every crash relies on:
//
//	verdict   → log (fsync) → 202 → store
//	command   → log (fsync) → store → log
//	order     → store (pending) → log (sent, fsync) → datagram → log → store
package engine
