package app

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"cordon/integration/authorize"
	"cordon/quarantine"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
	"cordon/radiusx/coa"
	"cordon/store/spool"
)

// registry collects the figures of all parts. No label names an address or a
// subscriber.
func (a *App) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), figures{a})
	return r
}

// figures reads the parts' own counters when asked.
type figures struct{ app *App }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	acctRecords     = describe("cordon_accounting_datagrams_total", "Accounting datagrams by what became of them.", "outcome")
	acctFaults      = describe("cordon_accounting_faults_total", "Faults of authentic records, which are answered all the same, by what is wrong and by the configured BNG that they claim to be about; bng is empty for none.", "reason", "bng")
	acctSkew        = describe("cordon_accounting_clock_skew_seconds", "How far the clock that stamps the BNG's accounting seems to be ahead of ours.", "bng")
	acctClocks      = describe("cordon_accounting_clock_records_total", "Records of the BNG whose Event-Timestamp was not believed: ahead and behind are put right by their arrival, the time of contradictory ones is uncertain.", "bng", "kind")
	acctAside       = describe("cordon_accounting_set_aside_total", "Records that Redis cannot hold, set aside for a person: answered, and not stored.")
	spoolWaits      = describe("cordon_accounting_spool_records", "Records that wait on this host's disk for Redis.")
	spoolOctets     = describe("cordon_accounting_spool_octets", "Disk space of the spool.")
	spoolOldest     = describe("cordon_accounting_spool_oldest_timestamp_seconds", "Event time of the oldest record that waits; not there if none does.")
	spoolMoved      = describe("cordon_accounting_spooled_total", "Records by what became of them in the spool; full, no_room, disk_fails and alone were not answered.", "outcome")
	coaSent         = describe("cordon_coa_exchanges_total", "CoA and Disconnect exchanges by outcome.", "outcome")
	coaAgain        = describe("cordon_coa_retransmissions_total", "Requests sent again.")
	coaDropped      = describe("cordon_coa_discarded_total", "Datagrams that answered nothing.", "reason")
	coaIDs          = describe("cordon_coa_identifiers_reused_total", "Identifiers used again: rested after the full 300 s, hurried before.", "how")
	coaErrors       = describe("cordon_coa_socket_errors_total", "Errors of our own sockets, and ICMP complaints about datagrams of ours.", "kind")
	coaPorts        = describe("cordon_coa_ports", "Source ports that are open.")
	coaShort        = describe("cordon_coa_ports_short_of_buffer", "Open ports that got less socket buffer than was asked for.")
	coaBuffer       = describe("cordon_coa_socket_buffer_octets", "Socket buffer of the port that got least; 0: unknown.", "direction")
	maintained      = describe("cordon_bng_maintenance", "1 if the BNG is in maintenance: nothing new is restricted there, and alarms about it mean little.", "bng")
	logInsAsked     = describe("cordon_authorize_total", "Log-ins that an AAA server asked about, by what it was answered.", "outcome")
	doubtful        = describe("cordon_sessions_not_believed_total", "What was read of another program's sessions and is not believed, by reason.", "reason")
	silentFor       = describe("cordon_instance_silent_seconds", "For how long another instance, to which accounting comes, has been silent; 0: it is up.", "name")
	waitFor         = describe("cordon_verdicts_waiting_for_instance", "Verdicts of this instance that wait for accounting which a silent one may have answered.", "name")
	cutOffFor       = describe("cordon_cut_off_seconds", "For how long Redis has not taken this instance's heartbeat; 0: it does.")
	pending         = describe("cordon_verdicts_pending", "Accepted verdicts of this instance that wait for a decision.")
	fullest         = describe("cordon_verdicts_fullest_share_ratio", "How full the fullest source's share of the queue of undecided verdicts is; above 0.5 unknown addresses are given up sooner.")
	throttled       = describe("cordon_verdicts_throttled_total", "Verdicts that were not taken because their source had sent too many.", "reason")
	isSender        = describe("cordon_sender", "1 if this instance is the sender.")
	sourceLast      = describe("cordon_accounting_source_last_record_timestamp_seconds", "When the last record of a configured BNG or relay came, to any instance.", "source")
	sourceBehind    = describe("cordon_accounting_source_behind_seconds", "How old the freshest record was that came last.", "source")
	sourceSilent    = describe("cordon_accounting_source_silent", "1 if the source has stopped: addresses of its BNGs are not attributed for later moments.", "source")
	logReported     = describe("cordon_translator_log_reported_timestamp_seconds", "How far a translator's log has come, by its own clock.", "log")
	sessionsRenamed = describe("cordon_sessions_renamed_total", "Accounting records that bore another name than the session that they are about did.")

	internalErrors = describe("cordon_internal_errors_total", "Defects of this program that one subscriber, verdict or command met. Each is logged with its stack.")
	lateReleases   = describe("cordon_releases_late", "Sessions that should have been given back more than 15 minutes ago, by this host's journal.")
	unservedCases  = describe("cordon_unserved_cases", "Open cases to which a release is, or will be, owed on a BNG that is not configured.")

	bngState    = describe("cordon_bng_state", "1 for the state that the way to the BNG is in. Only the sender knows.", "bng", "state")
	bngSkew     = describe("cordon_bng_clock_skew_seconds", "How far the BNG's clock is ahead of ours.", "bng")
	bngDiscards = describe("cordon_bng_clock_skew_discards_total", "Exchanges unanswered because answers were stamped too far off.", "bng")
	bngAnswered = describe("cordon_bng_last_answer_timestamp_seconds", "When the BNG answered last.", "bng")
	bngInFlight = describe("cordon_bng_in_flight", "Requests that wait for an answer.", "bng")
	bngWaiting  = describe("cordon_bng_waiting", "Requests that wait for their turn.", "bng", "kind")
	bngRate     = describe("cordon_bng_rate", "Requests a second that may leave; restrictions fewer while many lines come back.", "bng", "kind")
	bngStopped  = describe("cordon_bng_stopped_profiles", "Profiles that the BNG refuses to everybody.", "bng")
)

// Describe implements prometheus.Collector.
func (f figures) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, out) }

// Collect implements prometheus.Collector.
func (f figures) Collect(out chan<- prometheus.Metric) {
	s := samples{out}
	if f.app.acct != nil {
		for counter, n := range f.app.acct.Stats() {
			s.count(acctRecords, n, acct.Counter(counter).String())
		}
		s.count(acctAside, f.app.setAside.Stats().Events)
		s.faults(f.app.faults())
		s.clocks(f.app.clocks())
		s.count(sessionsRenamed, f.app.store.Renamed())
	}
	s.spool(f.app.spool)
	if f.app.template != nil {
		for _, d := range f.app.template.Doubts() {
			s.count(doubtful, d.Count, d.Reason.String())
		}
	}
	s.count(internalErrors, f.app.engine.Panics())
	s.instances(f.app.engine.AwaitedInstances())
	s.gauge(cutOffFor, f.app.engine.CutOff().Seconds())
	s.client(f.app.coa.Stats())
	s.maintenance(f.app.cfg.BNGs, f.app.engine.Maintenances())
	for outcome, n := range f.app.authorize.Counts() {
		s.count(logInsAsked, n, authorize.Outcome(outcome).String())
	}
	s.gauge(unservedCases, float64(f.app.unserved.Cases()))
	s.gauge(lateReleases, float64(f.app.engine.LateReleases()))
	s.sources(f.app)
	s.backlog(f.app)
	sending := f.app.engine.Sender()
	s.gauge(isSender, number(sending))
	if !sending {
		return
	}
	for _, h := range f.app.fleet.Health() {
		s.bng(&h)
	}
}

// samples writes figures of one collection.
type samples struct{ out chan<- prometheus.Metric }

// count and gauge write one figure; labels are spelt with underscores.
func (s samples) count(d *prometheus.Desc, n uint64, labels ...string) {
	s.out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (s samples) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// backlog writes how many verdicts wait, and how many were refused.
func (s samples) backlog(a *App) {
	waiting, share, noRoom := a.engine.Backlog()
	s.gauge(pending, float64(waiting))
	s.gauge(fullest, share)
	s.count(throttled, noRoom, "share")
	if a.intake != nil {
		s.count(throttled, a.intake.Throttled(), "quota")
	}
}

// faults writes what is wrong with records.
func (s samples) faults(counts []acct.FaultCount) {
	for _, c := range counts {
		s.count(acctFaults, c.Times, c.Reason, c.BNG)
	}
}

// clocks writes what accounting tells of the BNGs' clocks.
func (s samples) clocks(by map[string]acct.Clock) {
	for name, c := range by {
		s.gauge(acctSkew, c.Ahead.Seconds(), name)
		s.count(acctClocks, c.AheadOf, name, "ahead")
		s.count(acctClocks, c.Behind, name, "behind")
		s.count(acctClocks, c.Contradictory, name, "contradictory")
	}
}

// spool writes the figures of the accounting spool, if there is one.
func (s samples) spool(p *spool.Spool) {
	if p == nil {
		return
	}
	now := p.Stats()
	s.gauge(spoolWaits, float64(now.Waiting))
	s.gauge(spoolOctets, float64(now.Octets))
	if oldest, some := p.Oldest(); some {
		s.gauge(spoolOldest, seconds(oldest))
	}
	s.count(spoolMoved, now.Spooled, "spooled")
	s.count(spoolMoved, now.Drained, "drained")
	s.count(spoolMoved, now.Full, "full")
	s.count(spoolMoved, now.NoRoom, "no_room")
	s.count(spoolMoved, now.Failed, "disk_fails")
	s.count(spoolMoved, now.Alone, "alone")
}

// instances writes the figures of the other instances. Several may have one
// name: the one that has been silent for longest counts, and the verdicts of all.
func (s samples) instances(all []quarantine.InstanceStatus) {
	silent, verdicts := map[string]time.Duration{}, map[string]int{}
	for _, i := range all {
		silent[i.Label()] = max(silent[i.Label()], i.Silence)
		verdicts[i.Label()] += i.Verdicts
	}
	for name, d := range silent {
		s.gauge(silentFor, d.Seconds(), name)
		s.gauge(waitFor, float64(verdicts[name]), name)
	}
}

// sources writes a figure for every configured BNG and relay that was heard, and for
// every translator's log.
func (s samples) sources(a *App) {
	known, silent := a.sources.Known(), map[string]bool{}
	for _, stopped := range a.sources.Silent() {
		silent[stopped.Name] = true
	}
	for _, name := range sourcePlan(a.cfg, quarantine.SilenceRule{}).Names() {
		if source, heard := known.Sources[name]; heard {
			s.gauge(sourceLast, seconds(source.Last), name)
			s.gauge(sourceBehind, source.Behind.Seconds(), name)
			s.gauge(sourceSilent, number(silent[name]), name)
		}
	}
	for name, source := range known.Sources {
		if log, is := quarantine.LogName(name); is {
			s.gauge(logReported, seconds(source.Reported), log)
		}
	}
}

func seconds(t time.Time) float64 {
	return float64(t.UnixMilli()) / float64(time.Second/time.Millisecond)
}

// client writes the figures of the CoA client.
func (s samples) client(stats coa.Stats) {
	s.count(coaSent, stats.ACKs, "ack")
	s.count(coaSent, stats.NAKs, "nak")
	s.count(coaSent, stats.Unanswered, "unanswered")
	s.count(coaSent, stats.Abandoned, "abandoned")
	s.count(coaAgain, stats.Retransmitted)
	for reason, n := range stats.Discarded {
		if reason != int(coa.NotDiscarded) {
			s.count(coaDropped, n, label(coa.Discard(reason).String()))
		}
	}
	s.count(coaIDs, stats.Rested, "rested")
	s.count(coaIDs, stats.ReusedEarly, "hurried")
	s.count(coaErrors, stats.OpenErrors, "open")
	s.count(coaErrors, stats.WriteErrors, "write")
	s.count(coaErrors, stats.ReadErrors, "read")
	s.count(coaErrors, stats.ICMPErrors, "complaint")
	s.gauge(coaPorts, float64(stats.Ports))
	s.gauge(coaShort, float64(stats.ShortBuffers))
	s.gauge(coaBuffer, float64(stats.ReceiveBuffer), "receive")
	s.gauge(coaBuffer, float64(stats.SendBuffer), "send")
}

// maintenance writes a figure for every configured BNG, so that an alert can be
// silenced by its label.
func (s samples) maintenance(configured []BNG, windows []quarantine.Maintenance) {
	now := map[string]bool{}
	for _, m := range windows {
		now[m.BNG] = true
	}
	for _, b := range configured {
		s.gauge(maintained, number(now[b.Name]), b.Name)
	}
}

// bng writes the figures of one BNG.
func (s samples) bng(h *bng.Health) {
	for _, state := range bng.PathStates() {
		s.gauge(bngState, number(state == h.State), h.BNG, state.String())
	}
	if !h.SkewAt.IsZero() {
		s.gauge(bngSkew, h.Skew.Seconds(), h.BNG)
	}
	if !h.LastAnswer.IsZero() {
		s.gauge(bngAnswered, seconds(h.LastAnswer), h.BNG)
	}
	s.count(bngDiscards, h.ClockDiscards, h.BNG)
	s.gauge(bngInFlight, float64(h.InFlight), h.BNG)
	s.gauge(bngWaiting, float64(h.WaitingReleases), h.BNG, "release")
	s.gauge(bngWaiting, float64(h.WaitingRestrictions), h.BNG, "restriction")
	s.gauge(bngRate, h.Rate, h.BNG, "all")
	s.gauge(bngRate, h.RestrictionRate, h.BNG, "restriction")
	s.gauge(bngStopped, float64(len(h.Stopped)), h.BNG)
}

// label spells a word of a table as Prometheus' users expect.
func label(word string) string { return strings.ReplaceAll(word, "-", "_") }

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
