package acct

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/gaissmai/bart"

	"cordon/radiusx"
)

// Client is a sender of accounting that the server accepts. Where several
// clients cover an address, the most specific prefix wins.
type Client struct {
	Prefix netip.Prefix   // source addresses, IPv4 or IPv6
	Secret radiusx.Secret // shared with these senders

	// Relay marks an AAA server or proxy that copies the accounting of
	// several BNGs. RelayFor names those BNGs; empty means every one. This
	// package does not check either: which BNG a record is about, and
	// whether this client may report for it, is the handler's to decide.
	Relay    bool
	RelayFor []string

	// UnreportedDelay is how long the event of a record may have been before its
	// arrival, beside what Acct-Delay-Time says, without an Event-Timestamp: the
	// retransmissions and queues that nobody counts. Of a relay it says that it delays
	// Acct-Delay-Time up to date, but for that. 0: none for a BNG, but
	// [DirectUnreportedDelay] where Event-Timestamp contradicts it and it has not shown
	// that it counts; none for a relay, but Config.MaxAge where Event-Timestamp contradicts
	// it, and for all that has none since it delayed a record.
	UnreportedDelay time.Duration

	key *radiusx.Key // of Secret; set in the server's own copy
}

// DirectUnreportedDelay is how long a BNG whose clock is not known tries before a
// record arrives, uncounted, if nothing else is configured: three servers, each asked four times
// with 5 s between, which is the longest of the usual defaults.
const DirectUnreportedDelay = time.Minute

// countsDelay reports whether Acct-Delay-Time of the client's records says how long
// they waited on their way: a BNG reports for itself, a relay forwards what the BNG
// said unless it is known to count.
func (c *Client) countsDelay() bool { return !c.Relay || c.UnreportedDelay > 0 }

// Validate reports what makes the client unusable.
func (c *Client) Validate() error {
	var errs []error
	if !c.Prefix.IsValid() {
		errs = append(errs, errors.New("prefix must be set"))
	} else if c.Prefix != c.Prefix.Masked() {
		errs = append(errs, fmt.Errorf("prefix %s has host bits, did you mean %s", c.Prefix, c.Prefix.Masked()))
	}
	if c.Secret.IsZero() {
		errs = append(errs, errors.New("secret must be set"))
	}
	if len(c.RelayFor) > 0 && !c.Relay {
		errs = append(errs, errors.New("relay must be set where relay_for has BNGs"))
	}
	if c.UnreportedDelay < 0 {
		errs = append(errs, errors.New("unreported_delay must be > 0"))
	}
	return errors.Join(errs...)
}

// clientTable finds the client of a source address. It never changes after
// [newClientTable].
type clientTable struct{ byPrefix bart.Table[*Client] }

func newClientTable(clients []Client) *clientTable {
	t := &clientTable{}
	for i := range clients {
		c := clients[i] // the table's own copy
		c.key = radiusx.NewKey(c.Secret.Bytes())
		t.byPrefix.Insert(c.Prefix, &c)
	}
	return t
}

// find returns the client with the most specific prefix around addr.
func (t *clientTable) find(addr netip.Addr) (*Client, bool) {
	return t.byPrefix.Lookup(addr.WithZone(""))
}

func validateClients(clients []Client) error {
	var errs []error
	seen := make(map[netip.Prefix]bool, len(clients))
	for i := range clients {
		c := &clients[i]
		if err := c.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("client %d: %w", i+1, err))
		}
		if c.Prefix.IsValid() && seen[c.Prefix] {
			errs = append(errs, fmt.Errorf("client %d: prefix %s is another client's too", i+1, c.Prefix))
		}
		seen[c.Prefix] = true
	}
	return errors.Join(errs...)
}
