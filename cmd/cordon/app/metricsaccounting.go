package app

import (
	"cordon/quarantine"
	"cordon/radiusx/acct"
	"cordon/store/spool"
	"cordon/store/template"
)

var (
	acctDatagrams = describe("cordon_accounting_datagrams_total",
		"Total number of accounting datagrams received, by outcome.", "outcome")
	acctFaults = describe("cordon_accounting_faults_total",
		"Total number of faults of authentic accounting records, which are answered all the same, by reason and by the configured BNG that "+
			"they claim to be about; bng is empty for none.", "reason", "bng")
	acctSkew = describe("cordon_accounting_clock_skew_seconds",
		"How far the clock that stamps the BNG's accounting is ahead of this host's, in seconds.", "bng")
	acctClocks = describe("cordon_accounting_clock_records_total",
		"Total number of accounting records of the BNG whose Event-Timestamp was distrusted: ahead and behind are corrected by their arrival, "+
			"the time of contradictory ones is uncertain.", "bng", "kind")
	acctAside = describe("cordon_accounting_set_aside_total",
		"Total number of accounting records that Redis cannot hold: answered, set aside in a file and not stored.")
	sessionsRenamed = describe("cordon_sessions_renamed_total",
		"Total number of accounting records under another User-Name than that of their session.")
)

// accounting writes what came of accounting, if it comes to this instance.
func (s samples) accounting(a *App) {
	if a.acct == nil {
		return
	}
	for counter, n := range a.acct.Stats() {
		s.count(acctDatagrams, n, acct.Counter(counter).String())
	}
	for _, c := range a.faults() {
		s.count(acctFaults, c.Times, c.Reason, c.BNG)
	}
	for name, c := range a.clocks() {
		s.gauge(acctSkew, c.Ahead.Seconds(), name)
		s.count(acctClocks, c.AheadOf, name, "ahead")
		s.count(acctClocks, c.Behind, name, "behind")
		s.count(acctClocks, c.Contradictory, name, "contradictory")
	}
	s.count(acctAside, a.deadLetters.Stats().Events)
	s.count(sessionsRenamed, a.store.Renamed())
}

var (
	spoolRecords = describe("cordon_accounting_spool_records",
		"Number of accounting records in the spool on this host's disk.")
	spoolBytes = describe("cordon_accounting_spool_bytes",
		"Size of the spool on disk, in bytes.")
	spoolOldest = describe("cordon_accounting_spool_oldest_timestamp_seconds",
		"Event time of the oldest record in the spool, in seconds since 1970; absent if the spool is empty.")
	spooled = describe("cordon_accounting_spooled_total",
		"Total number of accounting records that came to the spool, by outcome; full, no_room, disk_fails and alone were not answered.",
		"outcome")
)

// spool writes how much the accounting spool holds, if there is one.
func (s samples) spool(p *spool.Spool) {
	if p == nil {
		return
	}
	now := p.Stats()
	s.gauge(spoolRecords, float64(now.Waiting))
	s.gauge(spoolBytes, float64(now.Octets))
	if oldest, some := p.Oldest(); some {
		s.gauge(spoolOldest, seconds(oldest))
	}
	s.count(spooled, now.Spooled, "spooled")
	s.count(spooled, now.Drained, "drained")
	s.count(spooled, now.Full, "full")
	s.count(spooled, now.NoRoom, "no_room")
	s.count(spooled, now.Failed, "disk_fails")
	s.count(spooled, now.Alone, "alone")
}

var (
	sourceLast = describe("cordon_accounting_source_last_record_timestamp_seconds",
		"When any instance received the last record of a configured BNG or relay, in seconds since 1970.", "source")
	sourceBehind = describe("cordon_accounting_source_behind_seconds",
		"Age of the freshest of the last records of a configured BNG or relay when it was received, in seconds.", "source")
	sourceSilent = describe("cordon_accounting_source_silent",
		"Whether the source has stopped (1) or not (0); addresses of its BNGs are not attributed for later moments.", "source")
	logReported = describe("cordon_translator_log_reported_timestamp_seconds",
		"Watermark of a translator's log by its own clock, in seconds since 1970.", "log")
)

// sources writes a sample for every configured BNG and relay that has sent accounting,
// and for every translator's log.
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

var distrusted = describe("cordon_sessions_distrusted_total",
	"Total number of sessions of another program that were distrusted, by reason.", "reason")

// template writes what was distrusted of another program's sessions, if they are read.
func (s samples) template(r *template.Reader) {
	if r == nil {
		return
	}
	for _, d := range r.Doubts() {
		s.count(distrusted, d.Count, d.Reason.String())
	}
}
