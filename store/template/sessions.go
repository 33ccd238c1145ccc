package template

import (
	"context"
	"errors"
	"time"

	"cordon/quarantine"
)

// OwnBindings is what Cordon's own store knows of who held an address.
type OwnBindings interface {
	quarantine.BindingFinder
	quarantine.PortFinder
}

// Sessions answers from another program's sessions, and from the port blocks that
// translators' logs reported to Cordon's own store, which that program does not know.
type Sessions struct {
	Reader *Reader
	Own    OwnBindings
}

var (
	_ quarantine.SessionReader = Sessions{}
	_ OwnBindings              = Sessions{}
)

// Session implements quarantine.SessionReader.
func (s Sessions) Session(ctx context.Context, key quarantine.SessionKey) (quarantine.Session, error) {
	return s.Reader.Session(ctx, key)
}

// SessionsOf implements quarantine.SessionReader.
func (s Sessions) SessionsOf(ctx context.Context, subscriber string) ([]quarantine.Session, error) {
	return s.Reader.SessionsOf(ctx, subscriber)
}

// Bindings implements quarantine.BindingFinder.
func (s Sessions) Bindings(ctx context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
	own, err := s.Own.Bindings(ctx, at, from, to)
	if err != nil {
		return nil, err
	}
	read, err := s.Reader.Bindings(ctx, at, from, to)
	return join(own, read, err)
}

// PortBindings implements quarantine.PortFinder.
func (s Sessions) PortBindings(
	ctx context.Context, at quarantine.Place, port uint16, from, to, until time.Time,
) ([]quarantine.Binding, error) {
	own, err := s.Own.PortBindings(ctx, at, port, from, to, until)
	if err != nil {
		return nil, err
	}
	read, err := s.Reader.Bindings(ctx, at, time.Time{}, until)
	return join(own, read, err)
}

// join adds the port blocks of translators' logs to what was read of the other
// program. Where that one has no index of addresses the logs stand alone; where it
// could not be asked nobody knows who else has the address.
func join(own, read []quarantine.Binding, err error) ([]quarantine.Binding, error) {
	var logged []quarantine.Binding
	for i := range own {
		if fromLog(&own[i]) {
			logged = append(logged, own[i])
		}
	}
	if err != nil && (len(logged) == 0 || !errors.Is(err, quarantine.ErrNoAddressIndex)) {
		return nil, err
	}
	return append(logged, read...), nil
}

// fromLog reports whether a binding of the own store is of a translator's log. The
// others are of accounting that was received once: they are renewed no more, and do not
// count beside the other program's sessions.
func fromLog(b *quarantine.Binding) bool {
	return b.Kind == quarantine.NATPortBlock && (b.Shared || b.Via.IsValid() || b.Session.ID == b.Subscriber)
}
