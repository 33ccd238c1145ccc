package wire

import "time"

// Holder is one subscriber's claim to an address.
type Holder struct {
	Subscriber string     `json:"subscriber"`
	BNG        string     `json:"bng"`
	SessionID  string     `json:"acct_session_id"`
	Address    string     `json:"address" doc:"Address or prefix; empty if accounting has none."`
	Space      string     `json:"space,omitempty" doc:"Address space; none: public."`
	Ports      string     `json:"ports,omitempty" doc:"Port block; none: all ports."`
	From       time.Time  `json:"from"`
	FromBy     *time.Time `json:"from_by,omitempty" doc:"If the record's time is uncertain: it began between from and this."`
	To         *time.Time `json:"to" doc:"End, exclusive; null while it is held."`
	KnownBy    string     `json:"known_by" doc:"Which accounting records show it."`
}

// Place is the address with :ports and @space, if it has them.
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

// Neighbour is the last holder before a moment, or the first after it.
type Neighbour struct {
	Holder
	Side string `json:"side" enum:"before,after"`
}

// Holders is who held an address at a moment, or what a subscriber held.
type Holders struct {
	Results    []Holder    `json:"results" doc:"Holders at that moment; from is inclusive, to exclusive."`
	Neighbours []Neighbour `json:"neighbours" doc:"Last holder before, first holder after."`
}
