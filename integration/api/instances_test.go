package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
)

func (d *desk) Instances(context.Context) ([]quarantine.InstanceStatus, error) {
	return d.instances, d.err
}

func (d *desk) ForgetInstance(_ context.Context, name, by, reason string) (quarantine.InstanceStatus, error) {
	d.note("forget %s by %s %q", name, by, reason)
	return forgotten(name, by, reason), d.err
}

func silentInstance(name string) quarantine.Instance {
	return quarantine.Instance{
		ID: "id-" + name, Name: name, Accounting: true, Spools: true, Complete: now.Add(-2 * time.Hour), AloneFor: 30 * time.Minute, Waiting: 7,
		SpokeAt: now.Add(-2 * time.Hour), AloneSince: now.Add(-time.Hour),
	}
}

func forgotten(name, by, reason string) quarantine.InstanceStatus {
	i := silentInstance(name)
	i.Departure = &quarantine.Departure{Kind: quarantine.InstanceForgotten, At: now, By: by, Reason: reason}
	return quarantine.InstanceStatus{Instance: i, State: quarantine.InstanceForgotten}
}

func TestInstancesAreListedWithWhatOthersWaitFor(t *testing.T) {
	up := quarantine.Instance{ID: "id-a", Name: "a", Accounting: true, Spools: true, Complete: now, SpokeAt: now, AloneSince: now}
	d := &desk{instances: []quarantine.InstanceStatus{
		{Instance: up, State: quarantine.InstanceUp, Here: true},
		{Instance: silentInstance("b"), State: quarantine.InstanceSilent, Silence: 2 * time.Hour, Verdicts: 3},
		forgotten("c", "alice", "its host burnt"),
	}}
	golden(t, "instances.json", pretty(t, call(newServer(t, d), "GET", "/api/v1/instances", "").Body.Bytes()))
	d.instances = nil
	if w := call(newServer(t, d), "GET", "/api/v1/instances", ""); !strings.Contains(w.Body.String(), `"results":[]`) {
		t.Errorf("%s", w.Body)
	}
}

func TestAnInstanceIsForgottenAsAsked(t *testing.T) {
	d := &desk{}
	w := call(newServer(t, d), "POST", "/api/v1/instances/b/forget", `{"reason":" its host burnt "}`, "X-Cordon-Author", "alice")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"state":"forgotten"`) ||
		!slices.Equal(d.calls, []string{`forget b by alice "its host burnt"`}) {
		t.Errorf("%d %s, the engine was asked %q", w.Code, w.Body, d.calls)
	}
}

func TestWhatIsRefusedAboutAnInstanceIsExplained(t *testing.T) {
	for _, c := range []struct {
		body   string
		err    error
		status int
		says   string
	}{
		{`{}`, nil, 422, "body.reason"},
		{`{"reason":" "}`, nil, 422, "body.reason"},
		{`{"reason":"x"}`, quarantine.ErrNoInstance, 404, "no such instance"},
		{`{"reason":"x"}`, &quarantine.CommandError{Reason: "several instances are called b; give the id: 1, 2"}, 409, "give the id: 1, 2"},
		{`{"reason":"x"}`, fmt.Errorf("i/o timeout"), 503, "is unavailable"},
	} {
		w := call(newServer(t, &desk{err: c.err}), "POST", "/api/v1/instances/b/forget", c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s, %v: %d %s", c.body, c.err, w.Code, w.Body)
		}
	}
}
