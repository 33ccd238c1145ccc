package stories

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"cordon/radiusx/bngsim"
)

// TestStories tells as many stories as STORIES says, or the one of STORY=seed with its tale.
func TestStories(t *testing.T) {
	first, n := uint64(1), uint64(20)
	if text := os.Getenv("STORIES"); text != "" {
		n = number(t, text)
	}
	if text := os.Getenv("STORY"); text != "" {
		first, n = number(t, text), 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { t.Parallel(); story(t, seed) })
	}
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	must(t, err)
	return n
}

func story(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		chance := rand.New(rand.NewPCG(seed, 12)) //nolint:gosec // chance, not keys
		var of []boxPlan
		for range 1 + chance.IntN(3) {
			plan := boxPlan{gear: modelled[chance.IntN(len(modelled))]}
			if q := lasting[chance.IntN(len(lasting))]; plan.gear.has(q) && chance.IntN(2) == 0 {
				plan.quirks = []bngsim.Quirk{q}
			}
			of = append(of, plan)
		}
		w := newWorld(t, seed, of, 1+chance.IntN(2))
		defer w.end()
		for range 1 + chance.IntN(4) {
			w.newPerson(w.boxes[chance.IntN(len(w.boxes))]).logIn()
		}
		w.pass(5 * time.Second)
		for range 10 + chance.IntN(20) {
			w.happen()
			w.pass(w.between(0, 40*time.Second))
		}
		w.endIn()
		if len(w.failures()) > 0 || os.Getenv("STORY") != "" {
			t.Logf("story %d:\n%s", seed, w.tale)
		}
		for _, f := range w.failures() {
			t.Error(f)
		}
	})
}
