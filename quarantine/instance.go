package quarantine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// InstanceSilentAfter is how long an instance may say nothing before it counts
// as silent: it publishes twice a second, so thirty reports are missing then.
const InstanceSilentAfter = 15 * time.Second

// InstanceClocks is how far the clocks of instances, of the store and of those who
// send accounting may differ where the span in which an instance answered
// accounting alone is compared with the time of an event.
const InstanceClocks = 15 * time.Second

// Instance is one running server as the others know it. It is known from the
// first report that it publishes until it has left cleanly or a person declares it
// lost, however long it says nothing: accounting that it answered may stand in
// its spool, and nobody sends that again.
type Instance struct {
	ID   string `json:"id"`   // of its journal: the same after a restart
	Name string `json:"name"` // as configured, for people; several may have one
	HTTP string `json:"http,omitempty"`

	// Accounting says that accounting comes to the instance, or that it holds some
	// that is not stored. The others wait for no instance without.
	Accounting bool `json:"accounting"`
	// Spools says that the instance may have answered accounting that is not
	// stored. Whoever sent a record to one that does not repeats it elsewhere.
	Spools bool `json:"spools,omitempty"`
	// Complete is the moment to which all accounting that had reached the instance
	// is stored, by its own clock (milliseconds count). A clock that is behind makes
	// others wait so much longer; of one that is ahead the tolerance of attribution
	// has to cover so much.
	Complete time.Time `json:"complete"`
	// AloneFor is how long the instance goes on answering accounting that the store
	// does not take, counted from the last report of it that the store took.
	AloneFor time.Duration `json:"alone_for"`
	Waiting  int           `json:"waiting,omitempty"` // records in its spool
	// Unreadable is a folder with accounting that the instance answered and cannot
	// read; empty: there is none. It keeps Complete in 1970.
	Unreadable string `json:"unreadable,omitempty"`

	// SpokeAt is when the store took the instance's last report, by the store's clock.
	SpokeAt time.Time `json:"spoke_at"`
	// AloneSince is from when AloneFor counts, by the store's clock: SpokeAt, or
	// later where other instances were cut off too and the instance, asking them,
	// may have gone on as long as they were.
	AloneSince time.Time `json:"alone_since"`
	// ReachedAt is when another instance heard, by another way than the store, that this
	// one answers accounting which the store does not take, by the store's clock; zero:
	// nobody did since it published.
	ReachedAt time.Time `json:"heard_at,omitzero"`
	// Departure is how the instance went; nil while it is known.
	Departure *Departure `json:"departure,omitempty"`
}

// Departure is how and when an instance went.
type Departure struct {
	Kind   InstanceState `json:"kind"`             // InstanceLeft or InstanceForgotten
	At     time.Time     `json:"at"`               // by the store's clock
	By     string        `json:"by,omitempty"`     // who declared it lost
	Reason string        `json:"reason,omitempty"` // why
}

// InstanceState is how an instance is, for people.
type InstanceState string

// The states.
const (
	InstanceUp     InstanceState = "up"
	InstanceSilent InstanceState = "silent" // for InstanceSilentAfter

	InstanceLeft      InstanceState = "left"      // it ended, and everything that reached it was stored
	InstanceForgotten InstanceState = "forgotten" // a person declared it lost; what it answered may be missing
)

// InstanceStatus is an instance as people see it.
type InstanceStatus struct {
	Instance
	State    InstanceState
	Here     bool          // the one that was asked
	Silence  time.Duration // of a silent one
	Verdicts int           // that wait for it, silent, at the one that was asked
	Forget   string        // the command that declares it lost
}

// State is how the instance is. now and resumed are as for Silent.
func (i *Instance) State(now, resumed time.Time) InstanceState {
	switch {
	case i.Departure != nil:
		return i.Departure.Kind
	case i.Silent(now, resumed):
		return InstanceSilent
	}
	return InstanceUp
}

// Label names an instance for people.
func (i *Instance) Label() string {
	if i.Name == "" {
		return i.ID
	}
	return i.Name
}

// Silent reports whether the instance is known and has said nothing for
// InstanceSilentAfter. Until an outage of the store has been over for so long
// (resumed is when its end was noticed) nobody counts as silent: all had no way to publish.
func (i *Instance) Silent(now, resumed time.Time) bool {
	return i.Departure == nil && !i.Spoke(now) && now.Sub(resumed) > InstanceSilentAfter
}

// Spoke reports whether the instance has said anything within InstanceSilentAfter. A
// report from the future is one of before the store's clock was set back.
func (i *Instance) Spoke(now time.Time) bool {
	return now.Sub(i.SpokeAt).Abs() <= InstanceSilentAfter
}

// AloneFrom is from when on accounting that a silent instance answered may not be
// stored: since Complete, or since its last report if its clock is ahead.
func (i *Instance) AloneFrom() time.Time { return earliest(i.SpokeAt, i.Complete) }

// AloneUntil is when a silent instance has stopped answering accounting, also by
// its own clock. It counts from its last report, which a master that was cut off from
// its replicas may have taken LostBefore after the last one that is known.
func (i *Instance) AloneUntil() time.Time {
	return later(i.AloneSince, i.Complete).Add(i.AloneFor + LostBefore + InstanceClocks)
}

// Hides reports whether accounting that the instance answered may never have
// been stored, unless it publishes again.
func (i *Instance) Hides() bool {
	return i.Spools && (i.Departure == nil || i.Departure.Kind != InstanceLeft)
}

// Gap is the span of which a silent or forgotten instance may hold accounting
// that is not stored.
func (i *Instance) Gap() Gap {
	return Gap{From: i.AloneFrom().Add(-LostBefore), To: i.AloneUntil(), Instance: i.Label()}
}

// Await is whether, and how, a moment waits for an instance.
type Await uint8

// The answers.
const (
	NotAwaited      Await = iota // all that the instance answered of the moment is stored, or nothing of it is lost
	AwaitStored                  // the instance is still storing accounting of the moment
	AwaitUnreadable              // it cannot read what it answered: a person has to look
	AwaitReturn                  // it is silent and may have answered accounting of the moment
)

// Awaits says how a moment waits for the instance. now and resumed are as for
// Silent.
func (i *Instance) Awaits(moment, now, resumed time.Time) Await {
	switch silent := i.Silent(now, resumed); {
	case i.Departure != nil || !i.Accounting:
		return NotAwaited
	case silent && i.Hides() && moment.After(i.AloneFrom()) && !moment.After(i.AloneUntil()):
		return AwaitReturn
	case silent || !i.Complete.Before(moment):
		return NotAwaited
	case i.Unreadable != "":
		return AwaitUnreadable
	}
	return AwaitStored
}

// newestReport is the last that is known of the instance: when it published or went, or was
// reachable although it could not publish.
func (i *Instance) newestReport() time.Time {
	if i.Departure != nil {
		return later(i.SpokeAt, i.Departure.At)
	}
	return later(i.SpokeAt, i.ReachedAt)
}

// Merge returns what counts of two records about one instance, of which one may
// be older: a store that lost its memory, or went back, knows less. The later one
// counts, the instance is alone since the later of both, and nothing that either has seen stored
// before is doubted less.
func (i Instance) Merge(other Instance) Instance {
	if !i.newestReport().After(other.newestReport()) {
		i, other = other, i
	}
	i.AloneSince = later(i.AloneSince, other.AloneSince)
	return i
}

var (
	// ErrNoInstance says that no instance has that id.
	ErrNoInstance = errors.New("no such instance")
	// ErrInstanceUp says that an instance that shall be declared lost is there.
	ErrInstanceUp = errors.New("the instance sent a heartbeat within the last " + fmt.Sprint(InstanceSilentAfter))
)

// InstanceRegistry is where instances find each other and say how far accounting
// is stored. An entry has no time to live.
type InstanceRegistry interface {
	// PublishInstance replaces what is known of an instance, also that it went, and
	// returns the store's time, which becomes its SpokeAt and AloneSince. With
	// returning the instance was cut off before, and may have said so to others
	// that were too: AloneSince of all others that are known becomes that time as
	// well. Departed instances that went longer ago than keep are dropped.
	PublishInstance(ctx context.Context, i Instance, returning bool, keep time.Duration) (now time.Time, err error)
	// Instances lists all, those that went too, in no order, and the store's time.
	Instances(ctx context.Context) (all []Instance, now time.Time, err error)
}

// InstanceDepartures is where the others learn that an instance is not to be
// waited for any more, and what a store that forgot has to learn again.
type InstanceDepartures interface {
	// DepartInstance notes that an instance went; At is set to the store's time,
	// which it returns. Errors: ErrNoInstance; ErrInstanceUp if it is to be forgotten and has
	// spoken within InstanceSilentAfter. One that went before keeps its departure.
	DepartInstance(ctx context.Context, id string, d Departure) (Instance, error)
	// RestoreInstance enters an instance that another one knows, unless the
	// registry has it. One that did not go may have been speaking until now, so it
	// is alone since the store's time.
	RestoreInstance(ctx context.Context, i Instance) error
	// MarkReachable notes that an instance which does not publish is there all the same,
	// and answers accounting: its ReachedAt and AloneSince become the store's time, and
	// one that was declared lost is known again. One that is not registered, or left,
	// stays as it is.
	MarkReachable(ctx context.Context, id string) error
}
