package coa

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// DefaultPorts is the number of ports per address family that a client may
// open if the configuration does not say: room for 54 exchanges a second with
// each single BNG without reusing an identifier early.
const DefaultPorts = 64

// MaxPorts is the most that Config.Ports can be.
const MaxPorts = 256

// Config is what a [Client] is made from. The zero value is usable.
type Config struct {
	// Source is the local address that requests leave from and that the BNGs
	// know as their dynamic-authorization client. The zero value leaves the
	// choice to the kernel's routing and permits peers of both families.
	Source netip.Addr

	// Ports is the most source ports to open per address family, 1 to
	// [MaxPorts]; 0 means [DefaultPorts]. Each carries 256 exchanges per BNG in
	// 300 s. Ports are opened as they are needed.
	Ports int

	// Listen opens a port; nil means [net.ListenPacket]. network is "udp4" or
	// "udp6". Tests use an in-memory wire.
	Listen func(network, address string) (net.PacketConn, error)

	// Now is the wall clock that Event-Timestamp is read from; nil means
	// [time.Now]. Timers do not use it.
	Now func() time.Time

	// Random returns numbers from 0 to 1 for jitter and for the first
	// identifiers; nil means [rand.Float64]. It must be safe for concurrent use.
	Random func() float64
}

// Validate reports every fault of the configuration.
func (c *Config) Validate() error {
	var faults []error
	if c.Ports < 0 || c.Ports > MaxPorts {
		faults = append(faults, fmt.Errorf("ports: %d must be from 1 to %d", c.Ports, MaxPorts))
	}
	if c.Source.IsMulticast() || c.Source == limitedBroadcast {
		faults = append(faults, fmt.Errorf("source: %v must be the address of a host", c.Source))
	}
	return errors.Join(faults...)
}

func (c *Config) setDefaults() {
	c.Source = c.Source.Unmap()
	if c.Ports == 0 {
		c.Ports = DefaultPorts
	}
	if c.Listen == nil {
		c.Listen = net.ListenPacket
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
}

// Client carries out exchanges with any number of BNGs. Its methods are safe
// for concurrent use. Close ends its goroutines.
type Client struct {
	config   Config
	timers   *timers
	v4, v6   *pool // nil where the source is of the other family
	done     chan struct{}
	running  sync.WaitGroup // the readers, the outboxes and the timers
	counters counters
	wakes    sync.Pool // of requests no longer in flight: channels of capacity 1, empty

	mu     sync.RWMutex // guards what follows; held to open a port
	closed bool
	opened []*port
	peers  map[netip.Addr]*peer // grows with the addresses that were ever asked
}

// New makes a client. With a source address it opens the first port at once, so
// that an address that is not this host's is an error here and not later.
func New(config Config) (*Client, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("CoA client: %w", err)
	}
	config.setDefaults()
	c := &Client{
		config: config,
		timers: newTimers(),
		done:   make(chan struct{}),
		peers:  make(map[netip.Addr]*peer),
	}
	switch source := config.Source; {
	case !source.IsValid():
		c.v4 = newPool("udp4", netip.IPv4Unspecified(), config.Ports)
		c.v6 = newPool("udp6", netip.IPv6Unspecified(), config.Ports)
	case source.Is4():
		c.v4 = newPool("udp4", source, config.Ports)
	default:
		c.v6 = newPool("udp6", source, config.Ports)
	}
	if config.Source.IsValid() {
		if err := c.open(c.poolFor(config.Source), 0); err != nil {
			return nil, fmt.Errorf("CoA client: %w", err)
		}
	}
	c.running.Go(func() { c.timers.run(c.done) })
	return c, nil
}

// Close ends every exchange that waits, which then returns [ErrClosed], closes
// the ports and returns when all goroutines of the client have ended. Closing
// again does nothing.
func (c *Client) Close() error {
	c.mu.Lock()
	var faults []error
	var waiting []*peer
	if !c.closed {
		c.closed = true
		close(c.done)
		for _, p := range c.opened {
			faults = append(faults, p.close())
		}
		c.opened = nil
		waiting = slices.Collect(maps.Values(c.peers))
	}
	c.mu.Unlock()
	for _, p := range waiting { // without mu, which an exchange that begins takes while it holds p.mu
		p.signalAll()
	}
	c.running.Wait()
	return errors.Join(faults...)
}

// poolFor returns the pool that reaches addr, nil if the source address cannot.
func (c *Client) poolFor(addr netip.Addr) *pool {
	if addr.Is4() {
		return c.v4
	}
	return c.v6
}

// open makes sure that a port of p is open and read.
func (c *Client) open(p *pool, index int) error {
	if p.ports[index].Load() != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if p.ports[index].Load() != nil {
		return nil
	}
	opened, err := c.listen(p, index)
	if err != nil {
		c.counters.openErrors.Add(1)
		return err
	}
	c.opened = append(c.opened, opened)
	p.ports[index].Store(opened)
	c.running.Go(func() { c.read(opened) })
	return nil
}

// peerAt returns what is kept of the BNG at addr, from now on if need be.
func (c *Client) peerAt(addr netip.Addr) (*peer, error) {
	if p := c.knownPeer(addr); p != nil {
		return p, nil
	}
	pool := c.poolFor(addr)
	if pool == nil {
		return nil, fmt.Errorf("%w: %v cannot be reached from source %v", ErrRequest, addr, c.config.Source)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.peers[addr]; p != nil {
		return p, nil
	}
	p := &peer{
		pool: pool,
		rotation: rotation{
			ports:     len(pool.ports),
			firstPort: pool.startPort(),
			firstID:   byte(c.config.Random() * identifiersPerPort),
		},
		inFlight: make(map[slot]*inFlight),
	}
	pool.peers++
	c.peers[addr] = p
	return p, nil
}

func (c *Client) knownPeer(addr netip.Addr) *peer {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.peers[addr]
}
