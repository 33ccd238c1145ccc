package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"layeh.com/radius"

	"cordon/radiusx/bng"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// Exchanger carries out one exchange; *coa.Client does.
type Exchanger interface {
	Do(ctx context.Context, x coa.Exchange) (coa.Result, error)
}

// Config is what is probed, and with what.
type Config struct {
	BNG    bng.Config // as Load made it
	Client Exchanger  // not needed to plan

	// Timeout is how long the first exchange waits for an answer: at 7 s, the
	// default, the request leaves three times (RFC 5080 section 2.2.1).
	Timeout time.Duration
	// Short is how long each of those waits that try other settings after
	// silence; 3 s, at most Timeout.
	Short time.Duration
	// Ports are those tried after silence; nil means 3799 and 1700.
	Ports []uint16
	// OnTry, if not nil, is called after each exchange.
	OnTry func(Try)
}

// Defaults of Config.
const (
	DefaultTimeout = 7 * time.Second
	defaultShort   = 3 * time.Second
)

// Plan is what would be sent.
type Plan struct {
	BNG     string   `json:"bng"`
	Dialect string   `json:"dialect"`
	Peer    string   `json:"peer"`
	Request []string `json:"request"` // attributes as radclient prints them
	First   string   `json:"first"`   // what else it carries
	Then    []string `json:"then"`    // what is tried after silence
}

// Plan returns what [Run] would send; nothing is sent. Each plan, like each run, has
// new identifiers.
func (c *Config) Plan() (Plan, error) {
	request, err := c.request()
	if err != nil {
		return Plan{}, err
	}
	all := c.settings()
	p := Plan{BNG: c.BNG.Name, Dialect: c.BNG.Dialect.Name, Peer: c.peer(), Request: request.text, First: all[0].carries()}
	for _, s := range all[1:] {
		p.Then = append(p.Then, s.what)
	}
	return p, nil
}

func (c *Config) peer() string { return netip.AddrPortFrom(c.BNG.Address, c.port()).String() }

// carries returns what the client adds to the request.
func (s *setting) carries() string {
	switch {
	case s.signed && s.stamped:
		return "with Event-Timestamp and Message-Authenticator"
	case s.signed:
		return "with Message-Authenticator, without Event-Timestamp"
	case s.stamped:
		return "with Event-Timestamp, without Message-Authenticator"
	}
	return "without Event-Timestamp and Message-Authenticator"
}

// request is what is asked, in both its forms.
type request struct {
	text    []string
	encoded radius.Attributes
}

// request returns the attributes of a CoA-Request about a subscriber who cannot exist.
func (c *Config) request() (request, error) {
	d := c.BNG.Dialect
	if d == nil {
		return request{}, errors.New("probe: the BNG has no dialect")
	}
	dictionary, err := d.Dictionary(c.BNG.Options)
	if err != nil {
		return request{}, fmt.Errorf("probe %s: %w", c.BNG.Name, err)
	}
	session := impossibleSession(d.Wants(), dictionary, &c.BNG)
	step, err := d.Probe(dialect.Request{Session: session, Options: c.BNG.Options})
	if err != nil {
		return request{}, fmt.Errorf("probe %s: %w", c.BNG.Name, err)
	}
	encoded, err := dictionary.EncodeAll(step.Attributes)
	if err != nil {
		return request{}, fmt.Errorf("probe %s: %w", c.BNG.Name, err)
	}
	r := request{encoded: encoded}
	for _, a := range step.Attributes {
		r.text = append(r.text, dictionary.Format(a))
	}
	return r, nil
}

// Run sends the request and reports what came of it. As long as there is no reply it
// tries one other setting after the other. An error means that nothing could be found
// out: no packet could be made or sent, or ctx ended.
func Run(ctx context.Context, c Config) (Report, error) {
	c.setDefaults()
	request, err := c.request()
	if err != nil {
		return Report{}, err
	}
	var tries []Try
	for i, s := range c.settings() {
		if i > 0 && !worthwhile(tries, s) {
			continue
		}
		timeout := c.Timeout
		if i > 0 {
			timeout = c.Short
		}
		t, err := c.try(ctx, s, request.encoded, timeout)
		if err != nil {
			return Report{}, err
		}
		tries = append(tries, t)
		if c.OnTry != nil {
			c.OnTry(t)
		}
	}
	return c.report(request, tries), nil
}

func (c *Config) setDefaults() {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Short == 0 {
		c.Short = min(defaultShort, c.Timeout)
	}
}

// worthwhile reports whether s can show more than what was tried. Once there was a
// reply that explains itself, nothing more is sent; a wrong signature on the
// answer may come of ours; and where the port is closed only other ports
// are left.
func worthwhile(tries []Try, s setting) bool {
	for i := range tries {
		if tries[i].answered() {
			return false
		}
	}
	switch first := &tries[0]; {
	case first.Discarded > 0 && first.result.LastDiscard == coa.BadMessageAuthenticator:
		return !s.signed && !s.otherPort
	case first.Discarded > 0:
		return false
	case first.refused():
		return s.otherPort
	case first.cut():
		return false
	}
	return true
}

var _ Exchanger = (*coa.Client)(nil)

// Text writes the plan for a terminal.
func (p *Plan) Text() string {
	text := fmt.Sprintf("%s (%s): a CoA-Request to UDP %s, %s; nothing was sent\n", p.BNG, p.Dialect, p.Peer, p.First)
	for _, line := range p.Request {
		text += "\t" + line + "\n"
	}
	text += "Without a reply, shortly and one after the other:\n"
	for _, line := range p.Then {
		text += "\t" + line + "\n"
	}
	return text
}
