package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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
	packet := append([]byte{byte(w.request.Code), 0, 0, 0}, zero[:]...)
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
		ctx, cancel := context.WithTimeout(ctx, w.request.Timeout)
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

// ErrNoRadclient is what the measurements of radclient fail with where that program is not
// installed.
var ErrNoRadclient = errors.New("radclient is not installed: it is in Debian's package freeradius-utils")

// RadclientFile measures FreeRADIUS' radclient with a file of N packets, each
// another one as in an action against many subscribers.
func RadclientFile(ctx context.Context, c Config) (Figures, error) {
	return radclient(ctx, c, c.N, 1)
}

// RadclientAgain measures FreeRADIUS' radclient with a file of one window of
// packets, each sent again and again: what it does fastest.
func RadclientAgain(ctx context.Context, c Config) (Figures, error) {
	return radclient(ctx, c, c.InFlight, max(1, c.N/c.InFlight))
}

// radclient sends that many packets that often, a window of them in parallel.
// It reports no times of single exchanges.
func radclient(ctx context.Context, c Config, packets, times int) (Figures, error) {
	program, err := exec.LookPath("radclient")
	if err != nil {
		return Figures{}, ErrNoRadclient
	}
	folder, err := os.MkdirTemp("", "cordon-bench-")
	if err != nil {
		return Figures{}, fmt.Errorf("radclient: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file, secret := filepath.Join(folder, "packets"), filepath.Join(folder, "secret")
	if err := errors.Join(os.WriteFile(file, radclientInput(packets), 0o600), os.WriteFile(secret, c.Secret.Bytes(), 0o600)); err != nil {
		return Figures{}, fmt.Errorf("radclient: %w", err)
	}
	began, cpu := time.Now(), cpuTime(syscall.RUSAGE_CHILDREN)
	command := exec.CommandContext(ctx, program, "-q", "-t", "2", "-r", "5", "-p", strconv.Itoa(c.InFlight),
		"-c", strconv.Itoa(times), "-f", file, "-S", secret, c.Target.String(), "coa")
	out, err := command.CombinedOutput() // it fails if one packet is lost
	elapsed := time.Since(began)
	if err != nil {
		return Figures{}, fmt.Errorf("radclient: %w: %s", err, bytes.TrimSpace(out))
	}
	n := packets * times
	return Figures{
		Acked: n, PerSecond: float64(n) / elapsed.Seconds(),
		CPU: micros(cpuTime(syscall.RUSAGE_CHILDREN)-cpu) / float64(n),
	}, nil
}

// radclientInput is requests as Cordon sends them, in radclient's syntax.
func radclientInput(packets int) []byte {
	var b bytes.Buffer
	for i := range packets {
		fmt.Fprintf(&b, "User-Name = \"bench@example.net\"\nAcct-Session-Id = \"%08x\"\nFilter-Id = \"GARDEN\"\n"+
			"Event-Timestamp = %d\nMessage-Authenticator = 0x00\n\n", i, time.Now().Unix())
	}
	return b.Bytes()
}
