package dialect

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"layeh.com/radius"

	"cordon/radiusx"
)

// FuzzLoad reads dialect files. What is refused is refused with its place; what is
// taken never makes a packet that could hit somebody else, or that cannot be
// sent.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"junos.yaml", "accel-ppp.yaml", "coova-chilli.yaml", "hostapd.yaml", "cisco-isg.yaml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := Load(fstest.MapFS{"junos.yaml": {Data: []byte(text)}}, radiusx.Builtin())
		if err != nil {
			checkPlaces(t, err, text)
			return
		}
		d, ok := set.Get("junos")
		if !ok {
			t.Fatal("loaded under another name")
		}
		_ = d.Text()
		_, _ = d.Snippet(SnippetRequest{})
		for _, action := range []Action{Restrict, Restore, Change, Disconnect} {
			checkAction(t, d, action)
		}
	})
}

// checkPlaces checks that each fault of a file says where it is.
func checkPlaces(t *testing.T, err error, text string) {
	t.Helper()
	lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 2 // YAML also ends a line with CR, NEL, LS and PS
	lines += strings.Count(text, "\u0085") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029")
	for _, one := range joined(err) {
		var fault Fault
		if !errors.As(one, &fault) || fault.File != "junos.yaml" || fault.Problem == "" {
			t.Fatalf("%q: %v says neither file nor problem", text, one)
		}
		if fault.Line < 1 || fault.Line > lines || fault.Column < 1 {
			t.Fatalf("%q: %v is no place in its %d lines", text, one, lines)
		}
	}
}

// checkAction checks the packets of an action on a session that has all that
// the dialect reads.
func checkAction(t *testing.T, d *Dialect, action Action) {
	t.Helper()
	r := Request{Action: action, Profile: Profile{"a", "b"}, From: Profile{"c", "b"}, Session: d.exampleSession()}
	if action == Disconnect {
		r.Profile, r.From = Profile{}, Profile{}
	}
	steps, err := d.Steps(r)
	if _, checkErr := d.Checks(r); err == nil && checkErr != nil {
		t.Fatalf("%v can be done and not be checked: %v", action, checkErr)
	}
	if err != nil {
		return
	}
	dictionary, err := d.Dictionary(nil)
	if err != nil {
		t.Fatalf("%v can be done without a dictionary: %v", action, err)
	}
	for _, step := range steps {
		checkStep(t, d, dictionary, step, r.Session)
		if step.Undo != nil {
			checkStep(t, d, dictionary, *step.Undo, r.Session)
		}
	}
	checkIdentifiersAreNeeded(t, d, r, steps)
}

// checkStep checks that a packet names the session and can be sent.
func checkStep(t *testing.T, d *Dialect, dictionary *radiusx.Dictionary, step Step, session []radiusx.Attribute) {
	t.Helper()
	id := d.Identifiers
	if step.Code == radius.CodeDisconnectRequest {
		id = d.Disconnect
	} else if step.Code != radius.CodeCoARequest {
		t.Fatalf("code %v", step.Code)
	}
	if len(id.Must) == 0 {
		t.Fatal("a dialect without mandatory identifiers is taken")
	}
	for _, name := range id.Must {
		want, _ := radiusx.Find(session, name)
		if got, ok := radiusx.Find(step.Attributes, name); !ok || got != want || got == "" {
			t.Fatalf("%v lacks the session's %s", step, name)
		}
	}
	if _, err := dictionary.EncodeAll(step.Attributes); err != nil {
		t.Fatalf("%v cannot be sent: %v", step, err)
	}
}

// checkIdentifiersAreNeeded takes what singles out the session away, one by one:
// nothing may then be sent.
func checkIdentifiersAreNeeded(t *testing.T, d *Dialect, r Request, steps []Step) {
	t.Helper()
	for _, step := range steps {
		must := d.Identifiers.Must
		if step.Code == radius.CodeDisconnectRequest {
			must = d.Disconnect.Must
		}
		for _, name := range must {
			for _, spoilt := range []string{"", " ", "*", "none at all"} {
				less := r
				less.Session = slices.DeleteFunc(slices.Clone(r.Session),
					func(a radiusx.Attribute) bool { return strings.EqualFold(a.Name, name) })
				if spoilt != "none at all" {
					less.Session = append(less.Session, radiusx.Attribute{Name: name, Value: spoilt})
				}
				if sent, err := d.Steps(less); !errors.Is(err, ErrIdentifierMissing) {
					t.Fatalf("%v with %s %q: got %v, %v; want ErrIdentifierMissing", r.Action, name, spoilt, sent, err)
				}
			}
		}
	}
}
