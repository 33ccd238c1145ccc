package dialect

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"layeh.com/radius"

	"cordon/radiusx"
)

// state is what a make remembers of one session: attribute or service names to
// values.
type state map[string]string

// models say, as little as is needed, what each make does with an attribute.
// Anything it would refuse is an error.
var models = map[string]func(state, radiusx.Attribute) error{
	"junos": func(s state, a radiusx.Attribute) error {
		_, active := s[a.Value]
		switch a.Name {
		case "ERX-Service-Activate":
			if active || a.Tag == 0 {
				return fmt.Errorf("%s: active already, or no tag", a.Value)
			}
			s[a.Value] = "active"
		case "ERX-Service-Deactivate":
			if !active {
				return fmt.Errorf("%s: not active", a.Value)
			}
			delete(s, a.Value)
		default:
			return fmt.Errorf("unsupported attribute %s", a.Name)
		}
		return nil
	},
	"filter-id": set("Filter-Id"),
	"mikrotik":  set("Mikrotik-Address-List"),
	"accel-ppp": func(s state, a radiusx.Attribute) error {
		if a.Name != "L4-Redirect" {
			return set("Filter-Id")(s, a)
		}
		_, on := s["L4-Redirect"]
		switch off := strings.HasPrefix(a.Value, "0"); {
		case off:
			delete(s, "L4-Redirect")
		case !on: // from on to on nothing happens
			s["L4-Redirect"] = a.Value
		}
		return nil
	},
}

// set is a make that keeps one value under name.
func set(name string) func(state, radiusx.Attribute) error {
	return func(s state, a radiusx.Attribute) error {
		if a.Name != name || a.Value == "" {
			return fmt.Errorf("unsupported attribute %s", a.Name)
		}
		s[name] = a.Value
		return nil
	}
}

// before is the state of a session that nobody restricted.
var before = map[string]state{
	"junos":     {"NORMAL": "active", "VOICE": "active"},
	"filter-id": {"Filter-Id": "NORMAL"},
	"mikrotik":  {"Mikrotik-Address-List": "NORMAL"},
	"accel-ppp": {"Filter-Id": "NORMAL"},
}

// modelBNG has one session.
type modelBNG struct {
	dialect *Dialect
	session []radiusx.Attribute
	state   state
}

// apply does what one request says, after checking whom it means.
func (m *modelBNG) apply(step Step) error {
	must := m.dialect.Identifiers.Must
	for i, a := range step.Attributes {
		want, _ := radiusx.Find(m.session, a.Name)
		identifies := containsFold(must, a.Name) || containsFold(m.dialect.Identifiers.IfKnown, a.Name)
		switch {
		case i < len(must) && a.Name != must[i]:
			return fmt.Errorf("attribute %d is %s, want %s", i, a.Name, must[i])
		case identifies && (a.Value == "" || a.Value != want):
			return fmt.Errorf("%v does not identify the session", a)
		case identifies:
			continue
		}
		if err := models[m.dialect.Name](m.state, a); err != nil {
			return err
		}
	}
	return nil
}

// run sends steps as the engine does; step number refused (none if negative) is
// refused, and those before it are undone.
func (m *modelBNG) run(steps []Step, refused int) error {
	for i, step := range steps {
		if i != refused {
			if err := m.apply(step); err != nil {
				return fmt.Errorf("step %d: %w", i+1, err)
			}
			continue
		}
		for _, done := range slices.Backward(steps[:i]) {
			if err := m.apply(*done.Undo); err != nil {
				return fmt.Errorf("undo: %w", err)
			}
		}
		return nil
	}
	return nil
}

func TestRestoringLeavesEveryMakeAsItWas(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 3_000 {
		for _, name := range Builtin().Names() {
			if err := story(get(t, name), random); err != nil {
				t.Fatalf("seed %d: %s: %v", seed, name, err)
			}
		}
	}
}

// story restricts a session, changes the restriction a few times, any request of
// which may be refused, and restores it.
func story(d *Dialect, random *rand.Rand) error {
	bng := &modelBNG{d, alice(), maps.Clone(before[d.Name])}
	send := func(r Request) (bool, error) {
		r.Session, r.Options = bng.session, siteOptions[d.Name]
		steps, err := d.Steps(r)
		if err != nil {
			return false, err
		}
		was := maps.Clone(bng.state)
		refused := random.IntN(len(steps)+3) - 2
		if err := bng.run(steps, refused); err != nil {
			return false, fmt.Errorf("%v %v from %v: %w", r.Action, r.Profile, r.From, err)
		}
		applied := refused < 0 || refused >= len(steps)
		if !applied && !maps.Equal(bng.state, was) {
			return false, fmt.Errorf("%v %v: refused at step %d, undone to %v, was %v", r.Action, r.Profile, refused+1, bng.state, was)
		}
		return applied, nil
	}
	inForce := randomProfile(d, random)
	if applied, err := send(Request{Action: Restrict, Profile: inForce}); err != nil || !applied {
		return err
	}
	for range random.IntN(4) {
		to := randomProfile(d, random)
		applied, err := send(Request{Action: Change, From: inForce, Profile: to})
		if err != nil {
			return err
		}
		if applied {
			inForce = to
		}
		if maps.Equal(bng.state, before[d.Name]) || !strings.Contains(fmt.Sprint(bng.state), inForce.Restricted) {
			return fmt.Errorf("%v is in force, the session has %v", inForce, bng.state)
		}
	}
	if applied, err := send(Request{Action: Restore, Profile: inForce}); err != nil || !applied {
		return err
	}
	if !maps.Equal(bng.state, before[d.Name]) {
		return fmt.Errorf("after restoring %v the session has %v, it had %v", inForce, bng.state, before[d.Name])
	}
	return nil
}

func randomProfile(d *Dialect, random *rand.Rand) Profile {
	p := Profile{Restricted: []string{"GARDEN", "NO-SMTP", "svc(1,2)", "sécurité", strings.Repeat("x", 246)}[random.IntN(5)], Normal: "NORMAL"}
	if d.Overlay != nil && random.IntN(2) == 0 {
		p.Normal = Overlay
	}
	return p
}

func TestNoRequestEverLacksAnIdentifier(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 5_000 {
		names := Builtin().Names()
		d := get(t, names[random.IntN(len(names))])
		r := Request{
			Action: Action(1 + random.IntN(4)), Session: randomSession(d, random),
			Profile: randomProfile(d, random), From: randomProfile(d, random), Options: siteOptions[d.Name],
		}
		steps, err := d.Steps(r)
		if err != nil {
			if !errors.Is(err, ErrIdentifierMissing) || steps != nil {
				t.Fatalf("seed %d: %s %+v: got %v, %v", seed, d.Name, r, steps, err)
			}
			continue
		}
		for _, step := range steps {
			for s := &step; s != nil; s = s.Undo {
				if err := identifies(d, *s, r.Session); err != nil {
					t.Fatalf("seed %d: %s %+v: %v: %v", seed, d.Name, r, *s, err)
				}
			}
		}
	}
}

// randomSession has each attribute that the dialect reads right, missing, empty or a wildcard.
func randomSession(d *Dialect, random *rand.Rand) []radiusx.Attribute {
	var told []radiusx.Attribute
	for _, a := range d.exampleSession() {
		switch random.IntN(10) {
		case 0:
			continue
		case 1:
			a.Value = []string{"", " ", "*", "0.0.0.0"}[random.IntN(4)]
		}
		told = append(told, a)
	}
	return told
}

func identifies(d *Dialect, s Step, told []radiusx.Attribute) error {
	id := d.Identifiers
	if s.Code == radius.CodeDisconnectRequest {
		id = d.Disconnect
	}
	for i, name := range id.Must {
		want, ok := radiusx.Find(told, name)
		if !ok || meansNobody(want) {
			return fmt.Errorf("sent although the session has %s %q", name, want)
		}
		if i >= len(s.Attributes) || s.Attributes[i] != (radiusx.Attribute{Name: name, Value: want}) {
			return fmt.Errorf("attribute %d is not %s = %q", i, name, want)
		}
	}
	for _, a := range s.Attributes {
		if containsFold(id.IfKnown, a.Name) && meansNobody(a.Value) {
			return fmt.Errorf("%v identifies nobody", a)
		}
	}
	return nil
}
