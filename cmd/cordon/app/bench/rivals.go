package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

// RawEcho measures what a socket gives: it sends one packet and reads one a
// system call, checks nothing and keeps nothing.
func RawEcho(ctx context.Context, c Config) (Figures, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", c.Target.String())
	if err != nil {
		return Figures{}, fmt.Errorf("raw echo: %w", err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	packet, buffer := rawRequest(&c), make([]byte, radiusx.MaxPacketLength)
	watch, t := startWatch(), tally{}
	for sent := 0; t.acked < c.N; t.acked++ {
		for ; sent < c.N && sent-t.acked < c.InFlight; sent++ {
			if _, err := conn.Write(packet); err != nil {
				return Figures{}, fmt.Errorf("raw echo: %w", err)
			}
		}
		if _, err := conn.Read(buffer); err != nil {
			return Figures{}, fmt.Errorf("raw echo: %d of %d came back: %w", t.acked, c.N, err)
		}
	}
	return watch.figures(&t), nil
}

// rawRequest is a packet as Cordon sends it.
func rawRequest(c *Config) []byte {
	w := newWorker(c)
	packet := make([]byte, radiusx.HeaderLength)
	packet[0] = byte(w.request.Code)
	for _, a := range w.request.Attributes {
		packet = append(packet, byte(a.Type), byte(2+len(a.Attribute)))
		packet = append(packet, a.Attribute...)
	}
	packet = append(packet, 55, 6, 0, 0, 0, 0)
	packet = radiusx.AppendMessageAuthenticator(packet)
	key := radiusx.NewKey(c.Secret.Bytes())
	key.SignMessageAuthenticator(packet, zero[:])
	key.SignRequest(packet)
	return packet
}

// Layeh measures layeh.com/radius' client. It has no Message-Authenticator, so
// that its requests have none.
func Layeh(ctx context.Context, c Config) (Figures, error) {
	client := &radius.Client{Retry: 2 * time.Second}
	watch := startWatch()
	t, err := c.spread(ctx, func(ctx context.Context, w *worker) error {
		ctx, cancel := context.WithTimeout(ctx, w.request.Patience)
		defer cancel()
		packet := radius.New(w.request.Code, c.Secret.Bytes())
		packet.Attributes = w.request.Attributes
		began := time.Now()
		answer, err := client.Exchange(ctx, packet, c.Target.String())
		switch {
		case err != nil:
			w.lost++
			return nil
		case answer.Code == radius.CodeCoAACK:
			w.acked++
		default:
			w.refused++
		}
		w.took = append(w.took, time.Since(began))
		return nil
	})
	if err != nil {
		return Figures{}, fmt.Errorf("layeh.com/radius: %w", err)
	}
	return watch.figures(t), nil
}

// ErrNoRadclient is what Radclient fails with where that program is not
// installed.
var ErrNoRadclient = errors.New("radclient is not installed: it is in Debian's package freeradius-utils")

// Radclient measures FreeRADIUS' radclient: a file of InFlight packets, all of
// them in parallel, sent again and again. It tells no times of single exchanges.
func Radclient(ctx context.Context, c Config) (Figures, error) {
	program, err := exec.LookPath("radclient")
	if err != nil {
		return Figures{}, ErrNoRadclient
	}
	file, err := os.CreateTemp("", "cordon-bench-*")
	if err != nil {
		return Figures{}, fmt.Errorf("radclient: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	rounds := max(1, c.N/c.InFlight)
	for i := range c.InFlight {
		fmt.Fprintf(file, "User-Name = \"bench@example.net\"\nAcct-Session-Id = \"%08x\"\nFilter-Id = \"GARDEN\"\nEvent-Timestamp = %d\nMessage-Authenticator = 0x00\n\n",
			i, time.Now().Unix())
	}
	if err := file.Close(); err != nil {
		return Figures{}, fmt.Errorf("radclient: %w", err)
	}
	began, cpu := time.Now(), cpuTime(syscall.RUSAGE_CHILDREN)
	command := exec.CommandContext(ctx, program, "-q", "-s", "-t", "2", "-r", "5", "-p", strconv.Itoa(c.InFlight), //nolint:gosec // the program's own arguments
		"-c", strconv.Itoa(rounds), "-f", file.Name(), c.Target.String(), "coa", string(c.Secret.Bytes()))
	out, err := command.CombinedOutput()
	elapsed := time.Since(began)
	if err != nil {
		return Figures{}, fmt.Errorf("radclient: %w: %s", err, bytes.TrimSpace(out))
	}
	n := rounds * c.InFlight
	return Figures{
		Acked: n, PerSecond: float64(n) / elapsed.Seconds(),
		CPU: micros(cpuTime(syscall.RUSAGE_CHILDREN)-cpu) / float64(n),
	}, nil
}
