package httpx

import (
	"net/netip"
	"time"

	"cordon/integration/wire"
	"cordon/quarantine"
)

// HolderOf is a holder on the wire.
func HolderOf(h quarantine.Holder) wire.Holder {
	view := wire.Holder{
		Subscriber: h.Subscriber, BNG: h.BNG, SessionID: h.SessionID,
		Space: h.Space, Ports: h.Ports.String(), From: h.From.UTC(), FromBy: Time(h.FromBy), To: Time(h.To), KnownBy: h.KnownBy,
	}
	if h.Address.IsValid() {
		view.Address = Prefix(h.Address)
	}
	return view
}

// Holders are holders on the wire, never null.
func Holders(claims []quarantine.Holder) []wire.Holder {
	views := make([]wire.Holder, 0, len(claims))
	for _, h := range claims {
		views = append(views, HolderOf(h))
	}
	return views
}

// Time is a time in UTC on the wire; the zero time is null.
func Time(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Prefix is a prefix as text; a single address has no length.
func Prefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
