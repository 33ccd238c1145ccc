package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/quarantine"
)

// Instances lists all instances that are known, this one first. An error means
// that the store could not be asked.
func (e *Engine) Instances(ctx context.Context) ([]quarantine.InstanceStatus, error) {
	read, err := e.instances.current(ctx)
	if err != nil {
		return nil, err
	}
	self := e.self()
	self.SpokeAt = read.now
	all := []quarantine.InstanceStatus{{Instance: self, State: quarantine.InstanceUp, Here: true}}
	return append(all, e.statuses(&read)...), nil
}

// AwaitedInstances lists the other instances to which accounting comes and that
// are known, as they were seen last, without asking the store.
func (e *Engine) AwaitedInstances() []quarantine.InstanceStatus {
	read := e.instances.last()
	return slices.DeleteFunc(e.statuses(&read), func(s quarantine.InstanceStatus) bool { return !s.Accounting || s.Departure != nil })
}

func (e *Engine) statuses(read *snapshot) (all []quarantine.InstanceStatus) {
	verdicts := e.awaiting.counts()
	for _, i := range read.others {
		s := quarantine.InstanceStatus{Instance: i, State: i.State(read.now, read.silenceFrom()), Verdicts: verdicts[i.ID], Forget: read.forget(&i)}
		if s.State == quarantine.InstanceSilent {
			s.Silence = read.now.Sub(i.SpokeAt).Abs()
		}
		all = append(all, s)
	}
	return all
}

// ForgetInstance declares a silent instance lost, by its name or id, and returns
// it: nobody waits for it any more, and what it may have answered stays in doubt.
// Errors: *quarantine.CommandError, quarantine.ErrNoInstance; any other means
// that the store or the journal does not answer.
func (e *Engine) ForgetInstance(ctx context.Context, name, by, reason string) (quarantine.InstanceStatus, error) {
	read, err := e.instances.since(ctx, 0)
	if err != nil {
		return quarantine.InstanceStatus{}, err
	}
	i, err := e.forgettable(&read, name)
	if err != nil {
		return quarantine.InstanceStatus{}, err
	}
	if e.saysAlone(ctx, i) {
		return quarantine.InstanceStatus{}, &quarantine.CommandError{Reason: fmt.Sprintf(
			"instance %s is there: at %s it says that it answers accounting, cut off from the store; connect it, or stop it first", name, i.HTTP)}
	}
	if _, err := e.command(ctx, command{Verb: verbForgetInstance, By: by, Reason: reason, Instance: i.ID}); err != nil {
		return quarantine.InstanceStatus{}, err
	}
	if read, err = e.instances.since(ctx, 0); err != nil {
		return quarantine.InstanceStatus{}, err
	}
	all := e.statuses(&read)
	at := slices.IndexFunc(all, func(s quarantine.InstanceStatus) bool { return s.ID == i.ID })
	if at < 0 {
		return quarantine.InstanceStatus{}, quarantine.ErrNoInstance
	}
	return all[at], nil
}

// forgettable finds the instance that a person names.
func (e *Engine) forgettable(read *snapshot, name string) (quarantine.Instance, error) {
	if name == e.Holder {
		return quarantine.Instance{}, &quarantine.CommandError{Reason: "that is this instance, which speaks"}
	}
	found := read.named(name)
	several := len(found) > 1 || len(found) == 1 && name == e.Instance && found[0].ID != name
	switch {
	case several:
		return quarantine.Instance{}, &quarantine.CommandError{Reason: fmt.Sprintf("several instances are called %s; give the id: %s", name, e.ids(name, found, read))}
	case len(found) == 0 && name == e.Instance:
		return quarantine.Instance{}, &quarantine.CommandError{Reason: "that is this instance, which speaks"}
	case len(found) == 0:
		return quarantine.Instance{}, quarantine.ErrNoInstance
	case found[0].Departure != nil:
		d := found[0].Departure
		return quarantine.Instance{}, &quarantine.CommandError{Reason: fmt.Sprintf("instance %s went already: %s at %s", name, d.Kind, d.At.UTC().Format(time.RFC3339))}
	}
	return found[0], nil
}

// ids lists the instances of one name for people.
func (e *Engine) ids(name string, all []quarantine.Instance, read *snapshot) string {
	var texts []string
	if name == e.Instance {
		texts = append(texts, e.Holder+" (this one)")
	}
	for _, i := range all {
		texts = append(texts, fmt.Sprintf("%s (%s, spoke at %s)", i.ID, i.State(read.now, read.silenceFrom()), i.SpokeAt.UTC().Format(time.RFC3339)))
	}
	return strings.Join(texts, ", ")
}

// forgetInstance carries the command out.
func (e *Engine) forgetInstance(ctx context.Context, c command) error {
	i, err := e.Store.DepartInstance(ctx, c.Instance, quarantine.Departure{Kind: quarantine.InstanceForgotten, By: c.By, Reason: c.Reason})
	switch {
	case errors.Is(err, quarantine.ErrInstanceUp):
		return &quarantine.CommandError{Reason: err.Error()}
	case err != nil:
		return err
	}
	e.instances.remember(i)
	return nil
}

// forget is the command that declares the instance lost.
func (v *snapshot) forget(i *quarantine.Instance) string {
	name := i.Label()
	if same := v.named(name); len(same) > 1 || name == v.selfName {
		name = i.ID
	}
	return "cordon instance forget " + name + " --reason TEXT"
}

// named returns the other instance that has an id, or those that have a name:
// those that went only if none of that name is known.
func (v *snapshot) named(name string) []quarantine.Instance {
	var found, went []quarantine.Instance
	for _, i := range v.others {
		switch {
		case i.ID == name:
			return []quarantine.Instance{i}
		case i.Name == name && i.Departure == nil:
			found = append(found, i)
		case i.Name == name:
			went = append(went, i)
		}
	}
	if len(found) == 0 && len(went) > 0 {
		return went[len(went)-1:]
	}
	return found
}
