package acct

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"cordon/radiusx"
)

// Handler makes records durable.
type Handler interface {
	// Handle stores a batch and returns one error for each record, in order.
	// nil: the record is durable, the NAS is answered at once. An error: the
	// NAS gets no answer and sends the record again. A result of another
	// length than the batch answers nobody. A record of which nothing is
	// stored and nothing ever will be, because it is of no use or its sender
	// may not report it, deserves ErrRejected: it is answered, for any other
	// error would bring it back for ever, with all that waits behind it in a
	// relay, and hold Oldest back as long.
	// Several batches are handled at the same time, never two with the same
	// session in them. The batch is the handler's until it returns.
	Handle(ctx context.Context, batch []Record) []error
}

// ErrRejected is what a Handler returns for a record of which nothing is stored:
// it is answered, and counted apart from those that are.
var ErrRejected = errors.New("nothing of the record is stored")

// Config is what a [Server] needs. Zero numbers and durations become the
// default named beside them.
type Config struct {
	Listen  []string         // UDP addresses, "192.0.2.10:1813"; an explicit address, so that answers leave from it
	Conns   []net.PacketConn // sockets that are open already; the server closes them
	Clients []Client
	Handler Handler

	// Holdable says whether a subscriber can hold an address (as /32 or /128) or an
	// IPv6 prefix, and if not, why. Others are left out and counted. It must be set.
	Holdable func(netip.Prefix) (why string, ok bool)

	SubscriberKey string              // attribute whose value is Record.Subscriber; "User-Name"
	Attributes    []string            // attributes wanted in Record.Attributes beside DefaultAttributes
	Naming        []string            // attributes wanted in Record.Naming
	Dictionary    *radiusx.Dictionary // names SubscriberKey, Keep and Naming; radiusx.Builtin()

	Batch         int           // most records of one Handle call; 256
	Workers       int           // batches handled side by side; 3
	Queue         int           // records that may wait; more are dropped, which is the back-pressure; 8192
	MaxAttributes int           // packets with more are counted; 200
	HandleTimeout time.Duration // deadline of one Handle call; 10s
	Drain         time.Duration // time to finish queued records after Run's context ended; 5s

	MaxAge time.Duration // how old an event may be; 168h
	Linger time.Duration // how long a record that was not stored holds Oldest back; 60s

	Answers      int           // answers kept for exact duplicates; 16384
	AnswerWindow time.Duration // how long they are good for; 30s

	// BNGOf names the configured BNG that a record claims to be about, "" for none.
	// Faults are counted by it, and clocks; nothing else rests on it. It must not
	// change the record. Default: none is known.
	BNGOf func(*Record) string

	Now func() time.Time // time.Now
}

func (c *Config) setDefaults() {
	setDefault(&c.SubscriberKey, "User-Name")
	setDefault(&c.Batch, 256)
	setDefault(&c.Workers, 3)
	setDefault(&c.Queue, 8192)
	setDefault(&c.MaxAttributes, 200)
	setDefault(&c.HandleTimeout, 10*time.Second)
	setDefault(&c.Drain, 5*time.Second)
	setDefault(&c.MaxAge, 168*time.Hour)
	setDefault(&c.Linger, time.Minute)
	setDefault(&c.Answers, 16384)
	setDefault(&c.AnswerWindow, 30*time.Second)
	if c.Dictionary == nil {
		c.Dictionary = radiusx.Builtin()
	}
	if c.BNGOf == nil {
		c.BNGOf = func(*Record) string { return "" }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	c.setDefaults()
	var errs []error
	if len(c.Listen)+len(c.Conns) == 0 {
		errs = append(errs, errors.New("listen must not be empty"))
	}
	if len(c.Clients) == 0 {
		errs = append(errs, errors.New("clients must not be empty: nobody could send accounting"))
	}
	if c.Handler == nil {
		errs = append(errs, errors.New("handler must be set"))
	}
	if c.Holdable == nil {
		errs = append(errs, errors.New("Holdable must be set: which addresses a subscriber can hold"))
	}
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"batch", int64(c.Batch)}, {"workers", int64(c.Workers)}, {"queue", int64(c.Queue)},
		{"max attributes", int64(c.MaxAttributes)}, {"answers", int64(c.Answers)},
		{"handle timeout", int64(c.HandleTimeout)}, {"drain", int64(c.Drain)},
		{"max age", int64(c.MaxAge)}, {"linger", int64(c.Linger)}, {"answer window", int64(c.AnswerWindow)},
	} {
		if field.value < 0 {
			errs = append(errs, fmt.Errorf("%s must not be negative", field.name))
		}
	}
	if c.Queue < c.Workers {
		errs = append(errs, fmt.Errorf("queue %d must not be shorter than the number of workers %d", c.Queue, c.Workers))
	}
	_, err := newAttributeFilter(c.Dictionary, c.SubscriberKey, c.Attributes, c.Naming...)
	return errors.Join(append(errs, validateClients(c.Clients), err)...)
}
