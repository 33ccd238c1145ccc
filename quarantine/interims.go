package quarantine

import "time"

// Interims returns the interval at which each BNG renews its sessions, under its present
// and its former names, and each translator's log its port blocks; 0: not known, or never.
// A log that is not listed counts as one that loses lines.
func Interims(bngs []ConfiguredBNG, logs []TranslatorLog) func(bng string) time.Duration {
	of := map[string]time.Duration{}
	for i := range bngs {
		b := &bngs[i]
		for _, name := range append([]string{b.SessionBNG()}, b.Formerly...) {
			of[name] = time.Duration(b.Interim)
		}
	}
	for _, l := range logs {
		of[LogSource(l.Name)] = l.Interim()
	}
	return func(bng string) time.Duration {
		interval, known := of[bng]
		if _, log := LogName(bng); log && !known {
			return TranslatorLog{}.Interim()
		}
		return interval
	}
}
