package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
)

// AccountingSources tests quarantine.AccountingSourceBook.
func AccountingSources(t *testing.T, open Open) {
	reportedSources(t, open)
	unheardSources(t, open)
	concurrentReports(t, open)
	randomReports(t, open)
}

const second = time.Second

// oneRecord is a record that came at a moment, a second after what it reports.
func oneRecord(source string, at time.Time) quarantine.SourceActivity {
	return quarantine.SourceActivity{Source: source, First: at, Last: at, Reported: at.Add(-second), Behind: second, Records: 1}
}

// reportSources reports what an instance that takes accounting has received.
func reportSources(t *testing.T, s Ports, at time.Time, heard ...quarantine.SourceActivity) {
	t.Helper()
	report := quarantine.SourceReport{At: at, Listening: true, Rule: quarantine.DefaultSilenceRule, Activity: heard}
	must(t, s.ReportSources(t.Context(), report))
}

func readSources(t *testing.T, s Ports) quarantine.AccountingSources {
	t.Helper()
	known, err := s.AccountingSources(t.Context())
	must(t, err)
	return known
}

func reportedSources(t *testing.T, open Open) {
	t.Run("nothing is known at first", func(t *testing.T) {
		equal(t, "sources", readSources(t, start(t, open)), quarantine.AccountingSources{})
	})

	t.Run("what came from a source is kept by its name", func(t *testing.T) {
		s := start(t, open)
		reportSources(t, s, minute(1), oneRecord("bng1", minute(0)), oneRecord("192.0.2.20/32", minute(1)), oneRecord("log:{c}:gn1", minute(1)))
		known := readSources(t, s)
		equal(t, "heard", known.ReportedAt, minute(1))
		day := func(n uint64) []quarantine.SourceDay {
			return []quarantine.SourceDay{{Day: noon.Unix() / 86400, Records: n}}
		}
		source := func(at time.Time) quarantine.AccountingSource {
			return quarantine.AccountingSource{First: at, Last: at, Reported: at.Add(-second), Behind: second, Days: day(1)}
		}
		equal(t, "sources", known.Sources, map[string]quarantine.AccountingSource{
			"bng1": source(minute(0)), "192.0.2.20/32": source(minute(1)), "log:{c}:gn1": source(minute(1)),
		})
	})

	t.Run("a gap is from the last record that any instance received to the next", func(t *testing.T) {
		s := start(t, open)
		reportSources(t, s, noon, oneRecord("bng1", noon))
		reportSources(t, s, noon.Add(5*second), oneRecord("bng1", noon.Add(4*second))) // a
		reportSources(t, s, noon.Add(6*second), oneRecord("bng1", noon.Add(2*second))) // b, older
		reportSources(t, s, noon.Add(10*second), oneRecord("bng1", noon.Add(9*second)))
		bng1 := readSources(t, s).Sources["bng1"]
		equal(t, "last", bng1.Last, noon.Add(9*second))
		equal(t, "reported", bng1.Reported, noon.Add(8*second))
		equal(t, "days", bng1.Days, []quarantine.SourceDay{{Day: noon.Unix() / 86400, Longest: 5 * second, Records: 4}})
	})
}

func unheardSources(t *testing.T, open Open) {
	t.Run("time without an instance is no source's gap", func(t *testing.T) {
		s := start(t, open)
		reportSources(t, s, noon, oneRecord("bng1", noon))
		reportSources(t, s, minute(60), oneRecord("bng1", minute(60)))
		known := readSources(t, s)
		equal(t, "unheard", known.Unheard, time.Hour)
		bng1 := known.Sources["bng1"]
		equal(t, "longest", bng1.Longest(minute(60)), time.Duration(0))
		equal(t, "silence", known.Silence(&bng1, minute(60).Add(10*second)), 10*second)
	})

	t.Run("an instance that takes no accounting receives from no source", func(t *testing.T) {
		s := start(t, open)
		must(t, s.ReportSources(t.Context(), quarantine.SourceReport{At: noon, Rule: quarantine.DefaultSilenceRule,
			Activity: []quarantine.SourceActivity{oneRecord("log:cgn1", noon)}}))
		known := readSources(t, s)
		equal(t, "heard", known.ReportedAt, time.Time{})
		equal(t, "last", known.Sources["log:cgn1"].Last, noon)
	})

	t.Run("days are forgotten after a week, and a source that was silent so long begins anew", func(t *testing.T) {
		s := start(t, open)
		for i := range 10 {
			at := noon.AddDate(0, 0, i)
			reportSources(t, s, at, oneRecord("bng1", at))
		}
		if n := len(readSources(t, s).Sources["bng1"].Days); n != quarantine.SourceDays {
			t.Errorf("%d days are kept", n)
		}
		back := noon.AddDate(0, 0, 30)
		reportSources(t, s, back, oneRecord("bng1", back))
		bng1 := readSources(t, s).Sources["bng1"]
		equal(t, "first", bng1.First, back)
	})
}

func concurrentReports(t *testing.T, open Open) {
	t.Run("many reports at the same time are all counted", func(t *testing.T) {
		s := start(t, open)
		var wait sync.WaitGroup
		for i := range 32 {
			wait.Go(func() {
				at := noon.Add(time.Duration(i*7%32) * second)
				if err := s.ReportSources(t.Context(), quarantine.SourceReport{At: at, Listening: true, Rule: quarantine.DefaultSilenceRule,
					Activity: []quarantine.SourceActivity{oneRecord("bng1", at)}}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		bng1 := readSources(t, s).Sources["bng1"]
		if bng1.Days[0].Records != 32 || !bng1.Last.Equal(noon.Add(31*second)) {
			t.Errorf("after 32 reports: %+v", bng1)
		}
	})
}

func randomReports(t *testing.T, open Open) {
	t.Run("whatever is reported, the store knows what the domain makes of it", func(t *testing.T) {
		s := start(t, open)
		seed := uint64(time.Now().UnixNano())
		random := rand.New(rand.NewPCG(seed, 0))
		pause := []time.Duration{second, 5 * second, 5 * second, 5 * second, 40 * second, 20 * time.Minute, 2 * time.Hour, 9 * time.Hour,
			80 * time.Hour, 200 * time.Hour}
		var want quarantine.AccountingSources
		at := noon
		for n := range 300 {
			at = at.Add(pause[random.IntN(len(pause))])
			r := quarantine.SourceReport{At: at, Listening: random.IntN(8) > 0, Rule: quarantine.DefaultSilenceRule}
			for i := range random.IntN(4) {
				last := at.Add(-time.Duration(random.IntN(20_000)) * time.Millisecond)
				if random.IntN(10) == 0 {
					last = last.Add(-time.Hour) // it could not be reported until now
				}
				behind := time.Duration(random.IntN(120_000)) * time.Millisecond
				r.Activity = append(r.Activity, quarantine.SourceActivity{
					Source: fmt.Sprint("bng", i), First: last.Add(-time.Duration(random.IntN(5000)) * time.Millisecond), Last: last,
					Reported: last.Add(-behind), Behind: behind, Records: uint64(1 + random.IntN(9)),
				})
			}
			want.Add(r)
			must(t, s.ReportSources(t.Context(), r))
			if n%10 > 0 {
				continue
			}
			got := readSources(t, s)
			equal(t, fmt.Sprintf("seed %d, after %d reports: heard", seed, n+1), got.ReportedAt, want.ReportedAt)
			equal(t, fmt.Sprintf("seed %d, after %d reports", seed, n+1), got.Sources, want.Sources)
			equal(t, fmt.Sprintf("seed %d, after %d reports: unheard", seed, n+1), got.Unheard, want.Unheard)
		}
	})
}
