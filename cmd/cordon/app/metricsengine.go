package app

import (
	"time"

	"cordon/integration/authorize"
	"cordon/quarantine"
)

var (
	verdictsPending = describe("cordon_verdicts_pending",
		"Number of accepted verdicts of this instance that wait for a decision.")
	fullestShare = describe("cordon_verdicts_fullest_share_ratio",
		"How full the fullest source's share of the queue of undecided verdicts is, from 0 to 1; above 0.5 unknown addresses are given up "+
			"sooner.")
	throttled = describe("cordon_verdicts_throttled_total",
		"Total number of verdicts that were refused because their source had sent too many, by reason.", "reason")
	isSender = describe("cordon_sender",
		"Whether this instance is the elected sender (1) or not (0).")
	lateReleases = describe("cordon_releases_late",
		"Number of sessions that should have been released more than 15 minutes ago, by this host's journal.")
	unservedCases = describe("cordon_unserved_cases",
		"Number of open cases in which a release is, or will be, owed on a BNG that is not configured.")
	internalErrors = describe("cordon_internal_errors_total",
		"Total number of defects of this program that one subscriber, verdict or command met; each is logged with its stack.")
)

// decisions writes what waits for the engine, and what it met.
func (s samples) decisions(a *App) {
	waiting, share, noRoom := a.engine.Backlog()
	s.gauge(verdictsPending, float64(waiting))
	s.gauge(fullestShare, share)
	s.count(throttled, noRoom, "share")
	if a.intake != nil {
		s.count(throttled, a.intake.Throttled(), "quota")
	}
	s.gauge(isSender, number(a.engine.Sender()))
	s.gauge(lateReleases, float64(a.engine.LateReleases()))
	s.gauge(unservedCases, float64(a.unserved.Cases()))
	s.count(internalErrors, a.engine.Panics())
	s.gauge(redisUnreachable, a.engine.CutOff().Seconds())
}

var (
	redisUnreachable = describe("cordon_redis_unreachable_seconds",
		"How long Redis has not accepted this instance's heartbeat, in seconds; 0: it does.")
	instanceSilent = describe("cordon_instance_silent_seconds",
		"How long another instance, which receives accounting, has been silent, in seconds; 0: it is up.", "name")
	awaiting = describe("cordon_verdicts_awaiting_instance",
		"Number of verdicts of this instance that wait for accounting which a silent instance may have answered.", "name")
)

// instances writes the samples of the other instances. Several may have one name: the
// one that has been silent for longest counts, and the verdicts of all.
func (s samples) instances(all []quarantine.InstanceStatus) {
	silent, verdicts := map[string]time.Duration{}, map[string]int{}
	for _, i := range all {
		silent[i.Label()] = max(silent[i.Label()], i.Silence)
		verdicts[i.Label()] += i.Verdicts
	}
	for name, d := range silent {
		s.gauge(instanceSilent, d.Seconds(), name)
		s.gauge(awaiting, float64(verdicts[name]), name)
	}
}

var logInOutcomes = describe("cordon_authorize_total",
	"Total number of log-ins that an AAA server asked about, by outcome.", "outcome")

// logIns writes what AAA servers were answered.
func (s samples) logIns(desk *authorize.Service) {
	for outcome, n := range desk.Counts() {
		s.count(logInOutcomes, n, authorize.Outcome(outcome).String())
	}
}
