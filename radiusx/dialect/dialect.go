package dialect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cordon/radiusx"
)

// Overlay is the Profile.Normal that stands for "leave what the session has in
// place and put the restriction on top".
const Overlay = "overlay"

// What Steps can fail with. All are found before any packet exists.
var (
	// ErrIdentifierMissing: the session lacks an attribute that says which
	// session is meant, or has it empty, as a wildcard, or twice and different.
	// Never send without it: the request might hit somebody else.
	ErrIdentifierMissing = errors.New("identifier missing")
	// ErrNeedsNormal: this platform cannot lay a restriction on top; the name of
	// the normal profile must be configured, because restoring needs it.
	ErrNeedsNormal = errors.New("needs the name of the normal profile")
	// ErrUnsupported: this platform cannot do it; the message has the reason.
	ErrUnsupported = errors.New("unsupported")
	// ErrOption: an option is missing, unknown or not of its form.
	ErrOption = errors.New("dialect option")
)

// Action is how a session is to be changed.
type Action int

// The actions. The zero Action is none of them.
const (
	Restrict   Action = iota + 1 // put Request.Profile in force
	Restore                      // release Request.Profile, which is in force
	Change                       // from Request.From, which is in force, to Request.Profile
	Disconnect                   // end the session
)

// actionNames is the one table of action names, by number.
var actionNames = [...]string{Restrict: "restrict", Restore: "restore", Change: "change", Disconnect: "disconnect"}

// String returns the action's name in lower case.
func (a Action) String() string {
	if a < Restrict || a > Disconnect {
		return fmt.Sprintf("action %d", int(a))
	}
	return actionNames[a]
}

// ParseAction returns the action called name.
func ParseAction(name string) (Action, error) {
	if at := slices.Index(actionNames[:], name); at > 0 {
		return Action(at), nil
	}
	return 0, fmt.Errorf("unknown action %q: want %s", name, strings.Join(actionNames[1:], ", "))
}

// Profile is a restriction under its names on one BNG.
type Profile struct {
	Restricted string // what the session gets
	Normal     string // what it has otherwise; Overlay, or "" where the platform can overlay: nothing is replaced
}

// Support says how far a dialect was tried. The words stand in the files.
type Support string

// The levels of support.
const (
	SupportLab        Support = "lab"        // run against the real thing
	SupportField      Support = "field"      // taken from set-ups that are in use
	SupportDocumented Support = "documented" // the maker's documentation or source code says so
	SupportGeneric    Support = "generic"    // RFC only; each platform must be tried
)

// Mark says what a statement rests on. The words stand in the files.
type Mark string

// The marks, best first.
const (
	MarkSource     Mark = "source"     // read in the platform's source code
	MarkDocumented Mark = "documented" // in an RFC or in the maker's documents
	MarkField      Mark = "field"      // seen in scripts and billing systems that are in use
	MarkMemory     Mark = "memory"     // not verified: try it on the device first
)

var marks = []Mark{MarkSource, MarkDocumented, MarkField, MarkMemory}

// Dialect is how sessions on one platform are restricted and restored, as data. It does not change after loading; callers
// must not change what its fields refer to.
type Dialect struct {
	Name      string   `yaml:"name"`     // as configurations name it: lower case, digits and dashes
	Title     string   `yaml:"title"`    // for people
	Platforms []string `yaml:"makes"`    // products that speak it
	Support   Support  `yaml:"support"`  // how far it was tried
	Evidence  Evidence `yaml:"evidence"` // where it comes from
	Replaces  string   `yaml:"replaces"` // an operator's file: its own name, where it is meant to take a built-in one's place

	// Experimental: too little is known of the platform to let it enforce before it
	// was proved on the very BNG.
	Experimental bool `yaml:"experimental"`

	CoAPort        uint16 `yaml:"coa_port"`        // UDP, the platform's default
	DisconnectPort uint16 `yaml:"disconnect_port"` // UDP, the platform's default
	Rate           int    `yaml:"rate"`            // requests a second that the platform surely bears
	MaxInFlight    int    `yaml:"max_in_flight"`   // unanswered requests at a time
	DropsSession   bool   `yaml:"drops_session"`   // restrict or restore ends the session

	MessageAuthenticator Signing  `yaml:"message_authenticator"` // what suits the platform; a BNG's own setting comes first
	EventTimestamp       Stamping `yaml:"event_timestamp"`       // likewise, unless it is mandatory

	InterimAddresses Interims `yaml:"interim_addresses"` // what accounting says of addresses by leaving them out

	Identifiers Identification  `yaml:"identifiers"`     // of CoA-Requests
	Disconnect  Identification  `yaml:"disconnect"`      // of Disconnect-Requests
	Renames     *Renaming       `yaml:"renames_session"` // nil: a restricted session keeps its Acct-Session-Id
	SendsNAS    bool            `yaml:"sends_nas"`       // requests also carry what the session says of its NAS
	Options     []Option        `yaml:"options"`         // what a site must or may set
	Attributes  []SiteDefined   `yaml:"site_attributes"` // attributes whose numbers the site chooses
	Overlay     *Form           `yaml:"overlay"`         // nil: the platform cannot
	Swap        *Form           `yaml:"swap"`            // nil: the platform need not
	ACKVerifies ACKVerification `yaml:"ack_proves"`      // what an ACK says

	DisconnectOnly string   `yaml:"disconnect_only"` // why the platform cannot restrict a session that stays; "" = it can
	SnippetText    string   `yaml:"snippet"`         // see Snippet; "" = not known
	NAKs           []NAK    `yaml:"naks"`            // refusals that were seen, and what they mean
	Quirks         []string `yaml:"quirks"`          // what surprises people

	base   *radiusx.Dictionary // knows every attribute that the file names
	source source              // of the file, for faults that show later
}

// Evidence is where statements come from.
type Evidence struct {
	Mark       Mark     `yaml:"mark"` // of what Unverified does not name
	Source     string   `yaml:"source"`
	Unverified []string `yaml:"unverified"` // keys of the file whose statements are from memory
}

// Identification is which session attributes say what session is meant, in the
// order in which they are sent.
type Identification struct {
	Must    []string `yaml:"must"`     // a session without one of them is not acted upon
	IfKnown []string `yaml:"if_known"` // sent where the session has them, to narrow further
	Never   []Never  `yaml:"never"`    // what would make this platform refuse, or hit somebody else
}

// Never is an attribute that must not be in a request, with the reason.
type Never struct {
	Attribute string `yaml:"attribute"`
	Reason    string `yaml:"reason"`
}

// SiteDefined is an attribute whose definition comes from options: each field
// is a template of literal text and {option NAME}.
type SiteDefined struct {
	Name    string   `yaml:"name"`
	Vendor  Template `yaml:"vendor"` // 0 = a standard attribute
	Number  Template `yaml:"number"`
	Type    Template `yaml:"type"`     // FreeRADIUS' name of the type
	When    string   `yaml:"when"`     // an option: the attribute is there only if it is set; "": always
	KnownAs Template `yaml:"known_as"` // its name in the AAA server's dictionary; empty: not known here
}

// Form is one way of restricting, with its way back.
type Form struct {
	About    string         `yaml:"about"`    // one sentence
	Restrict []StepTemplate `yaml:"restrict"` // sent in this order, each confirmed
	Restore  []StepTemplate `yaml:"restore"`  // the mirror image of Restrict
	Change   []StepTemplate `yaml:"change"`   // from {previous restricted} to {restricted}
	Names    NameRules      `yaml:"names"`    // which names the platform takes
	Refuses  []Refusal      `yaml:"refuses"`  // sessions that cannot be restricted in this form
	Login    *Login         `yaml:"login"`    // nil: what the platform wants at log-in is not written down
	Coverage Coverage       `yaml:"coverage"` // which traffic the restriction catches
	Verify   []Verification `yaml:"verify"`   // how to find out whether it is in force, the best way first

	// AsksAAA: the requests name no profile but make the BNG ask its AAA server
	// anew, which must answer as the case wants; undoing is asking again.
	AsksAAA bool `yaml:"asks_aaa"`
}

// StepTemplate is one request. Exactly one of CoA and Disconnect is set; a
// Disconnect-Request cannot be undone.
//
// naks_if_done marks a step that the platform refuses when it is so already: a
// service to be deactivated that is not active. Where an earlier try may have
// done it, such a refusal is no news.
type StepTemplate struct {
	CoA        []AttributeTemplate `yaml:"coa"`
	Disconnect []AttributeTemplate `yaml:"disconnect"`
	Undo       []AttributeTemplate `yaml:"undo"` // the CoA-Request that takes the step back
	NAKsIfDone bool                `yaml:"naks_if_done"`
}

// NameRules restrict the names of profiles on this platform.
type NameRules struct {
	Restricted NameRule `yaml:"restricted"`
	Normal     NameRule `yaml:"normal"`
}

// NameRule is a pattern that a name must match. The zero rule takes any name.
type NameRule struct {
	Pattern Pattern `yaml:"pattern"`
	Reason  string  `yaml:"reason"` // for the person whose name does not match
}

// Refusal is a kind of session that a form does not work for: restricting it
// is refused. Restoring never is.
type Refusal struct {
	Attribute string `yaml:"attribute"` // of the session
	Value     string `yaml:"value"`
	Reason    string `yaml:"reason"`
}

// Coverage says which traffic a restriction catches.
type Coverage struct {
	IPv4 Covers `yaml:"ipv4"`
	IPv6 Covers `yaml:"ipv6"`
}

// Covers is "yes", or a warning to show to the person who configures it.
type Covers struct {
	Covered string `yaml:"covered"` // yes, no or depends
	Warning string `yaml:"warning"` // why not yes
}

// Uncovered says which traffic of a subscriber a restriction to p does not
// catch, by family: "ipv4", "ipv6"; none if the platform catches both, or the
// site's own profile decides.
func (d *Dialect) Uncovered(p Profile) map[string]string {
	form, err := d.form(p)
	if err != nil {
		return nil
	}
	gaps := map[string]string{}
	for family, covers := range map[string]Covers{"ipv4": form.Coverage.IPv4, "ipv6": form.Coverage.IPv6} {
		if covers.Covered == "no" {
			gaps[family] = covers.Warning
		}
	}
	return gaps
}

// ACKVerification is what an ACK of this platform proves.
type ACKVerification struct {
	Applied  bool   `yaml:"applied"`  // an ACK means that the change is in force
	Sentence string `yaml:"sentence"` // the reason
}

// NAK is a refusal that this platform is known to send.
type NAK struct {
	Cause string `yaml:"cause"` // Error-Cause by FreeRADIUS' name; "none" = a NAK without one
	Means string `yaml:"means"`
}

// form returns the form that p asks for.
func (d *Dialect) form(p Profile) (*Form, error) {
	switch {
	case d.DisconnectOnly != "":
		return nil, fmt.Errorf("%w: %s can only be disconnected: %s", ErrUnsupported, d.Name, d.DisconnectOnly)
	case p.Normal != Overlay && p.Normal != "" && d.Swap == nil:
		return nil, fmt.Errorf("%w: %s only lays restrictions on top: use normal: %s", ErrUnsupported, d.Name, Overlay)
	case p.Normal != Overlay && p.Normal != "":
		return d.Swap, nil
	case d.Overlay == nil:
		return nil, fmt.Errorf("%w: %s replaces the normal profile and cannot restore it without its name", ErrNeedsNormal, d.Name)
	}
	return d.Overlay, nil
}

// Forms returns the forms that the platform has, by name.
func (d *Dialect) Forms() map[string]*Form {
	forms := make(map[string]*Form, 2)
	if d.Overlay != nil {
		forms[Overlay] = d.Overlay
	}
	if d.Swap != nil {
		forms["swap"] = d.Swap
	}
	return forms
}
