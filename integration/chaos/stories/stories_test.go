package stories

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"cordon/radiusx/bngsim"
)

// inCI is how many stories are told where nobody says how many, from inCIFrom on: what
// a few seconds allow with the race detector, and where everything that can happen does.
const (
	inCI     = 60
	inCIFrom = 81
)

// TestStories runs the stories 1 to STORIES, or the one of STORY=seed and shows its
// transcript; else those for CI. Stories that end badly show theirs.
func TestStories(t *testing.T) {
	first, n := uint64(inCIFrom), uint64(inCI)
	if text := os.Getenv("STORIES"); text != "" {
		first, n = 1, number(t, text)
	}
	seed := os.Getenv("STORY")
	if seed != "" {
		first, n = number(t, seed), 1
	}
	done := make([]map[string]int, n)
	t.Run("seed", func(t *testing.T) { runStories(t, first, done, seed != "") })
	for _, d := range actions {
		if n >= inCI && !slices.ContainsFunc(done, func(in map[string]int) bool { return in[d.name] > 0 }) {
			t.Errorf("%s had no effect in any of %d stories", d.name, n)
		}
	}
}

// runStories runs stories side by side, and notes which actions had an effect in each.
func runStories(t *testing.T, first uint64, done []map[string]int, show bool) {
	for i := range done {
		seed := first + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := story(t, seed)
			done[i] = w.done
			if failures := w.failures(); len(failures) > 0 || show {
				t.Logf("story %d:\n%s", seed, w.transcript)
				for _, f := range failures {
					t.Error(f)
				}
			}
		})
	}
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	must(t, err)
	return n
}

// story tells one story.
func story(t *testing.T, seed uint64) (w *World) {
	synctest.Test(t, func(t *testing.T) {
		chance := rand.New(rand.NewPCG(seed, 12))
		w = newWorld(t, seed, plans(chance), 1+chance.IntN(2))
		defer w.end()
		w.lasting(w.between(2*time.Minute, 10*time.Minute))
		for range 1 + chance.IntN(4) {
			w.newSubscriber(one(w, w.bngs)).logIn()
		}
		w.pass(5 * time.Second)
		for range 10 + chance.IntN(20) {
			w.happen()
			w.pass(w.between(0, 40*time.Second))
			w.checkPromptly()
		}
		w.endIn()
	})
	return w
}

// plans are the boxes of a story: makes by chance, half of them with a habit.
func plans(chance *rand.Rand) []labBNGPlan {
	boxes := make([]labBNGPlan, 1+chance.IntN(3))
	for i := range boxes {
		boxes[i].gear = modelled[chance.IntN(len(modelled))]
		if q := lasting[chance.IntN(len(lasting))]; boxes[i].gear.has(q) && chance.IntN(2) == 0 {
			boxes[i].quirks = []bngsim.Quirk{q}
		}
	}
	return boxes
}
