package radclient

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/coa"
)

// Sending is a request by hand to a BNG, in radclient's manner.
type Sending struct {
	Target     string // host or host:port; the port is 3799 if none is given
	Kind       string // coa or disconnect
	Secret     string
	SecretFile string
	Input      string        // attributes as radclient reads them; packets apart by a blank line
	Timeout    time.Duration // how long each is tried; 0: 30 s
	Plain      bool          // neither Message-Authenticator nor Event-Timestamp
}

// Sent counts what came of the packets.
type Sent struct{ Acked, Refused, Unanswered int }

// Send carries the exchanges out one after the other and writes them to w in
// radclient's wording.
func (s Sending) Send(ctx context.Context, w io.Writer) (Sent, error) {
	var sent Sent
	exchange, err := s.exchange(ctx)
	if err != nil {
		return sent, err
	}
	packets, err := s.packets()
	if err != nil {
		return sent, err
	}
	client, err := coa.New(coa.Config{})
	if err != nil {
		return sent, err
	}
	defer func() { _ = client.Close() }() // nothing is under way any more
	dictionary := radiusx.Builtin()
	exchange.Sending = func(d coa.Datagram) error {
		return dictionary.Text(w, radiusx.Sent, d.Local, d.Peer, d.Octets)
	}
	for _, packet := range packets {
		exchange.Attributes = packet
		result, err := client.Do(ctx, exchange)
		if err != nil {
			return sent, err
		}
		if err := sent.count(w, dictionary, &result); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func (s *Sent) count(w io.Writer, d *radiusx.Dictionary, result *coa.Result) error {
	switch result.Kind {
	case coa.Unanswered:
		s.Unanswered++
		remark := ""
		if result.Discarded > 0 {
			remark = fmt.Sprintf("; %d datagrams were no answer, the last one %s", result.Discarded, result.LastDiscard)
		}
		_, err := fmt.Fprintf(w, "No reply from %s to Id %d after %d transmissions%s\n", result.Peer, result.Identifier, result.Transmissions,
			remark)
		return err
	case coa.NAK:
		s.Refused++
	case coa.ACK:
		s.Acked++
	}
	return d.Text(w, radiusx.Received, result.Peer, result.Local, result.Reply)
}

func (s *Sending) exchange(ctx context.Context) (coa.Exchange, error) {
	x := coa.Exchange{Timeout: s.Timeout, OmitEventTimestamp: s.Plain}
	if s.Plain {
		x.MessageAuthenticator = coa.MessageAuthenticatorOmit
	}
	switch s.Kind {
	case "coa":
		x.Code = radius.CodeCoARequest
	case "disconnect":
		x.Code = radius.CodeDisconnectRequest
	default:
		return x, fmt.Errorf("%q is neither coa nor disconnect", s.Kind)
	}
	var err error
	if s.SecretFile != "" {
		x.Secret, err = radiusx.ReadSecret(s.SecretFile)
	} else {
		x.Secret, err = radiusx.NewSecret(s.Secret)
	}
	if err != nil {
		return x, err
	}
	x.Peer, err = resolve(ctx, s.Target)
	return x, err
}

// resolve finds the address of host or host:port.
func resolve(ctx context.Context, target string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		host, port = strings.Trim(target, "[]"), "3799"
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("find %s: %w", host, err)
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("port of %s: %w", target, err)
	}
	return netip.AddrPortFrom(addrs[0].Unmap(), uint16(number)), nil
}

var blankLine = regexp.MustCompile(`\n[ \t\r]*\n`)

func (s *Sending) packets() ([]radius.Attributes, error) {
	var packets []radius.Attributes
	for _, text := range blankLine.Split(strings.TrimSpace(s.Input), -1) {
		attributes, err := radiusx.ParseAttributes(text)
		if err != nil {
			return nil, fmt.Errorf("packet %d: %w", len(packets)+1, err)
		}
		encoded, err := radiusx.Builtin().EncodeAll(attributes)
		if err != nil {
			return nil, fmt.Errorf("packet %d: %w", len(packets)+1, err)
		}
		packets = append(packets, encoded)
	}
	return packets, nil
}
