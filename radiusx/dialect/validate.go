package dialect

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"cordon/radiusx"
)

// source is the file of a dialect.
type source struct {
	file string
	root *yaml.Node
}

// validator collects what is wrong with one dialect.
type validator struct {
	source
	dialect *Dialect
	faults  []error
}

func (v *validator) fault(keys []any, format string, args ...any) {
	v.faults = append(v.faults, v.source.fault(keys, format, args...))
}

// fault is a problem at the node that keys lead to: strings are keys of
// mappings, ints are places in sequences. Where there is no such node, the
// last one on the way is meant.
func (s source) fault(keys []any, format string, args ...any) error {
	node := s.root
	for _, key := range append([]any{0}, keys...) {
		next := child(node, key)
		if next == nil {
			break
		}
		node = next
	}
	return Fault{s.file, node.Line, node.Column, fmt.Sprintf(format, args...)}
}

// child returns the node under key; nil if there is none.
func child(n *yaml.Node, key any) *yaml.Node {
	if at, ok := key.(int); ok {
		if at < len(n.Content) {
			return n.Content[at]
		}
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// keys is a path in the file.
func keys(path ...any) []any { return path }

// below returns the path that continues at with path.
func below(at []any, path ...any) []any { return append(slices.Clone(at), path...) }

func (v *validator) check() {
	v.checkHead()
	v.checkIdentification("identifiers", v.dialect.Identifiers)
	v.checkIdentification("disconnect", v.dialect.Disconnect)
	v.checkRenaming()
	v.checkOptions()
	v.checkSiteDefined()
	v.checkNotes()
	switch has := len(v.dialect.Forms()) > 0; {
	case !has && v.dialect.DisconnectOnly == "":
		v.fault(nil, "no form: want overlay, swap or both, or the reason in disconnect_only")
	case has && v.dialect.DisconnectOnly != "":
		v.fault(keys("disconnect_only"), "disconnect_only: there are forms")
	}
	if f := v.dialect.Overlay; f != nil {
		v.checkForm(Overlay, f)
	}
	if f := v.dialect.Swap; f != nil {
		v.checkForm("swap", f)
	}
}

var dialectName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

func (v *validator) checkHead() {
	d := v.dialect
	if !dialectName.MatchString(d.Name) {
		v.fault(keys("name"), "name %q: want lower-case letters, digits and dashes", d.Name)
	} else if want := d.Name + ".yaml"; path.Base(v.file) != want {
		v.fault(keys("name"), "name %q belongs into a file %s", d.Name, want)
	}
	v.want(d.Title != "", "title", "must be set")
	v.want(len(d.Platforms) > 0, "makes", "must not be empty")
	v.want(slices.Contains([]Support{SupportLab, SupportField, SupportDocumented, SupportGeneric}, d.Support),
		"support", "want lab, field, documented or generic")
	v.want(slices.Contains(marks, d.Evidence.Mark),
		"evidence", "mark: want source, documented, field or memory")
	for i, key := range d.Evidence.Unverified {
		if child(child(v.root, 0), key) == nil {
			v.fault(keys("evidence", "unverified", i), "unverified: the file says nothing of %s", key)
		}
	}
	v.want(d.Evidence.Source != "", "evidence", "source must be set")
	v.want(d.Replaces == "" || d.Replaces == d.Name, "replaces", "want the file's own name, or nothing")
	v.want(slices.Contains([]Signing{SignSend, SignOmit, SignRequireReply}, d.MessageAuthenticator),
		"message_authenticator", "want send, omit or require-reply")
	v.want(slices.Contains([]Stamping{StampSend, StampOmit, StampMandatory}, d.EventTimestamp),
		"event_timestamp", "want send, omit or mandatory")
	v.checkInterims()
	v.want(d.CoAPort > 0, "coa_port", "must be set")
	v.want(d.DisconnectPort > 0, "disconnect_port", "must be set")
	v.want(d.Rate > 0, "rate", "want more than 0 requests a second")
	v.want(d.MaxInFlight > 0, "max_in_flight", "want more than 0 requests")
}

// want notes a fault at a key of the top level unless ok.
func (v *validator) want(ok bool, key, problem string) {
	if !ok {
		v.fault(keys(key), "%s: %s", key, problem)
	}
}

// identifying are the standard attributes that belong to one subscriber; vendors' own
// may too. The others of RFC 5176 section 3 (address, port, station) only narrow:
// alone they may be somebody else's by now, and accel-ppp skips those that a
// session cannot answer yet.
var identifying = []string{"User-Name", "Acct-Session-Id", "Acct-Multi-Session-Id", "Chargeable-User-Identity"}

// checkIdentification checks the identifiers that stand under key, or under a key of
// it.
func (v *validator) checkIdentification(key string, id Identification, under ...any) {
	at := append(keys(key), under...)
	identifies := false
	for i, name := range id.Must {
		def, ok := v.lookup(below(at, "must", i), name)
		identifies = identifies || ok && (def.Vendor != 0 || slices.Contains(identifying, name))
	}
	for i, name := range id.IfKnown {
		v.lookup(below(at, "if_known", i), name)
	}
	all := slices.Concat(id.Must, id.IfKnown)
	for i, name := range all {
		if slices.Contains(all[:i], name) {
			v.fault(at, "%s: duplicate %s", key, name)
		}
	}
	if !identifies {
		v.fault(below(at, "must"), "%s: nothing in must singles out a session; an address, port or station alone does not", key)
	}
	if slices.Contains(all, "Framed-Interface-Id") != slices.Contains(all, "Framed-IPv6-Prefix") {
		v.fault(at, "%s: Framed-Interface-Id and Framed-IPv6-Prefix only together (RFC 5176 section 3)", key)
	}
	if v.dialect.SendsNAS {
		all = append(all, nasAttributes...)
	}
	for i, never := range id.Never {
		v.lookup(below(at, "never", i, "attribute"), never.Attribute)
		if never.Reason == "" {
			v.fault(below(at, "never", i), "%s: never %s: reason must be set", key, never.Attribute)
		}
		if slices.Contains(all, never.Attribute) {
			v.fault(below(at, "never", i), "%s: %s is sent and never to be sent", key, never.Attribute)
		}
	}
}

// lookup finds the definition of a session attribute, by its exact name.
func (v *validator) lookup(at []any, name string) (radiusx.Definition, bool) {
	def, ok := v.dialect.base.Lookup(name)
	if !ok || def.Name != name {
		v.fault(at, "unknown attribute %s", name)
	}
	return def, ok
}

func (v *validator) checkOptions() {
	for i, o := range v.dialect.Options {
		at := keys("options", i)
		if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(o.Name) {
			v.fault(below(at, "name"), "option name %q: want lower-case letters, digits and _", o.Name)
		}
		if slices.ContainsFunc(v.dialect.Options[:i], func(before Option) bool { return before.Name == o.Name }) {
			v.fault(below(at, "name"), "duplicate option %s", o.Name)
		}
		if o.Default != "" && !o.Pattern.matches(o.Default) {
			v.fault(below(at, "default"), "default %q must match the pattern", o.Default)
		}
		if o.Help == "" {
			v.fault(at, "option %s has no help", o.Name)
		}
	}
}

func (v *validator) checkSiteDefined() {
	for i, s := range v.dialect.Attributes {
		at := keys("site_attributes", i)
		if _, taken := v.dialect.base.Lookup(s.Name); taken || s.Name == "" {
			v.fault(below(at, "name"), "invalid name %q of a site-defined attribute: must not be empty or another attribute's", s.Name)
		}
		v.checkDefinition(at, s.Name, "vendor", s.Vendor)
		v.checkDefinition(at, s.Name, "number", s.Number)
		v.checkDefinition(at, s.Name, "type", s.Type)
		v.checkPlaceholders(below(at, "known_as"), s.KnownAs, option)
		if s.When != "" && !v.dialect.hasOption(s.When) {
			v.fault(below(at, "when"), "when: no such option %s", s.When)
		}
	}
}

func (v *validator) checkDefinition(at []any, name, key string, t Template) {
	if t.source == "" || t.isOptional() {
		v.fault(at, "%s: %s must be set", name, key)
	}
	v.checkPlaceholders(below(at, key), t, option)
}

// checkPlaceholders checks that t uses only what is allowed, and that this exists.
func (v *validator) checkPlaceholders(at []any, t Template, allowed ...pieceKind) {
	for _, p := range t.pieces {
		if p.kind != literal && !slices.Contains(allowed, p.kind) {
			v.fault(at, "%q: that placeholder has no value here", t.source)
		}
	}
	for _, name := range t.names(option) {
		if !v.dialect.hasOption(name) {
			v.fault(at, "{option %s}: no such option", name)
		}
	}
	for _, name := range t.names(session) {
		v.lookup(at, name)
	}
}

func (v *validator) checkNotes() {
	v.want(v.dialect.ACKVerifies.Sentence != "", "ack_proves", "sentence must be set")
	if unknown := unknownSnippetName(v.dialect.SnippetText); unknown != "" {
		v.fault(keys("snippet"), "snippet: unknown placeholder %s", unknown)
	}
	cause, _ := radiusx.Builtin().Lookup("Error-Cause")
	for i, nak := range v.dialect.NAKs {
		known := slices.ContainsFunc(cause.Values, func(c radiusx.Value) bool { return c.Name == nak.Cause })
		if !known && nak.Cause != "none" {
			v.fault(keys("naks", i, "cause"), "unknown Error-Cause %q", nak.Cause)
		}
		if nak.Means == "" {
			v.fault(keys("naks", i), "%s: means must be set", nak.Cause)
		}
	}
}

func containsFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
