package stories

import "time"

// action is one thing that can happen in a story.
type action struct {
	name   string
	weight int // how often, beside the others
	do     func(*World)
}

// actions is everything that can happen.
var actions = []action{
	{"log in", 8, (*World).someoneLogsIn},
	{"log out", 4, (*World).someoneLogsOut},
	{"reconnect", 4, (*World).someoneReconnects},
	{"billing", 3, (*World).billingActs},

	{"verdict", 16, (*World).someoneIsReported},
	{"by hand", 4, (*World).someoneIsQuarantinedByHand},
	{"release", 14, (*World).someoneIsReleased},

	{"link outage", 4, (*World).aLinkFails},
	{"lossy link", 4, (*World).aLinkIsLossy},
	{"lost accounting", 3, (*World).accountingIsLost},
	{"restart of a BNG", 5, (*World).aBNGRestarts},
	{"session unknown", 4, (*World).aBNGForgetsForAWhile},
	{"slow hooks", 4, (*World).hooksAreSlow},

	{"store outage", 3, (*World).theStoreFails},
	{"store cut off", 3, (*World).anEngineIsCutOff},
	{"lossy store", 2, (*World).theWayToTheStoreIsLossy},
	{"engine restart", 3, (*World).anEngineRestarts},
	{"engine crash", 2, (*World).anEngineCrashes},
	{"journal refuses", 1, (*World).aLogRefuses},
	{"names change", 2, (*World).theNamesChange},
}

// happen does one thing by chance.
func (w *World) happen() {
	sum := 0
	for _, d := range actions {
		sum += d.weight
	}
	n := w.random.IntN(sum)
	for _, d := range actions {
		if n -= d.weight; n < 0 {
			before := w.transcript.length()
			if d.do(w); w.transcript.length() > before {
				w.done[d.name]++
			}
			return
		}
	}
}

// one is any of several.
func one[T any](w *World, of []T) T { return of[w.random.IntN(len(of))] }

// between is a time between two.
func (w *World) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.random.Int64N(int64(most-least)))
}
