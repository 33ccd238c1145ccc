package api

import (
	"context"
	"net/http"
	"time"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

type sessionsInput struct {
	IP         string `query:"ip" doc:"Exactly one of ip, subscriber and mac."`
	MAC        string `query:"mac" doc:"MAC address of the equipment, in any notation; live sessions only."`
	Space      string `query:"space" doc:"Address space of a private address, if several have it."`
	Subscriber string `query:"subscriber"`
	Port       int    `query:"port" minimum:"1" maximum:"65535" doc:"Subscriber's port, of an address shared by port blocks: its holder only."`
	At         string `query:"at" doc:"RFC 3339 with an offset; default now."`
}

type sessionsOutput struct{ Body wire.Holders }

func (a *API) mountSessions(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "find-sessions", Method: http.MethodGet, Path: "/sessions",
		Summary: "Who held an address at a moment, or what a subscriber holds.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, a.sessions)
}

func (a *API) sessions(ctx context.Context, in *sessionsInput) (*sessionsOutput, error) {
	given := 0
	for _, s := range []string{in.IP, in.Subscriber, in.MAC} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return nil, httpx.Invalid("query", "must have exactly one of ip, subscriber and mac", nil)
	}
	at, err := a.moment(in.At)
	if err != nil {
		return nil, err
	}
	page := wire.Holders{Results: []wire.Holder{}, Neighbours: []wire.Neighbour{}}
	if in.Subscriber != "" {
		page.Results, err = a.heldBy(ctx, in.Subscriber, at)
		return &sessionsOutput{page}, err
	}
	if in.MAC != "" {
		page.Results, err = a.heldByMAC(ctx, in.MAC, at)
		return &sessionsOutput{page}, err
	}
	addr, err := address(in.IP, "query.ip")
	if err != nil {
		return nil, err
	}
	place, err := a.Addresses.In(in.Space, addr)
	if err != nil {
		return nil, httpx.ProblemOf(err, "query")
	}
	if page, err = a.holdersOf(ctx, place, uint16(in.Port), at); err != nil {
		return nil, err
	}
	return &sessionsOutput{page}, nil
}

func (a *API) moment(s string) (time.Time, error) {
	if s == "" {
		return a.Now(), nil
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return at, httpx.Invalid("query.at", "invalid RFC 3339 time with an offset, e.g. 2026-01-02T15:04:05Z (write + as %2B)", s)
	}
	if at.After(a.Now().Add(quarantine.FutureTolerance)) {
		return at, httpx.Invalid("query.at", "must not be in the future", s)
	}
	return at, nil
}

// holdersOf sorts the bindings of an address: those at the moment, the last before, the
// first after.
func (a *API) holdersOf(ctx context.Context, place quarantine.Place, port uint16, at time.Time) (wire.Holders, error) {
	from, to := at.Add(-a.History), at.Add(a.History)
	bindings, err := a.Bindings.Bindings(ctx, place, from, to)
	if err != nil {
		return wire.Holders{}, err
	}
	var gaps []quarantine.Gap
	if a.Gaps != nil {
		if gaps, err = a.Gaps(ctx); err != nil {
			return wire.Holders{}, err
		}
	}
	page := wire.Holders{Results: []wire.Holder{}, Neighbours: []wire.Neighbour{}}
	var before, after *quarantine.Binding
	for _, b := range quarantine.Held(bindings, from, to) {
		switch {
		case port != 0 && !b.Ports.Has(port):
		case b.From.After(at):
			if after == nil || b.From.Before(after.From) {
				after = &b
			}
		case b.To.IsZero() || b.To.After(at):
			h := httpx.HolderOf(b.Holder())
			if doubt := b.Doubt(gaps, at); doubt != "" {
				h.KnownBy += ", in doubt: " + doubt
			}
			page.Results = append(page.Results, h)
		case before == nil || b.To.After(before.To):
			before = &b
		}
	}
	page.Neighbours = beside(before, after)
	return page, nil
}

func beside(before, after *quarantine.Binding) []wire.Neighbour {
	list := []wire.Neighbour{}
	if before != nil {
		list = append(list, wire.Neighbour{Holder: httpx.HolderOf(before.Holder()), Side: "before"})
	}
	if after != nil {
		list = append(list, wire.Neighbour{Holder: httpx.HolderOf(after.Holder()), Side: "after"})
	}
	return list
}

// heldBy lists what the subscriber's live sessions held at the moment.
func (a *API) heldBy(ctx context.Context, subscriber string, at time.Time) ([]wire.Holder, error) {
	if wrong := quarantine.CheckSubscriber(subscriber); wrong != nil {
		return nil, wrong
	}
	sessions, err := a.Sessions.SessionsOf(ctx, subscriber)
	if err != nil {
		return nil, err
	}
	return heldAt(sessions, at), nil
}

func (a *API) heldByMAC(ctx context.Context, mac string, at time.Time) ([]wire.Holder, error) {
	if quarantine.NormalMAC(mac) == "" {
		return nil, httpx.Invalid("query.mac", "invalid MAC address, e.g. 02:00:5e:00:53:0a", mac)
	}
	sessions, err := a.MACs.SessionsOfMAC(ctx, mac)
	if err != nil {
		return nil, err
	}
	return heldAt(sessions, at), nil
}

// heldAt lists what sessions held at a moment, one without any address once.
func heldAt(sessions []quarantine.Session, at time.Time) []wire.Holder {
	held := []wire.Holder{}
	for _, s := range sessions {
		if s.StartedAt.After(at) {
			continue
		}
		bindings := s.Bindings()
		if len(bindings) == 0 {
			bindings = []quarantine.Binding{{
				Session: s.SessionKey, Subscriber: s.Subscriber, From: s.StartedAt, RenewedAt: s.SeenAt, StartSeen: s.StartSeen,
			}}
		}
		for _, b := range bindings {
			if !b.From.After(at) && (b.To.IsZero() || !b.To.Before(at)) {
				held = append(held, httpx.HolderOf(b.Holder()))
			}
		}
	}
	return held
}
