package quarantine

import "testing"

func TestACaseThatWasAMistakeCountsAgainstNobody(t *testing.T) {
	for code, want := range map[ReleaseCode]bool{
		ReleaseFalsePositive: false, ReleaseWrongLine: false, ReleaseCleaned: true, ReleaseOther: true, "": true,
	} {
		c := restrictedBy("garden", "garden", at(3600))
		if !c.CountsAgainst() {
			t.Errorf("open, it does not count")
		}
		if err := c.ReleaseBy("noc", "x", code, at(60), at(60)); err != nil || c.CountsAgainst() != want {
			t.Errorf("released as %q it counts: %t, want %t; %v", code, c.CountsAgainst(), want, err)
		}
	}
}

// Whatever a person released a case for: what was observed before opens nothing,
// and is not counted with what was observed after.
func TestEvidenceBeforeAReleaseReachesNoThresholdAfterIt(t *testing.T) {
	r := ladder()
	released := &PersonRelease{Case: "c-0", At: at(100), By: "noc", Code: ReleaseFalsePositive}
	var c *Case
	for i, observed := range []int{98, 99, 100, 101, 102, 103} {
		d := r.Decide(seen(i, "brute", at(observed)), "alice", Situation{Dossier: Dossier{Case: c, Released: released}}, "c-1", at(110))
		if d.Case != nil {
			c = d.Case
		}
		if acts := c != nil && c.State == Restricting; acts != (observed == 103) {
			t.Fatalf("observed at %d: acts %t", observed, acts)
		}
	}
}
