package quarantine

import (
	"context"
	"slices"
	"strings"
	"time"
)

// AccountingSource is what all instances together know of one that reports who
// holds addresses: a BNG, a relay that copies the accounting of several, or a
// translator's log. It is known by when it sends, not by what its records say.
type AccountingSource struct {
	First time.Time // arrival of its first record; begun anew after SourceMemory without one
	Last  time.Time // arrival of its newest record
	// Reported is how far it has come: the newest time of an event that it
	// reported, by its own clock, but never after that record's arrival.
	Reported time.Time
	// Behind is how old the freshest of the records was that came last.
	Behind time.Duration
	// Unheard is AccountingSources.Unheard when Last came.
	Unheard time.Duration
	Days    []SourceDay // on which it sent, newest first; at most SourceDays
}

// SourceDay is how a source sent on one day, which begins at 00:00 UTC.
type SourceDay struct {
	Day     int64         // days since 1970-01-01
	Longest time.Duration // longest time without a record that ended on that day
	Records uint64
}

// SourceDays is on how many days a source's habits rest, today included.
const SourceDays = 7

// SourceMemory is after how long without a record a source counts as new.
const SourceMemory = SourceDays * day

const day = 24 * time.Hour

func dayOf(t time.Time) int64 { return t.UnixMilli() / day.Milliseconds() }

// AccountingSources is what is known of all of them.
type AccountingSources struct {
	// ReportedAt is when an instance that accepts accounting reported last.
	ReportedAt time.Time
	// Unheard is how long, in all, no instance of ours was there to hear anybody.
	// Such time is no source's silence.
	Unheard time.Duration
	Sources map[string]AccountingSource // by name: of the BNG, the relay's prefix, or LogSource
}

// UnheardAfter is how long after the last report no instance counts as there:
// several reports must have failed.
const UnheardAfter = 30 * time.Second

// LogSource is how the translator's log of that name is called among sources, and
// as the BNG of the bindings that it reported.
func LogSource(name string) string { return logPrefix + name }

const logPrefix = "log:"

// LogName returns the name of the translator's log that a source, or the BNG of a
// binding, is; false: it is none.
func LogName(source string) (name string, is bool) { return strings.CutPrefix(source, logPrefix) }

// SilenceRule says when a source that stopped counts as silent: no record for
// Times its longest gap of the last SourceDays days, and at least for Least. One
// that has been known for less than History never does.
type SilenceRule struct {
	Times   int
	Least   time.Duration
	History time.Duration
}

// DefaultSilenceRule is the rule unless a test has another one.
var DefaultSilenceRule = SilenceRule{Times: 3, Least: 30 * time.Minute, History: day}

// SourceReport is what one instance has received since its last one.
type SourceReport struct {
	At        time.Time // when it is made, by the instance's clock; milliseconds count
	Listening bool      // the instance takes accounting
	Rule      SilenceRule
	Activity  []SourceActivity // of each source once
}

// SourceActivity is what one instance has received of one source.
type SourceActivity struct {
	Source      string
	First, Last time.Time     // arrival of the first and of the newest record
	Reported    time.Time     // newest time of an event, never after Last
	Behind      time.Duration // age of the freshest of the records when it arrived
	Records     uint64
}

// Add joins what was received later, or by somebody else, to h.
func (h *SourceActivity) Add(more SourceActivity) {
	if h.Records == 0 {
		*h = more
		return
	}
	h.First, h.Last, h.Reported = earliest(h.First, more.First), later(h.Last, more.Last), later(h.Reported, more.Reported)
	h.Behind = min(h.Behind, more.Behind)
	h.Records += more.Records
}

// AccountingSourceBook is where instances put together what they receive from sources:
// the records of one BNG may come to several of them.
type AccountingSourceBook interface {
	// ReportSources adds a report, as [AccountingSources.Add] does. Reports may come
	// in any order.
	ReportSources(ctx context.Context, r SourceReport) error
	// AccountingSources returns what is known of all sources. What was stored before
	// a report, by the instance that made it, stands in what is read after this call.
	AccountingSources(ctx context.Context) (AccountingSources, error)
}

// Add adds a report.
func (a *AccountingSources) Add(r SourceReport) {
	away := a.noteListening(&r)
	if a.Sources == nil {
		a.Sources = map[string]AccountingSource{}
	}
	for _, h := range r.Activity {
		s := a.Sources[h.Source]
		s.countRecords(&h, r.Rule, a.Unheard)
		if !h.Last.Before(s.Last) {
			// A record that came before the end of our absence was heard by somebody who
			// could not report it: only what followed it was unheard.
			s.Unheard = a.Unheard - min(away, max(r.At.Sub(h.Last), 0))
			s.Last, s.Behind = h.Last, h.Behind
		}
		s.Reported = later(s.Reported, h.Reported)
		a.Sources[h.Source] = s
	}
}

// noteListening notes that an instance is there, and returns for how long none was.
func (a *AccountingSources) noteListening(r *SourceReport) (away time.Duration) {
	if !r.Listening {
		return 0
	}
	if silent := r.At.Sub(a.ReportedAt); !a.ReportedAt.IsZero() && silent > UnheardAfter {
		away = silent
	}
	a.ReportedAt = later(a.ReportedAt, r.At)
	a.Unheard += away
	return away
}

// countRecords counts the records, and the gap before the first of them. A gap that was
// noticed as silence is no habit: it counts for as long as it took to notice it.
func (s *AccountingSource) countRecords(h *SourceActivity, rule SilenceRule, unheard time.Duration) {
	gap := time.Duration(0)
	switch {
	case s.First.IsZero() || h.First.Sub(s.Last) > SourceMemory:
		*s = AccountingSource{First: h.First, Reported: s.Reported}
	default:
		gap = max(h.First.Sub(s.Last)-(unheard-s.Unheard), 0)
		if h.First.Sub(s.First) >= rule.History {
			gap = min(gap, s.limit(rule, h.First))
		}
	}
	today := dayOf(h.First)
	s.Days = slices.DeleteFunc(slices.Clone(s.Days), func(d SourceDay) bool { return d.Day <= today-SourceDays })
	at, known := slices.BinarySearchFunc(s.Days, today, func(d SourceDay, day int64) int { return int(day - d.Day) })
	if !known {
		s.Days = slices.Insert(s.Days, at, SourceDay{Day: today})
	}
	s.Days[at].Longest = max(s.Days[at].Longest, gap)
	s.Days[at].Records += h.Records
	s.Days = s.Days[:min(len(s.Days), SourceDays)]
}

// Longest is the longest time without a record in the last SourceDays days.
func (s *AccountingSource) Longest(now time.Time) time.Duration {
	longest := time.Duration(0)
	for _, d := range s.Days {
		if d.Day > dayOf(now)-SourceDays {
			longest = max(longest, d.Longest)
		}
	}
	return longest
}

// Rate is how many records a second it usually sends: the average of the days
// that are known, today included.
func (s *AccountingSource) Rate(now time.Time) float64 {
	var records uint64
	since := now
	for _, d := range s.Days {
		if d.Day > dayOf(now)-SourceDays {
			records += d.Records
			since = time.UnixMilli(d.Day * day.Milliseconds())
		}
	}
	if span := now.Sub(later(since, s.First)); span >= time.Second {
		return float64(records) / span.Seconds()
	}
	return 0
}

// limit is the silence from which on the source counts as stopped.
func (s *AccountingSource) limit(rule SilenceRule, now time.Time) time.Duration {
	return max(rule.Least, time.Duration(rule.Times)*s.Longest(now))
}

// Silence is for how long a source has sent nothing while somebody was there to
// hear it.
func (a *AccountingSources) Silence(s *AccountingSource, now time.Time) time.Duration {
	unheard := a.Unheard - s.Unheard
	if away := now.Sub(a.ReportedAt); away > UnheardAfter {
		unheard += away
	}
	return max(now.Sub(s.Last)-unheard, 0)
}

// Silent reports whether a source has stopped.
func (a *AccountingSources) Silent(s *AccountingSource, rule SilenceRule, now time.Time) bool {
	return !s.First.IsZero() && s.Last.Sub(s.First) >= rule.History && a.Silence(s, now) > s.limit(rule, now)
}
