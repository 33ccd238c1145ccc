package dialect

import (
	"slices"
	"strings"

	"layeh.com/radius"

	"cordon/radiusx"
)

// stepList is one of a form's lists of steps, with its key.
type stepList struct {
	key   string
	steps []StepTemplate
}

func (f *Form) lists() []stepList {
	return []stepList{{"restrict", f.Restrict}, {"restore", f.Restore}, {"change", f.Change}}
}

// attributeList is one of a step's lists of attributes, with its key.
type attributeList struct {
	key        string
	attributes []AttributeTemplate
}

func (t StepTemplate) lists() []attributeList {
	return []attributeList{{"coa", t.CoA}, {"disconnect", t.Disconnect}, {"undo", t.Undo}}
}

// sent returns what the form's requests consist of, besides the identifiers.
func (f *Form) sent() []AttributeTemplate {
	var sent []AttributeTemplate
	for _, list := range f.lists() {
		for _, s := range list.steps {
			sent = slices.Concat(sent, s.CoA, s.Disconnect, s.Undo)
		}
	}
	for _, how := range f.Verify {
		sent = append(sent, how.Query...)
	}
	return sent
}

func (v *validator) checkForm(name string, f *Form) {
	at := keys(name)
	if f.About == "" {
		v.fault(at, "%s: about must be set", name)
	}
	for _, list := range f.lists() {
		if len(list.steps) == 0 && (list.key != "change" || !f.Names.Restricted.Pattern.isOne()) {
			v.fault(at, "%s: %s has no steps", name, list.key)
		}
		allowed := []pieceKind{restricted, session, option}
		if name != Overlay {
			allowed = append(allowed, normal)
		}
		if list.key == "change" {
			allowed = append(allowed, previous)
		}
		for i, s := range list.steps {
			v.checkStep(below(at, list.key, i), s, allowed, f.AsksAAA)
		}
	}
	v.checkVerify(name, f)
	v.checkMirror(name, f)
	v.checkLogin(name, f)
	v.checkCoverage(below(at, "coverage", "ipv4"), f.Coverage.IPv4)
	v.checkCoverage(below(at, "coverage", "ipv6"), f.Coverage.IPv6)
	v.checkRule(below(at, "names", "restricted"), f.Names.Restricted)
	v.checkRule(below(at, "names", "normal"), f.Names.Normal)
	for i, no := range f.Refuses {
		v.lookup(below(at, "refuses", i, "attribute"), no.Attribute)
		if no.Value == "" || no.Reason == "" {
			v.fault(below(at, "refuses", i), "value and reason must be set")
		}
	}
}

func (v *validator) checkRule(at []any, rule NameRule) {
	if rule.Pattern.re != nil && rule.Reason == "" {
		v.fault(at, "pattern without a reason")
	}
}

func (v *validator) checkCoverage(at []any, c Covers) {
	switch {
	case !slices.Contains([]string{"yes", "no", "depends"}, c.Covered):
		v.fault(at, "covered: want yes, no or depends")
	case (c.Covered == "yes") != (c.Warning == ""):
		v.fault(at, "warning: wanted unless covered is yes")
	}
}

func (v *validator) checkStep(at []any, s StepTemplate, allowed []pieceKind, asksAAA bool) {
	isDisconnect := s.code() == radius.CodeDisconnectRequest
	switch {
	case isDisconnect && s.CoA != nil:
		v.fault(at, "a step is coa or disconnect, not both")
	case !isDisconnect && len(s.CoA) == 0:
		v.fault(at, "a step must have coa or disconnect")
	case !isDisconnect && (mayBeEmpty(s.CoA) || len(s.Undo) > 0 && mayBeEmpty(s.Undo)):
		v.fault(at, "a step must have an attribute that is always sent")
	case isDisconnect && len(s.Undo) > 0:
		v.fault(below(at, "undo"), "a Disconnect-Request cannot be undone")
	case !isDisconnect && len(s.Undo) == 0:
		v.fault(at, "a step must have an undo: what cannot be undone is not begun")
	case !isDisconnect && !asksAAA && written(s.CoA, asIs) == written(s.Undo, asIs):
		v.fault(below(at, "undo"), "undo sends the same again")
	}
	if isDisconnect && !v.dialect.DropsSession {
		v.fault(at, "a disconnect step, but drops_session is false")
	}
	for _, list := range s.lists() {
		for i, a := range list.attributes {
			v.checkAttribute(below(at, list.key, i), a, allowed)
		}
	}
}

// mayBeEmpty reports whether all of a request may be left out.
func mayBeEmpty(list []AttributeTemplate) bool {
	return !slices.ContainsFunc(list, func(a AttributeTemplate) bool { return !a.Value.isOptional() })
}

func (v *validator) checkAttribute(at []any, a AttributeTemplate, allowed []pieceKind) {
	v.checkPlaceholders(at, a.Value, allowed...)
	if slices.ContainsFunc(v.dialect.Attributes, func(s SiteDefined) bool { return s.Name == a.Name }) {
		return // type and number are not known before the options are
	}
	def, ok := v.lookup(at, a.Name)
	if !ok {
		return
	}
	id := v.dialect.Identifiers
	if slices.ContainsFunc(slices.Concat(id.Must, id.IfKnown), func(name string) bool { return v.means(name, def) }) {
		v.fault(at, "%s identifies the session and cannot change it (RFC 5176 section 3.6 note 6)", a.Name)
	}
	if slices.ContainsFunc(id.Never, func(n Never) bool { return v.means(n.Attribute, def) }) {
		v.fault(at, "%s is never to be sent", a.Name)
	}
	if err := v.encodesLiterals(def, a); err != nil {
		v.fault(at, "%v", err)
	}
}

// means reports whether name is another name of def, such as Attr-1 for User-Name.
func (v *validator) means(name string, def radiusx.Definition) bool {
	named, ok := v.dialect.base.Lookup(name)
	return ok && named.Vendor == def.Vendor && named.Number == def.Number
}

// encodesLiterals encodes what of a is sure to be sent, so that wrong tags and
// literals that are too long or not of the type are found. Where a placeholder
// decides, an example of the type stands in for the value.
func (v *validator) encodesLiterals(def radiusx.Definition, a AttributeTemplate) error {
	var text strings.Builder
	decided := true
	for _, p := range a.Value.pieces {
		if p.kind == literal {
			text.WriteString(p.text)
		} else {
			decided = false
		}
	}
	value := text.String()
	if !decided && (def.Type != radiusx.TypeString || value == "") {
		value = examples[def.Type]
	}
	_, err := v.dialect.base.Encode(nil, radiusx.Attribute{Name: a.Name, Tag: a.Tag, Value: value})
	return err
}

// checkMirror checks that the form can be undone, from what its steps say:
// taking back the steps of restrict, the last first, is restore; taking
// back restore is restrict; and taking back a change is the change from the one
// to the other.
func (v *validator) checkMirror(name string, f *Form) {
	if mirrored(f.Restrict, asIs) != forward(f.Restore, asIs) {
		v.fault(keys(name, "restore"), "%s: restore must undo restrict: want%s", name, mirrored(f.Restrict, asIs))
	}
	if mirrored(f.Restore, asIs) != forward(f.Restrict, asIs) {
		v.fault(keys(name, "restore"), "%s: undoing restore is not restrict: want%s", name, forward(f.Restrict, asIs))
	}
	if mirrored(f.Change, asIs) != forward(f.Change, exchanged) {
		v.fault(keys(name, "change"), "%s: undoing change is not the change back: want%s", name, forward(f.Change, exchanged))
	}
}

// naming writes a placeholder; asIs as it is meant, exchanged with the wanted and the
// previous restriction in each other's place.
type naming map[pieceKind]pieceKind

var (
	asIs      = naming{restricted: restricted, previous: previous}
	exchanged = naming{restricted: previous, previous: restricted}
)

// forward writes the requests of steps in their order.
func forward(steps []StepTemplate, n naming) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(" [" + s.code().String() + written(s.attributes(), n) + "]")
	}
	return b.String()
}

// mirrored writes the requests that undo steps, the last first. A
// Disconnect-Request's mirror image is itself: the session logs in anew.
func mirrored(steps []StepTemplate, n naming) string {
	var b strings.Builder
	for _, s := range slices.Backward(steps) {
		undo := s.Undo
		if s.code() == radius.CodeDisconnectRequest {
			undo = s.Disconnect
		}
		b.WriteString(" [" + s.code().String() + written(undo, n) + "]")
	}
	return b.String()
}

// written writes attributes with their placeholders named by n.
func written(list []AttributeTemplate, n naming) string {
	var b strings.Builder
	for _, a := range list {
		b.WriteString(" " + radiusx.Attribute{Name: a.Name, Tag: a.Tag}.Label() + "=")
		for _, p := range a.Value.pieces {
			b.WriteString(p.written(n))
		}
	}
	return b.String()
}

// written writes p as it stands in a file.
func (p piece) written(n naming) string {
	if p.optional {
		p.text += "?"
	}
	if kind, ok := n[p.kind]; ok {
		p.kind = kind
	}
	for text, kind := range placeholders {
		if kind == p.kind {
			return "{" + strings.TrimSuffix(text+" "+p.text, " ") + "}"
		}
	}
	for word, kind := range namedPlaceholders {
		if kind == p.kind {
			return "{" + word + " " + p.text + "}"
		}
	}
	return p.text
}
