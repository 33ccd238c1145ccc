package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// BNGHealth is how a BNG answers, as the sender knows it since its start.
type BNGHealth struct {
	State      string     `json:"state" enum:"ok,silent,recovering" doc:"silent: new restrictions are kept back, releases are tried. recovering: releases go first."`
	Path       string     `json:"path" doc:"What is asked: the BNG itself, or a proxy."`
	Since      *time.Time `json:"since" doc:"Of the state; null if it never changed."`
	Unanswered int        `json:"unanswered" doc:"Requests in a row on that path."`
	LastAnswer *time.Time `json:"last_answer"`

	Skew          *int64 `json:"clock_skew_seconds" doc:"How far its clock is ahead of ours; null if its answers do not tell."`
	ClockDiscards uint64 `json:"clock_skew_discards" doc:"Requests unanswered because answers were stamped too far off."`

	InFlight            int     `json:"in_flight"`
	WaitingReleases     int     `json:"waiting_releases"`
	WaitingRestrictions int     `json:"waiting_restrictions"`
	Rate                float64 `json:"rate" doc:"Requests a second at most."`
	RestrictionRate     float64 `json:"restriction_rate" doc:"Restrictions among them; fewer while many lines come back."`

	Stopped []StoppedProfile `json:"stopped_profiles" doc:"Profiles that it refuses to everybody; releases go on."`
	Fault   *BNGFault        `json:"last_fault" doc:"The last refusal about the configuration or the way."`
}

// AccountingClock is what the accounting that comes to this instance tells of a
// BNG's clock: of several ways on which it comes, the one that is furthest off.
type AccountingClock struct {
	Skew      int64     `json:"skew_seconds" doc:"How far the clock that stamps its accounting seems to be ahead of ours, within a few seconds."`
	Steady    bool      `json:"steady" doc:"The records of several minutes agree: it is the clock. If not, records may also come late without saying so."`
	From      string    `json:"from" doc:"The sender of these records: the BNG, or a relay."`
	Relay     bool      `json:"relay"`
	SeenAt    time.Time `json:"seen_at" doc:"When a record with Event-Timestamp came last."`
	Corrected uint64    `json:"records_corrected" doc:"Records whose time is that of their arrival, since the start."`
	Uncertain uint64    `json:"records_uncertain" doc:"Records whose time is uncertain, since the start: nobody is named for what lies in between."`
}

// StoppedProfile is a profile that a BNG refuses to everybody.
type StoppedProfile struct {
	Profile    string    `json:"profile"`
	ErrorCause uint32    `json:"error_cause"`
	Since      time.Time `json:"since"`
	RetryAt    time.Time `json:"retry_at" doc:"When one subscriber tries again."`
}

// BNGFault is a refusal that is not about a session or a profile.
type BNGFault struct {
	ErrorCause uint32    `json:"error_cause"`
	Name       string    `json:"name"`
	Kind       string    `json:"kind" doc:"config_fault: the BNG does not take this from us. path_fault: what stands there cannot do this, or cannot reach the BNG."`
	At         time.Time `json:"at"`
}

// BNGAccounting is how a BNG's accounting comes in.
type BNGAccounting struct {
	LastRecord *time.Time `json:"last_record" doc:"When its last record came."`
	Reported   *time.Time `json:"reported" doc:"Newest event that it reported, by the record's own time."`
	Behind     int64      `json:"behind_seconds" doc:"How old the freshest record was that came last."`
	Rate       float64    `json:"records_per_second" doc:"Usually: the average of up to 7 days."`
	LongestGap int64      `json:"longest_gap_seconds" doc:"Longest time without a record in 7 days."`
	Waits      string     `json:"silent,omitempty" doc:"Which source of its accounting has stopped, and since when: addresses are not attributed for later moments."`
}

// bngView is a BNG as configured, and how it stands.
type bngView struct {
	BNG
	Accounting  *BNGAccounting   `json:"accounting" doc:"How its accounting comes in, to all instances together; null: none has come."`
	Maintenance *maintenanceView `json:"maintenance" doc:"Nothing new is restricted on it; null: it is not in maintenance."`
}

type bngsPage struct {
	Results []bngView `json:"results"`
	Next    *string   `json:"next" doc:"Always null: all BNGs are on one page."`
}

type bngsOutput struct{ Body bngsPage }

func (a *API) mountBNGs(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "list-bngs", Method: http.MethodGet, Path: "/bngs",
		Summary: "The configured BNGs, and how they stand.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, a.listBNGs)
}

func (a *API) listBNGs(context.Context, *struct{}) (*bngsOutput, error) {
	windows := map[string]quarantine.Maintenance{}
	for _, m := range a.engine.Maintenances() {
		windows[m.BNG] = m
	}
	now := a.Now()
	var accounting map[string]BNGAccounting
	if a.Accounting != nil {
		accounting = a.Accounting()
	}
	listed := each(a.withHealth(a.BNGs), func(b BNG) bngView {
		v := viewBNG(b, windows[b.Name], now)
		if known, ok := accounting[b.Name]; ok {
			v.Accounting = &known
		}
		return v
	})
	return &bngsOutput{bngsPage{Results: listed}}, nil
}

// withHealth returns the BNGs with how they answer and what their accounting tells
// of their clocks, where that is known.
func (a *API) withHealth(listed []BNG) []BNG {
	listed = slices.Clone(listed)
	var health map[string]BNGHealth
	var clocks map[string]AccountingClock
	if a.Health != nil {
		health = a.Health()
	}
	if a.Clocks != nil {
		clocks = a.Clocks()
	}
	for i := range listed {
		if h, ok := health[listed[i].Name]; ok {
			listed[i].Health = &h
		}
		if c, ok := clocks[listed[i].Name]; ok {
			listed[i].Clock = &c
		}
	}
	return listed
}
