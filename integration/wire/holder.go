package wire

import "time"

// Holder is one subscriber's claim to an address.
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
	KnownBy    string     `json:"known_by" doc:"Which accounting records say so."`
}

// Place is what was held, for people: the address, :its ports, @its space.
func (h *Holder) Place() string {
	place := h.Address
	if h.Ports != "" {
		place += ":" + h.Ports
	}
	if h.Space != "" {
		place += "@" + h.Space
	}
	return place
}

// Neighbour is the nearest holder before or after a moment.
type Neighbour struct {
	Holder
	Side string `json:"side" enum:"before,after"`
}

// Holders is who held an address at a moment, or what a subscriber held.
type Holders struct {
	Results    []Holder    `json:"results" doc:"Who held the address at exactly that moment; from is part of an interval, to is not."`
	Neighbours []Neighbour `json:"neighbours" doc:"Who held it last before, and first after."`
}
