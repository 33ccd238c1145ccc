package api

import (
	"slices"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// caseView is a case as the contract spells it.
type caseView struct {
	ID         string        `json:"id"`
	Subscriber string        `json:"subscriber"`
	State      string        `json:"state" enum:"observing,held,restricting,waiting,restricted,releasing,closed"`
	Profile    string        `json:"profile"`
	Mode       string        `json:"mode" enum:"off,shadow,approve,enforce"`
	Rule       string        `json:"rule" doc:"Empty: a person's wish."`
	Reason     string        `json:"reason"`
	Source     string        `json:"source"`
	OpenedAt   time.Time     `json:"opened_at"`
	ExpiresAt  *time.Time    `json:"expires_at"`
	ClosedAt   *time.Time    `json:"closed_at" doc:"null while open."`
	Generation uint64        `json:"generation" doc:"Rises when what is wanted changes."`
	Hold       *holdView     `json:"hold" doc:"What keeps it from acting; null if nothing."`
	Release    *releaseView  `json:"release" doc:"A person's decision to end it; null if none."`
	Sessions   []sessionView `json:"sessions"`
	Verdicts   []proofView   `json:"verdicts"`
	Notes      []noteView    `json:"notes"`
	History    []stepView    `json:"history"`
}

type holdView struct {
	Kind   string `json:"kind" enum:"mode,limit,exempt,max_sessions,flapping"`
	Detail string `json:"detail"`
}

type releaseView struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Code   string    `json:"code"`
}

// sessionView is how one session of a case stands.
type sessionView struct {
	BNG         string     `json:"bng"`
	Member      string     `json:"member,omitempty" doc:"Of a redundancy group: the BNG that spoke of it last."`
	SessionID   string     `json:"acct_session_id"`
	Wanted      string     `json:"wanted" doc:"Profile; empty: what the subscriber should have."`
	Enforcement string     `json:"enforcement" enum:"pending,acked,verified,partial,refused,unanswered,gone"`
	ErrorCause  *uint32    `json:"error_cause" doc:"RFC 5176 section 3.5; null: none was told."`
	Reason      string     `json:"reason"`
	Attempts    int        `json:"attempts"`
	UpdatedAt   *time.Time `json:"updated_at"`
	NextAt      *time.Time `json:"next_at" doc:"When it is tried again by itself; null: nothing is outstanding, or a request is under way."`
	Owed        bool       `json:"owed" doc:"Something of the case is, or may be, in force that is still to be given back."`
	Addresses   []string   `json:"addresses"`
}

// proofView is one verdict that a case rests on.
type proofView struct {
	ID         string    `json:"id"`
	Source     string    `json:"source"`
	Category   string    `json:"category"`
	Confidence *float64  `json:"confidence"`
	ObservedAt time.Time `json:"observed_at"`
}

type noteView struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

type stepView struct {
	At    time.Time `json:"at"`
	State string    `json:"state"`
	By    string    `json:"by" doc:"Empty: Cordon itself."`
	Text  string    `json:"text"`
}

func viewCase(c *quarantine.Case) caseView {
	v := caseView{
		ID: c.ID, Subscriber: c.Subscriber, State: string(c.State), Profile: c.Profile, Mode: c.Mode.String(),
		Rule: c.Rule, Reason: c.Reason, Source: c.Source, Generation: c.Generation,
		OpenedAt: c.OpenedAt.UTC(), ExpiresAt: httpx.Time(c.ExpiresAt), ClosedAt: httpx.Time(c.ClosedAt),
		Sessions: each(c.Sessions, viewEnforcement), Verdicts: each(c.Verdicts, viewProof),
		Notes: each(c.Notes, viewNote), History: each(c.History, viewStep),
	}
	if c.Hold != nil {
		v.Hold = &holdView{string(c.Hold.Kind), c.Hold.Detail}
	}
	if r := c.Release; r != nil {
		v.Release = &releaseView{r.At.UTC(), r.By, r.Reason, string(r.Code)}
	}
	return v
}

func viewEnforcement(e quarantine.SessionEnforcement) sessionView {
	v := sessionView{
		BNG: e.Session.BNG, Member: e.Session.Member, SessionID: e.Session.ID, Wanted: e.Wanted, Enforcement: string(e.Enforcement),
		Reason: e.Reason, Attempts: e.Attempts, UpdatedAt: httpx.Time(e.UpdatedAt), NextAt: httpx.Time(e.NextTry()), Owed: e.Owed(), Addresses: addresses(e.Session),
	}
	if e.ErrorCause != 0 {
		v.ErrorCause = &e.ErrorCause
	}
	return v
}

func viewProof(v quarantine.CaseVerdict) proofView {
	return proofView{v.ID, v.Source, v.Category, v.Confidence, v.ObservedAt.UTC()}
}

func viewNote(n quarantine.Note) noteView { return noteView{n.At.UTC(), n.By, n.Text} }

func viewStep(h quarantine.HistoryEntry) stepView {
	return stepView{h.At.UTC(), string(h.State), h.By, h.Text}
}

// addresses lists what a session holds; what it gave up may be another's by now.
func addresses(s quarantine.Session) []string {
	held := slices.DeleteFunc(slices.Clone(s.Addresses), func(a quarantine.Address) bool { return !a.Until.IsZero() })
	return each(held, func(a quarantine.Address) string { return httpx.Prefix(a.Prefix) })
}

// each shows a list; the answer is never null.
func each[T, V any](list []T, view func(T) V) []V {
	views := make([]V, 0, len(list))
	for _, item := range list {
		views = append(views, view(item))
	}
	return views
}
