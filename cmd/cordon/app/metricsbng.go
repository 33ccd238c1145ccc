package app

import (
	"cordon/quarantine"
	"cordon/radiusx/bng"
	"cordon/radiusx/coa"
)

var (
	coaExchanges = describe("cordon_coa_exchanges_total",
		"Total number of CoA and Disconnect exchanges, by outcome.", "outcome")
	coaRetransmissions = describe("cordon_coa_retransmissions_total",
		"Total number of retransmissions of requests.")
	coaDiscarded = describe("cordon_coa_discarded_total",
		"Total number of datagrams that were discarded instead of being accepted as a reply, by reason.", "reason")
	coaIdentifiers = describe("cordon_coa_identifiers_reused_total",
		"Total number of RADIUS identifiers that were reused: after_300s, or within_300s because no more ports are left.", "how")
	coaSocketErrors = describe("cordon_coa_socket_errors_total",
		"Total number of errors of our own sockets (open, write, read) and of ICMP errors about our datagrams (complaint).", "kind")
	coaPorts = describe("cordon_coa_ports",
		"Number of open source ports.")
	coaPortsShort = describe("cordon_coa_ports_short_of_buffer",
		"Number of open source ports that got less socket buffer than was asked for.")
	coaBuffer = describe("cordon_coa_socket_buffer_bytes",
		"Socket buffer of the source port that got least, in bytes; 0: unknown.", "direction")
)

// client writes the samples of the CoA client.
func (s samples) client(stats coa.Stats) {
	s.count(coaExchanges, stats.ACKs, "ack")
	s.count(coaExchanges, stats.NAKs, "nak")
	s.count(coaExchanges, stats.Unanswered, "unanswered")
	s.count(coaExchanges, stats.Abandoned, "abandoned")
	s.count(coaRetransmissions, stats.Retransmitted)
	for reason, n := range stats.Discarded {
		if reason != int(coa.NotDiscarded) {
			s.count(coaDiscarded, n, label(coa.Discard(reason).String()))
		}
	}
	s.count(coaIdentifiers, stats.Rested, "after_300s")
	s.count(coaIdentifiers, stats.ReusedEarly, "within_300s")
	s.count(coaSocketErrors, stats.OpenErrors, "open")
	s.count(coaSocketErrors, stats.WriteErrors, "write")
	s.count(coaSocketErrors, stats.ReadErrors, "read")
	s.count(coaSocketErrors, stats.ICMPErrors, "icmp")
	s.gauge(coaPorts, float64(stats.Ports))
	s.gauge(coaPortsShort, float64(stats.ShortBuffers))
	s.gauge(coaBuffer, float64(stats.ReceiveBuffer), "receive")
	s.gauge(coaBuffer, float64(stats.SendBuffer), "send")
}

var maintained = describe("cordon_bng_maintenance",
	"Whether the BNG is in maintenance (1) or not (0); new restrictions there are deferred, and alerts about it mean little.", "bng")

// maintenance writes a sample for every configured BNG, so that an alert can be silenced
// by its label.
func (s samples) maintenance(configured []BNG, windows []quarantine.Maintenance) {
	now := map[string]bool{}
	for _, m := range windows {
		now[m.BNG] = true
	}
	for _, b := range configured {
		s.gauge(maintained, number(now[b.Name]), b.Name)
	}
}

// What only the sender knows.
var (
	bngState = describe("cordon_bng_state",
		"Whether the path to the BNG is in the state (1) or not (0).", "bng", "state")
	bngSkew = describe("cordon_bng_clock_skew_seconds",
		"How far the BNG's clock is ahead of this host's by its replies, in seconds.", "bng")
	bngSkewDiscards = describe("cordon_bng_clock_skew_discards_total",
		"Total number of exchanges without a reply because replies were stamped too far off.", "bng")
	bngLastReply = describe("cordon_bng_last_reply_timestamp_seconds",
		"When the BNG replied last, in seconds since 1970.", "bng")
	bngInFlight = describe("cordon_bng_in_flight",
		"Number of requests to the BNG in flight.", "bng")
	bngQueued = describe("cordon_bng_queued",
		"Number of requests to the BNG that wait for their turn, by kind.", "bng", "kind")
	bngRate = describe("cordon_bng_rate",
		"Number of requests a second that may leave for the BNG; fewer restrictions while many lines come back.", "bng", "kind")
	bngStopped = describe("cordon_bng_stopped_profiles",
		"Number of profiles that the BNG refuses to everybody.", "bng")
)

// bng writes the samples of one BNG.
func (s samples) bng(h *bng.Health) {
	for _, state := range bng.PathStates() {
		s.gauge(bngState, number(state == h.State), h.BNG, state.String())
	}
	if !h.SkewAt.IsZero() {
		s.gauge(bngSkew, h.Skew.Seconds(), h.BNG)
	}
	if !h.LastAnswer.IsZero() {
		s.gauge(bngLastReply, seconds(h.LastAnswer), h.BNG)
	}
	s.count(bngSkewDiscards, h.ClockDiscards, h.BNG)
	s.gauge(bngInFlight, float64(h.InFlight), h.BNG)
	s.gauge(bngQueued, float64(h.WaitingReleases), h.BNG, "release")
	s.gauge(bngQueued, float64(h.WaitingRestrictions), h.BNG, "restriction")
	s.gauge(bngRate, h.Rate, h.BNG, "all")
	s.gauge(bngRate, h.RestrictionRate, h.BNG, "restriction")
	s.gauge(bngStopped, float64(len(h.Stopped)), h.BNG)
}
