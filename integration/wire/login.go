package wire

// LoginAttribute is an attribute of a log-in as rlm_rest encodes it.
type LoginAttribute struct {
	Type  string   `json:"type,omitempty" doc:"As FreeRADIUS calls it; not looked at."`
	Value []string `json:"value" doc:"As FreeRADIUS prints them."`
}

// LoginAssignment is a change to a log-in's Access-Accept as rlm_rest reads it.
// Values are never expanded: FreeRADIUS 3 would take a %{…} in one for a program.
type LoginAssignment struct {
	Op     string   `json:"op" enum:":=,+=,!*" doc:"!* takes every value away; := sets; += adds."`
	DoXlat bool     `json:"do_xlat" doc:"Always false."`
	Value  []string `json:"value"`
}
