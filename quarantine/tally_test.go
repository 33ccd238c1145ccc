package quarantine

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// reachedBy is a threshold by its definition, over all evidence there ever was.
func reachedBy(all []CaseVerdict, t *Threshold) bool {
	var newest time.Time
	for _, v := range all {
		newest = later(newest, v.ObservedAt)
	}
	count, sum, sources := 0, int64(0), map[string]bool{}
	for _, v := range all {
		if t.Within > 0 && newest.Sub(v.ObservedAt) > time.Duration(t.Within) {
			continue
		}
		count++
		sources[v.Source] = true
		if v.Confidence != nil && *v.Confidence >= LeastConfidence {
			sum += partsPerMillion(*v.Confidence)
		}
	}
	return count >= t.Count && len(sources) >= t.Sources && sum >= partsPerMillion(t.Sum)
}

// A tally that forgets what cannot matter says at every step what counting all
// evidence says, in whatever order it comes.
func TestATallyIsExact(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 7))
		threshold := Threshold{
			Count: rng.IntN(90), Sources: rng.IntN(6), Sum: float64(rng.IntN(80)) / 10,
			Within: Duration(rng.IntN(3)) * Duration(10*time.Minute),
		}
		var all []CaseVerdict
		tally := &Tally{Rule: "r"}
		for n := range 250 {
			v := CaseVerdict{ID: fmt.Sprint("v-", n), Source: fmt.Sprint("s", rng.IntN(8)), ObservedAt: at(n*10 - rng.IntN(600))}
			if rng.IntN(4) > 0 {
				confidence := float64(rng.IntN(1000)) / 1000
				v.Confidence = &confidence
			}
			all = append(all, v)
			tally.count(&v, &threshold)
			if n%3 == 0 { // once more, and through Redis
				tally.count(&all[rng.IntN(len(all))], &threshold)
				text, err := json.Marshal(tally)
				if err != nil {
					t.Fatal(err)
				}
				tally = &Tally{}
				if err := json.Unmarshal(text, tally); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := tally.reached(&threshold), reachedBy(all, &threshold); got != want {
				t.Fatalf("seed %d, %+v, after %d verdicts: reached %t, want %t; %d marks", seed, threshold, n+1, got, want, len(tally.Marks))
			}
		}
	}
}

func TestASumIsExactAtItsBoundary(t *testing.T) {
	threshold, tally := Threshold{Sum: 2.1}, &Tally{}
	confidence := 0.7
	for n := range 3 {
		if tally.reached(&threshold) {
			t.Errorf("%d times 0.7 are 2.1", n)
		}
		tally.count(&CaseVerdict{ID: fmt.Sprint(n), Confidence: &confidence, ObservedAt: at(n)}, &threshold)
	}
	if !tally.reached(&threshold) {
		t.Error("three times 0.7 are less than 2.1")
	}
}

// What a case keeps of a flood is bounded by what the rules ask for.
func TestATallyStaysSmall(t *testing.T) {
	confidence := LeastConfidence
	for threshold, most := range map[Threshold]int{
		{Count: 3}: 150, {Count: 60, Within: Duration(time.Hour)}: 1500, {Count: MaxThreshold}: 22_000,
		{Sum: MaxThreshold * LeastConfidence}: 24_000, {Count: 1, Sources: MaxThresholdSources}: 4000,
	} {
		tally := &Tally{Rule: "r"}
		for n := range 3000 {
			tally.count(&CaseVerdict{ID: fmt.Sprint(n), Source: fmt.Sprint("source-", n%200), Confidence: &confidence, ObservedAt: at(n)},
				&threshold)
		}
		text, err := json.Marshal(tally)
		if err != nil || len(text) > most || !tally.reached(&threshold) {
			t.Errorf("%+v: %d octets after 3000 verdicts, at most %d are wanted; %v", threshold, len(text), most, err)
		}
	}
}

func TestAVerdictCountsOnceHoweverLateItComesAgain(t *testing.T) {
	r := ladder()
	var c *Case
	for i := range 59 {
		c, _ = file(r, c, seen(i, "scan", at(i)), at(i))
	}
	for i := range 59 {
		again := r.Decide(seen(i, "scan", at(i)), "alice", Situation{Dossier: Dossier{Case: c}}, "c-1", at(100))
		if again.Case != nil {
			t.Fatalf("verdict %d counts again: the case is %s", i, again.Case.State)
		}
	}
}

// A case of a version without tallies has its evidence in its verdicts.
func TestEvidenceOfACaseThatWasSavedWithoutTalliesCounts(t *testing.T) {
	r := ladder()
	c := &Case{ID: "c-1", Subscriber: "alice", State: Observing, Rule: "three", Profile: "garden", OpenedAt: noon, ExpiresAt: at(86400)}
	for i := range 2 {
		v := seen(i, "brute", at(i))
		c.Verdicts = append(c.Verdicts, CaseVerdict{ID: v.ID, Source: v.Source, ObservedAt: v.ObservedAt, Rule: "three"})
	}
	if c, _ = file(r, c, seen(2, "brute", at(2)), at(2)); c.State != Restricting {
		t.Errorf("the third of three: %s", c.State)
	}
}

func TestMarksThatAreNoneAreRefused(t *testing.T) {
	for _, text := range []string{`"!"`, `"AAAA"`, `"gICAgICAgICAgICAgICAgICAgIA"`, `7`} {
		var l marks
		if err := json.Unmarshal([]byte(text), &l); err == nil {
			t.Errorf("%s became %+v", text, l)
		}
	}
}

// Evidence that a person judged counts for no threshold; later evidence does.
func TestEvidenceUpToAPersonsDecisionReachesNoThreshold(t *testing.T) {
	r := ladder()
	var c *Case
	for i := range 2 {
		c, _ = file(r, c, seen(i, "brute", at(i)), at(i))
	}
	c.Judge(at(10))
	for i, observed := range []int{9, 10, 11, 12} {
		if c, _ = file(r, c, seen(10+i, "brute", at(observed)), at(20)); c.State != Observing {
			t.Fatalf("observed at %d: %s", observed, c.State)
		}
	}
	if c, _ = file(r, c, seen(20, "brute", at(13)), at(20)); c.State != Restricting {
		t.Errorf("three after it: %s", c.State)
	}
}
