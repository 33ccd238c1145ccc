package churn

import "time"

// Edge dates the events of a BNG's records, by what the records say
// and when they arrive. It is asked in the order in which they arrive.
type Edge interface {
	// Date returns the moment, or the earliest and the latest if the stamp
	// (Event-Timestamp) and the arrival less the delay (Acct-Delay-Time) contradict
	// each other.
	Date(stamp, arrival time.Time, delay time.Duration) (at, latest time.Time)
}

// dating is a model of the RADIUS edge, in few lines: a stamp is believed that is
// near its arrival less the delay, or that differs from it as those of the last
// minutes did, which is then the clock's fault. Of others it is only known that
// they happened between the one and the other.
type dating struct {
	seen []difference // newest last
}

// difference is by how much a record's stamp lies before its arrival less its
// delay.
type difference struct {
	arrival time.Time
	lag     time.Duration
}

// When stamps are believed.
const (
	believed   = 5 * time.Second    // that a stamp may lie before its arrival less its delay
	steadyOver = time.Minute        // for which differences agree before they are a clock's
	steadyOf   = 8                  // records
	leastOff   = time.Minute        // of a clock; less may be how long the BNG tries another server first
	oldest     = 7 * 24 * time.Hour // no record is that late
	remembered = 64
)

// Date implements Edge.
func (d *dating) Date(stamp, arrival time.Time, delay time.Duration) (at, latest time.Time) {
	expected := arrival.Add(-delay)
	lag := expected.Sub(stamp)
	d.seen = append(d.seen, difference{arrival, lag})
	d.seen = d.seen[max(0, len(d.seen)-remembered):]
	off, steady := d.steady(lag)
	switch {
	case lag >= -time.Second && lag <= believed:
		return sooner(stamp, arrival), time.Time{}
	case steady && off.Abs() >= leastOff:
		return sooner(stamp.Add(off), arrival), time.Time{}
	case lag < 0 || lag > oldest:
		return expected.Add(-2 * believed), expected
	}
	return stamp, expected
}

// steady returns by how much the clock is behind if enough records over enough
// time agree with the newest.
func (d *dating) steady(lag time.Duration) (off time.Duration, steady bool) {
	off = lag
	newest := d.seen[len(d.seen)-1].arrival
	for n := 1; n <= len(d.seen); n++ {
		s := d.seen[len(d.seen)-n]
		if (s.lag - lag).Abs() > believed {
			return 0, false
		}
		off = min(off, s.lag)
		if n >= steadyOf && newest.Sub(s.arrival) >= steadyOver {
			return off, true
		}
	}
	return 0, false
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
