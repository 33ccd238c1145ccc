package dialect

import (
	"cmp"
	"maps"
	"slices"

	"layeh.com/radius"

	"cordon/radiusx"
)

// Renaming is of a platform that ends the accounting session when it restricts: a Stop
// comes, the Acct-Session-Id is another from then on, and no Start shows it. The
// restriction is in force on the line all the same, so whatever is sent after it names
// the session by what stays.
type Renaming struct {
	Reason      string         `yaml:"reason"`      // what was seen, in one sentence
	Identifiers Identification `yaml:"identifiers"` // of requests after a restriction
	Gone        []string       `yaml:"gone"`        // Error-Causes by which it says that it has no such session; "none" = a NAK without one
}

// inForce asks for what identifies a session whose restriction is, or may be, in force.
var inForce = identified{radius.CodeCoARequest, true}

// identification is what a request says which session is meant by.
func (d *Dialect) identification(of identified) Identification {
	switch {
	case of.code == radius.CodeDisconnectRequest:
		return d.Disconnect
	case of.then && d.Renames != nil:
		return d.Renames.Identifiers
	}
	return d.Identifiers
}

// Outlives reports whether a restriction outlives the accounting session that it was
// put in force on.
func (d *Dialect) Outlives() bool { return d.Renames != nil }

// MeansGone reports whether a NAK with that Error-Cause (0: none) to a request about a
// session that was restricted says that there is no such session.
func (d *Dialect) MeansGone(cause uint32) bool {
	if d.Renames == nil {
		return false
	}
	return slices.Contains(d.Renames.Gone, cmp.Or(errorCauseNames()[cause], "none"))
}

// errorCauseNames are FreeRADIUS' names of Error-Causes.
func errorCauseNames() map[uint32]string {
	def, _ := radiusx.Builtin().Lookup("Error-Cause")
	names := make(map[uint32]string, len(def.Values))
	for _, v := range def.Values {
		names[v.Number] = v.Name
	}
	return names
}

// checkRenaming checks renames_session, where the file has it.
func (v *validator) checkRenaming() {
	r := v.dialect.Renames
	if r == nil {
		return
	}
	at := keys("renames_session")
	if r.Reason == "" {
		v.fault(at, "renames_session: reason must be set")
	}
	if containsFold(slices.Concat(r.Identifiers.Must, r.Identifiers.IfKnown), "Acct-Session-Id") {
		v.fault(at, "renames_session: Acct-Session-Id is what changes")
	}
	v.checkIdentification("renames_session", r.Identifiers, "identifiers")
	for i, cause := range r.Gone {
		if cause != "none" && !slices.Contains(slices.Collect(maps.Values(errorCauseNames())), cause) {
			v.fault(below(at, "gone", i), "unknown Error-Cause %q", cause)
		}
	}
}
