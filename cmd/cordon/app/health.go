package app

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"cordon/integration/wire"
	"cordon/quarantine"
	"cordon/radiusx/bng"
	"cordon/radiusx/coa"
)

// How far a BNG's clock must be off to be logged, and how often it is.
const (
	skewWarning = 30 * time.Second
	skewEvery   = time.Hour
)

// noticed is what was logged of one BNG.
type noticed struct {
	state    bng.PathState
	skewed   time.Time // last line about its clock
	discards uint64
}

// logHealth logs when the path to a BNG changes its state, and once an hour that its
// clock is off. A BNG in maintenance is logged afterwards, if
// it is still so.
func (a *App) logHealth(seen map[string]*noticed) {
	for _, h := range outsideMaintenance(a.fleet.Health(), a.engine.Maintenances()) {
		was := seen[h.BNG]
		if was == nil {
			was = &noticed{}
			seen[h.BNG] = was
		}
		name := zap.String("bng", h.BNG)
		if h.State != was.state {
			level := zap.InfoLevel
			if h.State == bng.PathUnresponsive {
				level = zap.WarnLevel
			}
			a.log.Log(level, "BNG is "+h.State.String(), name, zap.String("path", h.Path), zap.Time("since", h.Since),
				zap.Int("unanswered", h.Unanswered))
			was.state = h.State
		}
		off := h.Skew.Abs() > skewWarning || h.ClockDiscards > was.discards
		if off && time.Since(was.skewed) >= skewEvery {
			a.log.Warn("BNG's clock is off; see NTP there and here", name, zap.Duration("ahead", h.Skew),
				zap.Uint64("replies_discarded", h.ClockDiscards))
			was.skewed, was.discards = time.Now(), h.ClockDiscards
		}
	}
}

// outsideMaintenance leaves out the BNGs in maintenance.
func outsideMaintenance(all []bng.Health, windows []quarantine.Maintenance) []bng.Health {
	return slices.DeleteFunc(slices.Clone(all), func(h bng.Health) bool {
		return slices.ContainsFunc(windows, func(m quarantine.Maintenance) bool { return m.BNG == h.BNG })
	})
}

// health is what the API shows of the BNGs; nil on an instance that does not
// send, which knows nothing of them.
func (a *App) health() map[string]wire.BNGHealth {
	if !a.engine.Sender() {
		return nil
	}
	shown := map[string]wire.BNGHealth{}
	for _, h := range a.fleet.Health() {
		shown[h.BNG] = shownHealth(&h)
	}
	return shown
}

func shownHealth(h *bng.Health) wire.BNGHealth {
	s := wire.BNGHealth{
		State: h.State.String(), Path: h.Path, Since: moment(h.Since), Unanswered: h.Unanswered, LastAnswer: moment(h.LastAnswer),
		ClockDiscards: h.ClockDiscards, InFlight: h.InFlight, WaitingReleases: h.WaitingReleases, WaitingRestrictions: h.WaitingRestrictions,
		Rate: h.Rate, RestrictionRate: h.RestrictionRate, Stopped: []wire.StoppedProfile{},
	}
	if !h.SkewAt.IsZero() {
		seconds := int64(h.Skew / time.Second)
		s.Skew = &seconds
	}
	for _, p := range h.Stopped {
		s.Stopped = append(s.Stopped, wire.StoppedProfile{Profile: p.Profile, ErrorCause: p.ErrorCause, Since: p.Since.UTC(),
			RetryAt: p.RetryAt.UTC()})
	}
	if f := h.Fault; f != nil {
		s.Fault = &wire.BNGFault{ErrorCause: f.ErrorCause, Name: coa.LookupErrorCause(f.ErrorCause).Name, Kind: label(f.Disposition.String()),
			At: f.At.UTC()}
	}
	return s
}

// moment is nil for one that never was.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
