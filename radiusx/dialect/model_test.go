package dialect

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cordon/radiusx"
)

// modelBNG has one session.
type modelBNG struct {
	dialect *Dialect
	session []radiusx.Attribute
	state   state
}

// apply does what one request says, after checking whom it means.
func (m *modelBNG) apply(step Step) error {
	must := m.dialect.Identifiers.Must
	if first := step.Attributes[0].Name; m.dialect.Renames != nil && step.Attributes[1].Name != must[1] && first == must[0] {
		must = m.dialect.Renames.Identifiers.Must
	}
	for i, a := range withoutNAS(m.dialect, step.Attributes) {
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
		if err := parts[m.dialect.Name].does(m.state, a); err != nil {
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

func TestRestoringLeavesEveryPlatformAsItWas(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 3_000 {
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			if err := story(get(t, name), random); err != nil {
				t.Fatalf("seed %d: %s: %v", seed, name, err)
			}
		}
	}
}

// story restricts a session, changes the restriction a few times, any request of
// which may be refused, and restores it.
func story(d *Dialect, random *rand.Rand) error {
	bng := &modelBNG{d, alice(), maps.Clone(parts[d.Name].before)}
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
		if maps.Equal(bng.state, parts[d.Name].before) || !strings.Contains(fmt.Sprint(bng.state), inForce.Restricted) {
			return fmt.Errorf("%v is in force, the session has %v", inForce, bng.state)
		}
	}
	if applied, err := send(Request{Action: Restore, Profile: inForce}); err != nil || !applied {
		return err
	}
	if !maps.Equal(bng.state, parts[d.Name].before) {
		return fmt.Errorf("after restoring %v the session has %v, it had %v", inForce, bng.state, parts[d.Name].before)
	}
	return nil
}

func randomProfile(d *Dialect, random *rand.Rand) Profile {
	cast := parts[d.Name]
	p, names := Profile{Normal: cmp.Or(cast.normal, "NORMAL")}, cast.names
	if d.Overlay != nil && !d.Overlay.AsksAAA && random.IntN(2) == 0 {
		p.Normal = Overlay
		if cast.overlayNames != nil {
			names = cast.overlayNames
		}
	}
	if names == nil {
		names = anyNames
	}
	p.Restricted = names[random.IntN(len(names))]
	return p
}

// withoutNAS returns the attributes after those that name the NAS.
func withoutNAS(d *Dialect, attrs []radiusx.Attribute) []radiusx.Attribute {
	for d.SendsNAS && len(attrs) > 0 && slices.Contains(nasAttributes, attrs[0].Name) {
		attrs = attrs[1:]
	}
	return attrs
}

func TestEveryPlatformThatCanRestrictHasAModel(t *testing.T) {
	for _, name := range Builtin().Names() {
		_, modelled := parts[name]
		if can := get(t, name).DisconnectOnly == ""; can != modelled {
			t.Errorf("%s: has a model: %v, can restrict: %v", name, modelled, can)
		}
	}
}

func TestNoRequestEverLacksAnIdentifier(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 5_000 {
		names := Builtin().Names()
		d := get(t, names[random.IntN(len(names))])
		r := Request{
			Action: randomAction(d, random), Session: randomSession(d, random),
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
				if err := identifies(d, *s, r.Session, r.Action != Restrict || s != &step); err != nil {
					t.Fatalf("seed %d: %s %+v: %v: %v", seed, d.Name, r, *s, err)
				}
			}
		}
	}
}

func randomAction(d *Dialect, random *rand.Rand) Action {
	if d.DisconnectOnly != "" {
		return Disconnect
	}
	return Action(1 + random.IntN(4))
}

// randomSession has each attribute that the dialect reads right, missing, empty or a wildcard.
func randomSession(d *Dialect, random *rand.Rand) []radiusx.Attribute {
	var reported []radiusx.Attribute
	for _, a := range d.exampleSession() {
		switch random.IntN(10) {
		case 0:
			continue
		case 1:
			a.Value = []string{"", " ", "*", "0.0.0.0"}[random.IntN(4)]
		}
		reported = append(reported, a)
	}
	return reported
}

func identifies(d *Dialect, s Step, reported []radiusx.Attribute, then bool) error {
	id := d.identification(identified{s.Code, then})
	sent := withoutNAS(d, s.Attributes)
	for i, name := range id.Must {
		want, ok := radiusx.Find(reported, name)
		if !ok || meansNobody(want) {
			return fmt.Errorf("sent although the session has %s %q", name, want)
		}
		if i >= len(sent) || sent[i] != (radiusx.Attribute{Name: name, Value: want}) {
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
