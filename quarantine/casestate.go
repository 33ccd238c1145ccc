package quarantine

import (
	"fmt"
	"slices"
)

// CaseState is where a case stands.
type CaseState string

// The states of a case.
const (
	Observing   CaseState = "observing"   // counted, below the threshold
	CaseHeld    CaseState = "held"        // a limit, mode, exemption or doubt keeps it from acting until a person says so
	Restricting CaseState = "restricting" // some live session is not yet as wanted
	Waiting     CaseState = "waiting"     // wanted, nobody on line
	Restricted  CaseState = "restricted"  // every live session acked or verified
	Releasing   CaseState = "releasing"   // sessions are being restored to what they should have
	Closed      CaseState = "closed"      // over; nothing of it is left on any BNG
)

// Transition is one edge of the state table and why it is taken.
type Transition struct {
	From, To CaseState
	Why      string
}

// Transitions is the state table of a case; docs/state-machine.md draws it. A
// case changes its state only along these.
var Transitions = []Transition{
	{Observing, CaseHeld, "the threshold is reached, but a limit, mode or exemption holds it"},
	{Observing, Restricting, "the threshold is reached"},
	{Observing, Releasing, "no more evidence in time, or a person closes it, while something of before is, or may be, on a BNG"},
	{Observing, Closed, "no more evidence in time, or a person closes it"},
	{CaseHeld, Restricting, "a person approves it, or quarantines the subscriber"},
	{CaseHeld, Releasing, "rejected, released or expired while a restriction is on a BNG"},
	{CaseHeld, Closed, "rejected, released or expired, and no BNG shows anything of it"},
	{Restricting, Restricted, "every live session is acked or verified"},
	{Restricting, Waiting, "the last live session ended"},
	{Restricting, CaseHeld, "sessions are too many, or what is left is held"},
	{Restricting, Releasing, "released or expired"},
	{Restricting, Closed, "released or expired before anything was sent"},
	{Waiting, Restricting, "the subscriber logged in"},
	{Waiting, CaseHeld, "sessions are too many, or what is left is held"},
	{Waiting, Releasing, "released or expired while a restriction may be left on a BNG"},
	{Waiting, Closed, "released or expired"},
	{Restricted, Restricting, "a new session, another profile, or a BNG that shows otherwise"},
	{Restricted, Waiting, "the last live session ended"},
	{Restricted, CaseHeld, "sessions are too many, or what is left is held"},
	{Restricted, Releasing, "released or expired"},
	{Restricted, Closed, "released or expired with nothing left on any BNG"},
	{Releasing, Observing, "newer evidence, below the threshold; what is being restored goes on"},
	{Releasing, CaseHeld, "newer evidence, but a limit, mode or exemption holds it; what is being restored goes on"},
	{Releasing, Restricting, "newer evidence, or a person quarantines the subscriber"},
	{Releasing, Closed, "every session is restored"},
}

// CanBecome reports whether the table has an edge from s to next.
func (s CaseState) CanBecome(next CaseState) bool {
	return slices.ContainsFunc(Transitions, func(t Transition) bool { return t.From == s && t.To == next })
}

// Wants reports whether a case in this state wants sessions restricted.
func (s CaseState) Wants() bool { return s == Restricting || s == Waiting || s == Restricted }

// Enforcement is what is known of one session, relative to what is wanted now.
type Enforcement string

// The kinds of enforcement.
const (
	Pending    Enforcement = "pending"    // to be done, or being done
	Acked      Enforcement = "acked"      // the BNG said it did; many say so of what they ignored
	Verified   Enforcement = "verified"   // the network shows it
	Partial    Enforcement = "partial"    // steps done that could not yet be undone
	Refused    Enforcement = "refused"    // the BNG, or our own data, will not
	Unanswered Enforcement = "unanswered" // silence; it may have happened
	Gone       Enforcement = "gone"       // the session is over
	Exempted   Enforcement = "exempt"     // an exemption is against it; nothing of ours is in force
)

// Reached reports whether the session is as wanted, as far as is known.
func (e Enforcement) Reached() bool { return e == Acked || e == Verified || e == Gone || e == Exempted }

// HoldKind is what keeps a case from acting.
type HoldKind string

// The kinds of hold. A person lifts any of them by approving the case.
const (
	HoldMode        HoldKind = "mode"
	HoldLimit       HoldKind = "limit"
	HoldExempt      HoldKind = "exempt"
	HoldMaxSessions HoldKind = "max_sessions"
)

// Hold is why a case is held.
type Hold struct {
	Kind   HoldKind `json:"kind"`
	Detail string   `json:"detail"`
}

func (h *Hold) String() string { return fmt.Sprintf("%s: %s", h.Kind, h.Detail) }
