package wire

// LoginAttribute is an attribute of an Access-Request as rlm_rest encodes it.
type LoginAttribute struct {
	Type  string   `json:"type,omitempty" doc:"FreeRADIUS' type; ignored."`
	Value []string `json:"value" doc:"As FreeRADIUS prints them."`
}

// LoginAssignment is a change to an Access-Accept as rlm_rest decodes it.
// Values are never expanded: FreeRADIUS 3 would take a %{…} in one for a program.
type LoginAssignment struct {
	Op     string   `json:"op" enum:":=,+=,!*" doc:"!* removes every value; := sets; += adds."`
	DoXlat bool     `json:"do_xlat" doc:"Always false."`
	Value  []string `json:"value"`
}
