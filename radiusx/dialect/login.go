package dialect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cordon/radiusx"
)

// Login is how a form restricts a session that is only just beginning: what the
// Access-Accept says, so that the session is never free. It either changes the
// answer that the AAA server made of the subscriber's plan, or says why it cannot.
// A form whose file has none leaves log-ins alone; the session is then
// restricted by CoA after its Accounting-Start.
//
// Whatever it sets, the form's own restore undoes.
type Login struct {
	None string              `yaml:"none"` // why log-ins are left alone; "" = they are not
	Mark Mark                `yaml:"mark"` // what the following rests on
	Set  []AttributeTemplate `yaml:"set"`  // in the place of every value that the plan gave these attributes
	Add  []AttributeTemplate `yaml:"add"`  // beside what the plan gave
	Drop []Never             `yaml:"drop"` // what of the plan would let traffic past the restriction
}

// ReplyAction is what is done to one attribute of an Access-Accept.
type ReplyAction int

// The actions on a reply.
const (
	ReplyDrop ReplyAction = iota // remove every value of the attribute
	ReplySet                     // remove every value, then add this one
	ReplyAdd                     // add this value
)

// replyActions is the one table of their names.
var replyActions = [...]string{ReplyDrop: "drop", ReplySet: "set", ReplyAdd: "add"}

// String returns the action's name in lower case.
func (a ReplyAction) String() string { return replyActions[a] }

// ReplyChange is one change to an Access-Accept; of a ReplyDrop, only the
// attribute's name counts.
type ReplyChange struct {
	Action    ReplyAction
	Attribute radiusx.Attribute
}

// Login returns the changes to an Access-Accept that restrict the session it
// begins to r.Profile, what is to be dropped first. r.Session is what the
// Access-Request has; it need not identify the session, which has no id yet.
//
// Errors are those of [Dialect.Steps]; [ErrUnsupported] where this platform is left
// alone at log-in, with the reason.
func (d *Dialect) Login(r Request) ([]ReplyChange, error) {
	b, err := d.newBuilder(r)
	if err != nil {
		return nil, err
	}
	form, err := b.wanted()
	if err != nil {
		return nil, err
	}
	if form.Login == nil || form.Login.None != "" {
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, form.Login.reason())
	}
	var changes []ReplyChange
	for _, drop := range form.Login.Drop {
		changes = append(changes, ReplyChange{ReplyDrop, radiusx.Attribute{Name: drop.Attribute}})
	}
	for _, list := range []struct {
		action    ReplyAction
		templates []AttributeTemplate
	}{{ReplySet, form.Login.Set}, {ReplyAdd, form.Login.Add}} {
		for _, t := range list.templates {
			a, err := b.attribute(t)
			if errors.Is(err, errLeftOut) {
				continue
			}
			if err == nil {
				a.Name, err = d.knownAs(a.Name, b.values.options)
			}
			if err != nil {
				return nil, err
			}
			changes = append(changes, ReplyChange{list.action, a})
		}
	}
	return changes, nil
}

// AsksAAA reports whether p is put in force by making the BNG ask its AAA server
// about a session that goes on.
func (d *Dialect) AsksAAA(p Profile) bool {
	form, err := d.form(p)
	return err == nil && form.AsksAAA
}

// reason says why log-ins are left alone.
func (l *Login) reason() string {
	if l == nil {
		return "what this platform wants in an Access-Accept is not written down"
	}
	return l.None
}

// checkLogin checks the form's login, where it has one.
func (v *validator) checkLogin(name string, f *Form) {
	l, at := f.Login, keys(name, "login")
	if l == nil {
		return
	}
	if l.None != "" {
		if l.Mark != "" || len(l.Set)+len(l.Add)+len(l.Drop) > 0 {
			v.fault(at, "%s: login: none, and yet something", name)
		}
		return
	}
	if len(l.Set)+len(l.Add) == 0 {
		v.fault(at, "%s: login: want set, add or the reason in none", name)
	}
	if !slices.Contains(marks, l.Mark) {
		v.fault(at, "%s: login: mark: want source, documented, field or memory", name)
	}
	v.checkGiven(below(at, "set"), l.Set)
	v.checkGiven(below(at, "add"), l.Add)
	for i, drop := range l.Drop {
		v.lookup(below(at, "drop", i, "attribute"), drop.Attribute)
		if drop.Reason == "" {
			v.fault(below(at, "drop", i), "drop %s: reason must be set", drop.Attribute)
		}
	}
	v.checkOnce(at, l)
}

// checkGiven checks attributes of an Access-Accept. Of those whose numbers the site
// chose, the AAA server's name must be known.
func (v *validator) checkGiven(at []any, list []AttributeTemplate) {
	for i, a := range list {
		if slices.ContainsFunc(v.dialect.Attributes, func(s SiteDefined) bool { return s.Name == a.Name && s.KnownAs.source == "" }) {
			v.fault(below(at, i), "%s is a name of this file that no AAA server knows", a.Name)
			continue
		}
		v.checkAttribute(below(at, i), a, []pieceKind{restricted, option})
	}
}

// checkOnce finds an attribute that two of the lists name, or set twice: what
// the one does, the other would undo.
func (v *validator) checkOnce(at []any, l *Login) {
	named := map[string]string{}
	note := func(list, attribute string) {
		key := strings.ToLower(attribute)
		if before, twice := named[key]; twice && (list != "add" || before != "add") {
			v.fault(at, "login: %s is in %s and in %s", attribute, before, list)
		}
		named[key] = list
	}
	for _, a := range l.Set {
		note("set", a.Name)
	}
	for _, a := range l.Add {
		note("add", a.Name)
	}
	for _, a := range l.Drop {
		note("drop", a.Attribute)
	}
}

// text writes the login as a BNG engineer reads it.
func (l *Login) text(b *strings.Builder) {
	if l == nil || l.None != "" {
		fmt.Fprintf(b, "  at log-in\n    left alone, restricted by CoA after the Start: %s\n", l.reason())
		return
	}
	fmt.Fprintf(b, "  at log-in (%s)\n", l.Mark)
	for _, drop := range l.Drop {
		fmt.Fprintf(b, "    drop %s: %s\n", drop.Attribute, drop.Reason)
	}
	for _, a := range l.Set {
		fmt.Fprintf(b, "    set%s\n", written([]AttributeTemplate{a}, asIs))
	}
	for _, a := range l.Add {
		fmt.Fprintf(b, "    add%s\n", written([]AttributeTemplate{a}, asIs))
	}
}
