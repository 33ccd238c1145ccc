package quarantine

import (
	"slices"
	"time"
)

// When what did not succeed is tried again: each delay between two tries of one order. The
// operator's manual shows the same table. How often the engine polls, renews or watches is
// the engine's.

// Action is what an order does to a session.
type Action string

// The actions.
const (
	ActionRestrict   Action = "restrict"
	ActionRestore    Action = "restore" // a release, or the undo of a partial change
	ActionDisconnect Action = "disconnect"
)

// Action returns what the order does to its session; a Check changes nothing, and is
// repeated as a release is.
func (o *Order) Action() Action {
	if !o.Restricts() {
		return ActionRestore
	}
	return actionFor(o.To)
}

// actionFor is what makes a session have the profile that is wanted there.
func actionFor(wanted string) Action {
	switch wanted {
	case "":
		return ActionRestore
	case Disconnect:
		return ActionDisconnect
	}
	return ActionRestrict
}

// Backoff is how delays grow: from First by Factor with each try, up to Cap.
type Backoff struct {
	First  time.Duration
	Factor int
	Cap    time.Duration // at least First
}

// Delay is how long to wait after the n-th try in a row, counted from 1.
func (b Backoff) Delay(n int) time.Duration {
	d := b.First
	for range n - 1 {
		if d *= time.Duration(b.Factor); d >= b.Cap {
			return b.Cap
		}
	}
	return d
}

// RetryRule says when an action is tried again after an outcome.
type RetryRule struct {
	Outcome OutcomeKind
	Actions []Action // that it is for
	// Once is the delay after the first such outcome in a row, where that one is sooner
	// than what follows; 0: Backoff begins with the first.
	Once time.Duration
	Backoff
	// Late raises the cap for what goes on for long; the zero value: it never rises.
	Late LateCap
}

// LateCap is a cap that takes the place of a backoff's: after so many tries, or so long
// after the first of a row of such outcomes, whichever of the two is not 0.
type LateCap struct {
	Tries int
	After time.Duration
	Cap   time.Duration
}

// retryRules has one rule for each outcome after which something is still to be done,
// and each action. A restriction is in no hurry, and each try of one that a BNG refuses
// costs it work; a release is owed to a subscriber.
var retryRules = []RetryRule{
	{Outcome: OutcomeRefused, Actions: []Action{ActionRestrict, ActionDisconnect}, Backoff: Backoff{5 * time.Minute, 2, time.Hour}},
	// Some six hours of refusals, then slower.
	{Outcome: OutcomeRefused, Actions: []Action{ActionRestore}, Backoff: Backoff{15 * time.Second, 2, 45 * time.Second},
		Late: LateCap{Tries: 480, Cap: 10 * time.Minute}},
	{Outcome: OutcomePartial, Actions: []Action{ActionRestrict, ActionRestore, ActionDisconnect},
		Backoff: Backoff{5 * time.Second, 2, time.Minute}},
	// By the second try what shows that the session is over has been looked up.
	{Outcome: OutcomeSessionGone, Actions: []Action{ActionRestrict, ActionRestore, ActionDisconnect}, Once: time.Second,
		Backoff: Backoff{5 * time.Second, 2, 45 * time.Second}, Late: LateCap{After: 6 * time.Hour, Cap: 10 * time.Minute}},
	{Outcome: OutcomeUnanswered, Actions: []Action{ActionRestrict, ActionDisconnect}, Backoff: Backoff{15 * time.Second, 2, 5 * time.Minute}},
	{Outcome: OutcomeUnanswered, Actions: []Action{ActionRestore}, Backoff: Backoff{5 * time.Second, 2, 30 * time.Second}},
	{Outcome: OutcomeNotSent, Actions: []Action{ActionRestrict, ActionRestore, ActionDisconnect}, Backoff: DeferralBackoff(BriefPause)},
}

// RetryRules lists when each action is tried again after each outcome; an outcome that
// is not in it needs no other try.
func RetryRules() []RetryRule { return slices.Clone(retryRules) }

// retryRule returns the rule for an action after an outcome; nil: it is not tried again.
func retryRule(k OutcomeKind, a Action) *RetryRule {
	i := slices.IndexFunc(retryRules, func(r RetryRule) bool { return r.Outcome == k && slices.Contains(r.Actions, a) })
	if i < 0 {
		return nil
	}
	return &retryRules[i]
}

// Delay is how long to wait after the n-th try in a row, counted from 1; since is how
// long ago the first outcome of the kind in a row was.
func (r *RetryRule) Delay(n int, since time.Duration) time.Duration {
	if r.Once > 0 {
		if n <= 1 {
			return r.Once
		}
		n--
	}
	b := r.Backoff
	if l := r.Late; l.Tries > 0 && n > l.Tries || l.After > 0 && since >= l.After {
		b.Cap = l.Cap
	}
	return b.Delay(n)
}

// DeferralBackoff is how an order that may not leave is asked for again: from a second
// up to longest.
func DeferralBackoff(longest time.Duration) Backoff { return Backoff{time.Second, 2, longest} }

// VerifyBackoff is how the network is asked whether it shows what its BNG acknowledged:
// First is when it is asked first, for a BNG needs a moment to do it. It is asked
// VerifyRestrictTries times about a restriction. A release is not kept open for what does
// not come: asked in vain VerifyRestoreTries times, it counts as done.
var VerifyBackoff = Backoff{2 * time.Second, 2, time.Minute}

// How often the network is asked.
const (
	VerifyRestrictTries = 6
	VerifyRestoreTries  = 3
)

// ReloginBackoff is how further log-ins of a subscriber are restricted while his case
// stands: ReloginsAtOnce follow at once, the next ones with its delays. After
// ReloginQuiet without one, the count begins anew.
var ReloginBackoff = Backoff{10 * time.Second, 2, 2 * time.Minute}

// Bounds of the pace of log-ins.
const (
	ReloginsAtOnce = 3
	ReloginQuiet   = time.Hour
	keptRelogins   = ReloginsAtOnce + 5 // as many as the longest delay takes
)

// JournalBackoff is how a release is sent again that its host sends from its journal alone,
// while the store is unreachable or has lost the case: no case counts the tries.
var JournalBackoff = Backoff{time.Minute, 1, time.Minute}

// AssertDelay is when a release is sent once more if a restriction of the same
// session went unanswered or was retransmitted: past the longest time that a
// late duplicate of it may still be on its way (RFC 5080 MRD 30 s, and 5 s).
// An [Outcome] may ask for more.
const AssertDelay = 35 * time.Second

// longestRetry is the longest delay between two tries that any rule has.
func longestRetry() (longest time.Duration) {
	for _, r := range retryRules {
		longest = max(longest, r.Once, r.Cap, r.Late.Cap)
	}
	return longest
}
