package dialect

import (
	"errors"
	"fmt"

	"layeh.com/radius"

	"cordon/radiusx"
)

// Request is how a session is to be changed.
type Request struct {
	Action  Action
	Session []radiusx.Attribute // what accounting reported of it: User-Name, Acct-Session-Id, Framed-IP-Address, NAS-…
	Profile Profile             // wanted (Restrict, Change), or in force (Restore)
	From    Profile             // Change: in force
	Options map[string]string   // the BNG's dialect_options
}

// Step is one request to the BNG, to be confirmed before the next is sent.
// Attributes begin with the identifiers, in the dialect's order; what
// authenticates the packet (Message-Authenticator, Event-Timestamp) is not there.
type Step struct {
	Code       radius.Code // CoA-Request or Disconnect-Request
	Attributes []radiusx.Attribute
	Undo       *Step // takes the step back; nil where nothing can, or a restore's could not be made
	NAKsIfDone bool  // the platform refuses it when it is so already

	Encoded radius.Attributes // sent as they are, after Attributes: of a step that was fixed before; see [Fixed]
}

// Steps returns the requests that do r, in order. If one is refused, the undo of
// each one before it is to be sent, the last first.
//
// Change between two profiles of one form uses that form's own way; between
// forms it restores the one and restricts with the other, so that the session is
// unrestricted for a moment. Change to what is in force already returns no
// steps.
//
// Errors are [ErrIdentifierMissing], [ErrNeedsNormal], [ErrUnsupported] and
// [ErrOption], wrapped with the reason.
func (d *Dialect) Steps(r Request) ([]Step, error) {
	b, err := d.newBuilder(r)
	if err != nil {
		return nil, err
	}
	return b.all()
}

// all makes the steps of the request.
func (b *builder) all() ([]Step, error) {
	switch r := b.request; r.Action {
	case Restrict:
		return b.restrict()
	case Restore:
		return b.restore(r.Profile)
	case Change:
		return b.change()
	case Disconnect:
		return b.steps([]StepTemplate{{Disconnect: []AttributeTemplate{}}})
	default:
		return nil, fmt.Errorf("%w: %v", ErrUnsupported, r.Action)
	}
}

// builder makes the steps of one request.
type builder struct {
	dialect    *Dialect
	request    Request
	values     values
	dictionary *radiusx.Dictionary
	heads      map[identified][]radiusx.Attribute // identifiers, made when first needed
	headless   bool                               // steps have none
}

// identified is what decides by what a request says which session is meant.
type identified struct {
	code radius.Code
	then bool // after a restriction, which may have given the session another id
}

func (d *Dialect) newBuilder(r Request) (*builder, error) {
	options, err := d.options(r.Options)
	if err != nil {
		return nil, err
	}
	dictionary, err := d.withSites(options)
	if err != nil {
		return nil, err
	}
	return &builder{
		dialect:    d,
		request:    r,
		values:     values{dialect: d, profile: r.Profile, from: r.From, session: r.Session, options: options},
		dictionary: dictionary,
		heads:      make(map[identified][]radiusx.Attribute, 2),
	}, nil
}

func (b *builder) restrict() ([]Step, error) {
	form, err := b.wanted()
	if err != nil {
		return nil, err
	}
	return b.steps(form.Restrict)
}

// wanted returns the form of the wanted profile, unless the platform cannot put it
// in force on this session.
func (b *builder) wanted() (*Form, error) {
	form, err := b.dialect.form(b.request.Profile)
	if err != nil {
		return nil, err
	}
	if err := form.accepts(b.request.Profile); err != nil {
		return nil, err
	}
	for _, no := range form.Refuses {
		if value, ok := radiusx.Find(b.request.Session, no.Attribute); ok && value == no.Value {
			return nil, fmt.Errorf("%w: %s is %s: %s", ErrUnsupported, no.Attribute, value, no.Reason)
		}
	}
	return form, nil
}

// accepts checks the names of p. Only a wanted profile is checked: a restriction
// that is in force must always be possible to release.
func (f *Form) accepts(p Profile) error {
	switch {
	case p.Restricted == "":
		return fmt.Errorf("%w: the restricted profile has no name", ErrUnsupported)
	case p.Restricted == p.Normal:
		return fmt.Errorf("%w: restricted and normal profile are both %q", ErrUnsupported, p.Normal)
	case !f.Names.Restricted.Pattern.matches(p.Restricted):
		return fmt.Errorf("%w: restricted name %q: %s", ErrUnsupported, p.Restricted, f.Names.Restricted.Reason)
	case p.Normal != "" && p.Normal != Overlay && !f.Names.Normal.Pattern.matches(p.Normal):
		return fmt.Errorf("%w: normal name %q: %s", ErrUnsupported, p.Normal, f.Names.Normal.Reason)
	}
	return nil
}

func (b *builder) restore(inForce Profile) ([]Step, error) {
	form, err := b.dialect.form(inForce)
	if err != nil {
		return nil, err
	}
	return b.steps(form.Restore)
}

func (b *builder) change() ([]Step, error) {
	to, err := b.wanted()
	if err != nil {
		return nil, err
	}
	from, err := b.dialect.form(b.request.From)
	switch {
	case err != nil:
		return nil, fmt.Errorf("profile in force: %w", err)
	case from != to:
		return b.changeForm(to)
	case b.request.From.Restricted == b.request.Profile.Restricted:
		return nil, nil
	}
	return b.steps(to.Change)
}

// changeForm restores what is in force and then restricts.
func (b *builder) changeForm(to *Form) ([]Step, error) {
	back := *b
	back.values.profile = b.request.From
	restore, err := back.restore(b.request.From)
	if err != nil {
		return nil, err
	}
	restrict, err := b.steps(to.Restrict)
	if err != nil {
		return nil, err
	}
	return append(restore, restrict...), nil
}

// steps fills the templates of a form. A step whose undo cannot be made is an
// error, except when restoring: a release is tried whether or not it could be
// undone, and its step then has no undo.
func (b *builder) steps(templates []StepTemplate) ([]Step, error) {
	steps := make([]Step, 0, len(templates))
	for _, t := range templates {
		step, err := b.step(t.code(), t.attributes(), b.request.Action != Restrict)
		if err != nil {
			return nil, err
		}
		if len(t.Undo) > 0 {
			undo, err := b.step(radius.CodeCoARequest, t.Undo, true)
			switch {
			case err == nil:
				undo.NAKsIfDone = t.NAKsIfDone
				step.Undo = &undo
			case b.request.Action != Restore:
				return nil, fmt.Errorf("undo: %w", err)
			}
		}
		step.NAKsIfDone = t.NAKsIfDone
		steps = append(steps, step)
	}
	return steps, nil
}

func (t StepTemplate) code() radius.Code {
	if t.Disconnect != nil {
		return radius.CodeDisconnectRequest
	}
	return radius.CodeCoARequest
}

func (t StepTemplate) attributes() []AttributeTemplate {
	if t.Disconnect != nil {
		return t.Disconnect
	}
	return t.CoA
}

// step makes one request: the identifiers, then the attributes, each of which is
// encoded once, so that no step of several turns out to be impossible midway. then:
// it is sent after a restriction.
func (b *builder) step(code radius.Code, templates []AttributeTemplate, then bool) (Step, error) {
	head, err := b.head(identified{code, then})
	if err != nil {
		return Step{}, err
	}
	step := Step{Code: code, Attributes: append(make([]radiusx.Attribute, 0, len(head)+len(templates)), head...)}
	for _, t := range templates {
		a, err := b.attribute(t)
		switch {
		case errors.Is(err, errLeftOut):
			continue
		case err != nil:
			return Step{}, err
		}
		step.Attributes = append(step.Attributes, a)
	}
	return step, nil
}

// attribute fills one template.
func (b *builder) attribute(t AttributeTemplate) (radiusx.Attribute, error) {
	value, err := t.Value.expand(b.values)
	if err != nil {
		return radiusx.Attribute{}, err
	}
	a := radiusx.Attribute{Name: t.Name, Tag: t.Tag, Value: value}
	if err := b.encodes(a); err != nil {
		return radiusx.Attribute{}, err
	}
	return a, nil
}

// head returns the identifiers of requests.
func (b *builder) head(of identified) ([]radiusx.Attribute, error) {
	if head, ok := b.heads[of]; ok || b.headless {
		return head, nil
	}
	head, err := b.dialect.identify(b.request.Session, b.dialect.identification(of), b.dialect.SendsNAS)
	if err != nil {
		return nil, err
	}
	b.heads[of] = head
	return head, nil
}

// encodes says why a cannot be sent.
func (b *builder) encodes(a radiusx.Attribute) error {
	_, err := b.dictionary.Encode(nil, a)
	if err == nil {
		return nil
	}
	if missing := b.dialect.unsetOption(a.Name, b.values.options); missing != "" {
		return fmt.Errorf("%w %s must be set: %s has no number without it", ErrOption, missing, a.Name)
	}
	return fmt.Errorf("%w: %w", ErrUnsupported, err)
}
