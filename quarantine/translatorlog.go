package quarantine

import (
	"time"
)

// TranslatorLog is what the configuration says of a translator's log that is pushed.
type TranslatorLog struct {
	Name     string   `yaml:"name"`     // of the token that pushes it
	Delivery string   `yaml:"delivery"` // lossy | reliable: may the line of a block's end be lost; empty: lossy
	Renewal  Duration `yaml:"renewal"`  // how often it repeats that a block is held; lossy only; 0: never
}

// Kinds of delivery of a translator's log.
const (
	DeliveryLossy    = "lossy"
	DeliveryReliable = "reliable"
)

// unrenewedBlockStale is when an open port block from a log that loses lines and
// renews none is stale, after its last line: longer than most subscribers hold
// one block, and short enough that a lost end does not count for days.
const unrenewedBlockStale = 24 * time.Hour

// Interim is the interval of renewals that makes an open port block of the log stale at
// the right time: [StaleSince] takes it MissedInterims times. 0: an open block is held
// until the log says otherwise.
func (l TranslatorLog) Interim() time.Duration {
	switch {
	case l.Delivery == DeliveryReliable:
		return 0
	case l.Renewal > 0:
		return l.Renewal.Std() / MissedInterims
	}
	return unrenewedBlockStale / MissedInterims
}

// ValidateTranslatorLogs checks the logs; paths begin at the list: "[0].delivery".
func ValidateTranslatorLogs(logs []TranslatorLog) Faults {
	var f Faults
	names := uniqueNames{}
	for i, l := range logs {
		own := l.validate()
		names.check(&own, l.Name)
		f = append(f, own.Under("[%d]", i)...)
	}
	return f
}

func (l *TranslatorLog) validate() Faults {
	var f Faults
	if l.Name == "" {
		f.add("name", "must be set: that of the token that pushes it")
	}
	switch l.Delivery {
	case "", DeliveryLossy:
		if l.Renewal != 0 {
			if err := checkInterim(l.Renewal.Std()); err != nil {
				f = append(f, Fault{"renewal", err})
			}
		}
	case DeliveryReliable:
		if l.Renewal != 0 {
			f.add("renewal", "must not be set with delivery: reliable")
		}
	default:
		f.add("delivery", "must be lossy or reliable")
	}
	return f
}
