// Package quarantine is Cordon's domain: verdicts, attribution, policy, limits,
// cases and what each session of a subscriber should be.
//
// It decides and never acts: no I/O, no goroutine, no clock; every function
// takes the time it works with. It imports only the standard library. It owns
// the driven ports (SessionReader, CaseWriter, Enforcer, Journal, …), each beside
// its noun; adapters live in store, radiusx/bng and the edges, and the running
// part that calls them is quarantine/engine.
//
// A verdict's way through it: [Verdict.Validate] checks what a source sent, [WhoHeld]
// attributes it by the [Binding] list of its address, and [Rulebook.Decide] opens a [Case]
// or adds to one. From then on [Case.Plan] compares the case with a [Snapshot] of the
// subscriber's sessions and returns an [Order] for each that is not as wanted;
// [Case.Observe] applies the [Outcome]. One table ([RetryRules] lists it) says when what did not
// succeed is tried again. Accounting comes in as [SessionEvent], and [ApplyEvent] keeps [Session]
// and its bindings up to date. What an operator configures has a Validate function beside
// its type, which returns [Faults].
package quarantine
