package quarantine

import (
	"slices"
	"testing"
	"time"
)

var actions = []Action{ActionRestrict, ActionRestore, ActionDisconnect}

func TestEachOutcomeThatLeavesSomethingToDoHasOneRetryRuleForEachAction(t *testing.T) {
	for k := range outcomes {
		kind := OutcomeKind(k)
		for _, a := range actions {
			rules := 0
			for _, r := range RetryRules() {
				if r.Outcome == kind && slices.Contains(r.Actions, a) {
					rules++
				}
			}
			want := 1
			if kind.Done() {
				want = 0
			}
			if rules != want {
				t.Errorf("%s of %s: %d rules, want %d", kind, a, rules, want)
			}
		}
		if kind.String() == "" || kind.Shown() == "" || kind.Todo() == "" {
			t.Errorf("outcome %d has no row of the table: %+v", k, outcomes[k])
		}
	}
}

// The delays of each rule, as they have been since the rules were written in place: a
// change of one of these lines changes how long subscribers wait, or BNGs are asked.
func TestDelaysBetweenTriesAreAsDocumented(t *testing.T) {
	const s, m = time.Second, time.Minute
	slow := []time.Duration{5 * m, 10 * m, 20 * m, 40 * m, 60 * m, 60 * m}
	partial := []time.Duration{5 * s, 10 * s, 20 * s, 40 * s, 60 * s, 60 * s}
	gone := []time.Duration{1 * s, 5 * s, 10 * s, 20 * s, 40 * s, 45 * s, 45 * s}
	unanswered := []time.Duration{15 * s, 30 * s, 1 * m, 2 * m, 4 * m, 5 * m, 5 * m}
	notSent := []time.Duration{1 * s, 2 * s, 4 * s, 8 * s, 8 * s}
	for _, c := range []struct {
		outcome OutcomeKind
		action  Action
		delays  []time.Duration // after the first try, the second, …; the last one goes on
	}{
		{OutcomeRefused, ActionRestrict, slow}, {OutcomeRefused, ActionDisconnect, slow},
		{OutcomeRefused, ActionRestore, []time.Duration{15 * s, 30 * s, 45 * s, 45 * s}},
		{OutcomePartial, ActionRestrict, partial}, {OutcomePartial, ActionRestore, partial}, {OutcomePartial, ActionDisconnect, partial},
		{OutcomeSessionGone, ActionRestrict, gone}, {OutcomeSessionGone, ActionRestore, gone}, {OutcomeSessionGone, ActionDisconnect, gone},
		{OutcomeUnanswered, ActionRestrict, unanswered}, {OutcomeUnanswered, ActionDisconnect, unanswered},
		{OutcomeUnanswered, ActionRestore, []time.Duration{5 * s, 10 * s, 20 * s, 30 * s, 30 * s}},
		{OutcomeNotSent, ActionRestrict, notSent}, {OutcomeNotSent, ActionRestore, notSent}, {OutcomeNotSent, ActionDisconnect, notSent},
	} {
		rule := retryRule(c.outcome, c.action)
		for n := 1; n <= 480; n++ {
			want := c.delays[min(n, len(c.delays))-1]
			if got := rule.Delay(n, time.Hour); got != want {
				t.Errorf("%s of %s: %s after try %d, want %s", c.outcome, c.action, got, n, want)
				break
			}
		}
	}
}

func TestWhatGoesOnForHoursIsTriedLessOften(t *testing.T) {
	for _, c := range []struct {
		outcome OutcomeKind
		action  Action
		n       int
		since   time.Duration
		want    time.Duration
	}{
		{OutcomeRefused, ActionRestore, 480, 0, 45 * time.Second}, {OutcomeRefused, ActionRestore, 481, 0, 10 * time.Minute},
		{OutcomeRefused, ActionRestore, 100_000, 0, 10 * time.Minute}, {OutcomeRefused, ActionRestrict, 100_000, 0, time.Hour},
		{OutcomeSessionGone, ActionRestore, 500, 6*time.Hour - time.Second, 45 * time.Second},
		{OutcomeSessionGone, ActionRestore, 500, 6 * time.Hour, 10 * time.Minute},
		{OutcomeSessionGone, ActionRestrict, 500, 100 * time.Hour, 10 * time.Minute},
		{OutcomeSessionGone, ActionRestore, 2, 6 * time.Hour, 5 * time.Second}, // its tries were put off: it grows up to the other cap
		{OutcomeSessionGone, ActionRestore, 8, 6 * time.Hour, 320 * time.Second},
		{OutcomeSessionGone, ActionRestore, 9, 6 * time.Hour, 10 * time.Minute},
	} {
		if got := retryRule(c.outcome, c.action).Delay(c.n, c.since); got != c.want {
			t.Errorf("%s of %s, try %d after %s: %s, want %s", c.outcome, c.action, c.n, c.since, got, c.want)
		}
	}
	if got := longestRetry(); got != time.Hour {
		t.Errorf("longest delay %s", got)
	}
}

func TestDeferralsVerificationAndLogInsHaveTheirBackoff(t *testing.T) {
	const s = time.Second
	for what, c := range map[string]struct {
		b    Backoff
		want []time.Duration
	}{
		"deferred briefly":  {DeferralBackoff(BriefPause), []time.Duration{1 * s, 2 * s, 4 * s, 8 * s, 8 * s}},
		"deferred for long": {DeferralBackoff(LongPause), []time.Duration{1 * s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s, 30 * s}},
		"verification":      {VerifyBackoff, []time.Duration{2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s}},
		"log-ins":           {ReloginBackoff, []time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 120 * s, 120 * s}},
	} {
		for n := range c.want {
			if got := c.b.Delay(n + 1); got != c.want[n] {
				t.Errorf("%s: delay %d is %s, want %s", what, n+1, got, c.want[n])
			}
		}
	}
}

// The rules are what a case goes by: outcomes observed in a row make it due after the
// delays of the table.
func TestACaseIsDueAgainAsItsOutcomeSays(t *testing.T) {
	for _, c := range []struct {
		outcome OutcomeKind
		to      string
	}{
		{OutcomeRefused, "garden"}, {OutcomeRefused, ""}, {OutcomePartial, "garden"}, {OutcomePartial, ""}, {OutcomeSessionGone, "garden"},
		{OutcomeSessionGone, ""}, {OutcomeUnanswered, "garden"}, {OutcomeUnanswered, ""}, {OutcomeUnanswered, Disconnect},
	} {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		e := SessionEnforcement{Wanted: c.to, Enforcement: Pending}
		o := Order{Session: Session{StartedAt: now}, To: c.to}
		if c.to == "" {
			o.From = []AppliedProfile{{Profile: "garden"}}
		}
		for n := 1; n <= 12; n++ {
			e.Attempts++
			e.applyOutcome(&o, Outcome{Kind: c.outcome}, now)
			want := retryRule(c.outcome, actionFor(c.to)).Delay(n, 0)
			if got := e.NextAt.Sub(now); got != want {
				t.Errorf("%s of %q: due after %s at try %d, want %s", c.outcome, c.to, got, n, want)
			}
			if e.Enforcement != c.outcome.Shown() {
				t.Errorf("%s is shown as %s, want %s", c.outcome, e.Enforcement, c.outcome.Shown())
			}
			now = e.NextAt
		}
	}
}
