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

// Instances lists all known instances, this one first. An error means that the store could not
// be asked.
func (e *Engine) Instances(ctx context.Context) ([]quarantine.InstanceStatus, error) {
	read, err := e.peers.current(ctx)
	if err != nil {
		return nil, err
	}
	self := e.ownInstance()
	self.SpokeAt = read.now
	all := []quarantine.InstanceStatus{{Instance: self, State: quarantine.InstanceUp, Here: true}}
	return append(all, e.statuses(&read)...), nil
}

// AwaitedInstances lists the known peers that receive accounting, as they were read last,
// without asking the store.
func (e *Engine) AwaitedInstances() []quarantine.InstanceStatus {
	read := e.peers.last()
	return slices.DeleteFunc(e.statuses(&read), func(s quarantine.InstanceStatus) bool { return !s.Accounting || s.Departure != nil })
}

func (e *Engine) statuses(read *peerView) (all []quarantine.InstanceStatus) {
	verdicts := e.peerWaits.counts()
	for _, i := range read.peers {
		s := quarantine.InstanceStatus{
			Instance: i, State: i.State(read.now, read.silenceFrom()), Verdicts: verdicts[i.ID], Forget: read.forget(&i),
		}
		if s.State == quarantine.InstanceSilent {
			s.Silence = read.now.Sub(i.SpokeAt).Abs()
		}
		all = append(all, s)
	}
	return all
}

// ForgetInstance declares a silent peer lost, by its name or id, and returns it: no instance
// waits for it any more, and what it may have answered stays in doubt.
// Errors: *quarantine.CommandError, quarantine.ErrNoInstance; any other means
// that the store or the journal does not answer.
func (e *Engine) ForgetInstance(ctx context.Context, name, by, reason string) (quarantine.InstanceStatus, error) {
	read, err := e.peers.since(ctx, 0)
	if err != nil {
		return quarantine.InstanceStatus{}, err
	}
	i, err := e.forgettable(&read, name)
	if err != nil {
		return quarantine.InstanceStatus{}, err
	}
	if e.answersAlone(ctx, i) {
		return quarantine.InstanceStatus{}, &quarantine.CommandError{Reason: fmt.Sprintf(
			"instance %s runs: at %s it says that it answers accounting while cut off from the store; connect it, or stop it first", name, i.HTTP)}
	}
	if _, err := e.giveCommand(ctx, command{Verb: verbForgetInstance, By: by, Reason: reason, Instance: i.ID}); err != nil {
		return quarantine.InstanceStatus{}, err
	}
	if read, err = e.peers.since(ctx, 0); err != nil {
		return quarantine.InstanceStatus{}, err
	}
	all := e.statuses(&read)
	at := slices.IndexFunc(all, func(s quarantine.InstanceStatus) bool { return s.ID == i.ID })
	if at < 0 {
		return quarantine.InstanceStatus{}, quarantine.ErrNoInstance
	}
	return all[at], nil
}

// forgettable finds the peer that a person names.
func (e *Engine) forgettable(read *peerView, name string) (quarantine.Instance, error) {
	if name == e.Holder {
		return quarantine.Instance{}, refuse("that is this instance, which is up")
	}
	found := read.named(name)
	several := len(found) > 1 || len(found) == 1 && name == e.Instance && found[0].ID != name
	switch {
	case several:
		return quarantine.Instance{}, refuse("several instances have the name %s; give the id: %s", name, e.ids(name, found, read))
	case len(found) == 0 && name == e.Instance:
		return quarantine.Instance{}, refuse("that is this instance, which is up")
	case len(found) == 0:
		return quarantine.Instance{}, quarantine.ErrNoInstance
	case found[0].Departure != nil:
		d := found[0].Departure
		return quarantine.Instance{}, refuse("instance %s has departed already: %s at %s", name, d.Kind, d.At.UTC().Format(time.RFC3339))
	}
	return found[0], nil
}

func refuse(format string, args ...any) *quarantine.CommandError {
	return &quarantine.CommandError{Reason: fmt.Sprintf(format, args...)}
}

// ids lists the instances of one name, for people.
func (e *Engine) ids(name string, all []quarantine.Instance, read *peerView) string {
	var texts []string
	if name == e.Instance {
		texts = append(texts, e.Holder+" (this one)")
	}
	for _, i := range all {
		state, at := i.State(read.now, read.silenceFrom()), i.SpokeAt.UTC().Format(time.RFC3339)
		texts = append(texts, fmt.Sprintf("%s (%s, last heartbeat at %s)", i.ID, state, at))
	}
	return strings.Join(texts, ", ")
}

// forgetInstance applies the command.
func (e *Engine) forgetInstance(ctx context.Context, c command) error {
	i, err := e.Store.DepartInstance(ctx, c.Instance, quarantine.Departure{Kind: quarantine.InstanceForgotten, By: c.By, Reason: c.Reason})
	switch {
	case errors.Is(err, quarantine.ErrInstanceUp):
		return &quarantine.CommandError{Reason: err.Error()}
	case err != nil:
		return err
	}
	e.peers.add(i)
	return nil
}

// forget is the command that declares the instance lost.
func (v *peerView) forget(i *quarantine.Instance) string {
	name := i.Label()
	if same := v.named(name); len(same) > 1 || name == v.selfName {
		name = i.ID
	}
	return "cordon instance forget " + name + " --reason TEXT"
}

// named returns the peer that has an id, or those that have a name: departed ones only if no
// other has that name.
func (v *peerView) named(name string) []quarantine.Instance {
	var found, went []quarantine.Instance
	for _, i := range v.peers {
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
