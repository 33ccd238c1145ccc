package docs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
)

// TestTheManualsRetryTableIsTheCodes compares the table of delays in the operator's
// manual with the rules that a case goes by.
func TestTheManualsRetryTableIsTheCodes(t *testing.T) {
	checkBetween(t, "operators-manual.md", "<!-- retry-table -->\n", "<!-- end of retry-table -->\n", retryTable())
}

// retryTable is quarantine's table of retries, for people.
func retryTable() string {
	var b strings.Builder
	b.WriteString("| outcome | of | shown as | what Cordon does | tried again after |\n|---|---|---|---|---|\n")
	for _, r := range quarantine.RetryRules() {
		actions := make([]string, len(r.Actions))
		for i, a := range r.Actions {
			actions[i] = string(a)
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s | %s |\n", r.Outcome, strings.Join(actions, ", "), r.Outcome.Shown(), r.Outcome.Todo(), delays(&r))
	}
	for _, x := range []struct{ what, of, shown, does, after string }{
		{"deferred: the reason may end at any moment", "any", code(quarantine.Pending), "ask again whether it may leave",
			growing(quarantine.DeferralBackoff(quarantine.BriefPause))},
		{"deferred: path or stopped profile", "any", code(quarantine.Pending), "likewise; at once when the BNG answers again",
			growing(quarantine.DeferralBackoff(quarantine.LongPause))},
		{"acked, not verified yet", "restrict", code(quarantine.Acked), "ask the network", verification(quarantine.VerifyRestrictTries)},
		{"acked, not verified yet", "restore", code(quarantine.Acked), "ask the network", verification(quarantine.VerifyRestoreTries)},
		{"unanswered, sent from the journal alone", "restore", code(quarantine.Unanswered), "send the release again",
			"each " + short(quarantine.JournalBackoff.Delay(1))},
		{"another log-in while the case stands", "restrict", code(quarantine.Pending), "pace it", pacing()},
		{"acked, a late duplicate of a restriction may still arrive", "restore", code(quarantine.Acked), "send the release once more",
			short(quarantine.AssertDelay) + " or longer"},
	} {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", x.what, x.of, x.shown, x.does, x.after)
	}
	return b.String()
}

func code(e quarantine.Enforcement) string { return "`" + string(e) + "`" }

// delays is a rule in words.
func delays(r *quarantine.RetryRule) string {
	text := growing(r.Backoff)
	if r.Once > 0 {
		text = short(r.Once) + ", then " + text
	}
	switch l := r.Late; {
	case l.Tries > 0:
		text += fmt.Sprintf("; after %d tries up to %s", l.Tries, short(l.Cap))
	case l.After > 0:
		text += fmt.Sprintf("; after %s up to %s", short(l.After), short(l.Cap))
	}
	return text
}

// growing is a backoff in words.
func growing(b quarantine.Backoff) string {
	return fmt.Sprintf("%s, times %d up to %s", short(b.First), b.Factor, short(b.Cap))
}

func verification(tries int) string {
	return fmt.Sprintf("asked after %s; at most %d times", growing(quarantine.VerifyBackoff), tries)
}

func pacing() string {
	return fmt.Sprintf("at once %d times, then %s; at once again after %s without one",
		quarantine.ReloginsAtOnce, growing(quarantine.ReloginBackoff), short(quarantine.ReloginQuiet))
}

func short(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
