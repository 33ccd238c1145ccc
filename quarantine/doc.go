// Package quarantine is Cordon's domain: verdicts, attribution, policy, limits,
// cases and what each session of a subscriber should be.
//
// It decides and never acts: no I/O, no goroutine, no clock; every function
// takes the time it works with. It imports only the standard library. It owns
// the driven ports (SessionReader, CaseStore, Enforcer, Journal, …), each beside
// its noun; adapters live in store, radiusx/bng and the edges, and the running
// part that calls them is quarantine/engine.
package quarantine
