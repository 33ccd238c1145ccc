package httpx

import (
	"net/netip"
	"time"

	"cordon/quarantine"
)

// Holder is one subscriber's claim to an address, as every edge shows it.
type Holder struct {
	Subscriber string     `json:"subscriber"`
	BNG        string     `json:"bng"`
	SessionID  string     `json:"acct_session_id"`
	Address    string     `json:"address" doc:"Address or prefix; empty if the session reported none."`
	Space      string     `json:"space,omitempty" doc:"Address space; none: the public one."`
	Ports      string     `json:"ports,omitempty" doc:"Block of ports; none: all of them."`
	From       time.Time  `json:"from"`
	FromBy     *time.Time `json:"from_by,omitempty" doc:"Where the time of the record is uncertain: it began at some moment from from to this. Nobody is named for the time between."`
	To         *time.Time `json:"to" doc:"First moment at which it no longer holds; null while it does."`
	Evidence   string     `json:"evidence" doc:"Which accounting records say so."`
}

// HolderOf shows one claim.
func HolderOf(h quarantine.Holder) Holder {
	view := Holder{
		Subscriber: h.Subscriber, BNG: h.BNG, SessionID: h.SessionID,
		Space: h.Space, Ports: h.Ports.String(), From: h.From.UTC(), FromBy: Time(h.FromBy), To: Time(h.To), Evidence: h.KnownBy,
	}
	if h.Address.IsValid() {
		view.Address = Prefix(h.Address)
	}
	return view
}

// Holders shows claims; the answer is never null.
func Holders(claims []quarantine.Holder) []Holder {
	views := make([]Holder, 0, len(claims))
	for _, h := range claims {
		views = append(views, HolderOf(h))
	}
	return views
}

// Time shows a moment in UTC, and the zero moment as null.
func Time(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Prefix shows a single address without its length.
func Prefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
