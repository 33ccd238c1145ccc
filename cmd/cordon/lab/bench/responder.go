package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"

	"cordon/radiusx"
)

// silence is how the Acct-Session-Id of a request begins that the responder
// does not answer.
const silence = "silent"

// Responder stands in for BNGs: it checks a request and acknowledges it, with
// Message-Authenticator, from the address that was asked; nothing else. It
// reads and writes one packet a system call.
type Responder struct {
	conn *net.UDPConn
	key  *radiusx.Key
}

// Listen opens a responder; on an unspecified address it is a BNG at each of
// this host's addresses.
func Listen(ctx context.Context, address string, secret radiusx.Secret) (*Responder, error) {
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", address)
	if err != nil {
		return nil, fmt.Errorf("open responder: %w", err)
	}
	udp := conn.(*net.UDPConn)
	_ = udp.SetReadBuffer(8 << 20) // a smaller one works as well, with fewer in flight
	if udp.LocalAddr().(*net.UDPAddr).IP.IsUnspecified() {
		if err := ipv4.NewPacketConn(udp).SetControlMessage(ipv4.FlagDst, true); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("open responder: %w", err)
		}
	}
	return &Responder{conn: udp, key: radiusx.NewKey(secret.Bytes())}, nil
}

// Addr is where it listens.
func (r *Responder) Addr() netip.AddrPort { return r.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Serve answers until the context ends.
func (r *Responder) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = r.conn.Close() })
	defer stop()
	buffer := make([]byte, radiusx.MaxPacketLength)
	control := make([]byte, 128) // what says which address was asked: given back, it says where the answer comes from
	answer := make([]byte, 0, 64)
	for {
		n, controls, _, from, err := r.conn.ReadMsgUDPAddrPort(buffer, control)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			continue
		}
		if answer = r.answer(answer[:0], buffer[:n]); len(answer) > 0 {
			_, _, _ = r.conn.WriteMsgUDPAddrPort(answer, control[:controls], from) // as good as lost on the way
		}
	}
}

// answer appends the ACK to a request; nothing if it deserves none.
func (r *Responder) answer(to, datagram []byte) []byte {
	packet, err := radiusx.Trim(datagram)
	if err != nil || (packet[0] != 40 && packet[0] != 43) || silenced(packet) {
		return to
	}
	authenticator := packet[4:radiusx.HeaderLength]
	if !r.key.CheckResponse(packet, zero[:]) || // the sum of a request is that of an answer to zeros
		r.key.CheckMessageAuthenticator(packet, zero[:]) == radiusx.MessageAuthenticatorBad {
		return to
	}
	to = append(to, packet[0]+1, packet[1], 0, 0)
	to = append(to, authenticator...)
	to = radiusx.AppendMessageAuthenticator(to)
	r.key.SignMessageAuthenticator(to, authenticator)
	r.key.SignResponse(to, authenticator)
	return to
}

var zero [radiusx.AuthenticatorLength]byte

func silenced(packet []byte) bool {
	for at := radiusx.HeaderLength; at < len(packet); at += int(packet[at+1]) {
		value := packet[at+2 : at+int(packet[at+1])]
		if packet[at] == 44 && len(value) > len(silence) && string(value[:len(silence)]) == silence {
			return true
		}
	}
	return false
}
