package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// probeHeartbeat is since when Redis has not accepted this instance's heartbeat,
// and what becomes of accounting.
func (a *App) probeHeartbeat(context.Context) error {
	cutOff := a.engine.CutOff()
	if cutOff == 0 {
		return nil
	}
	age := quarantine.FormatDuration(cutOff.Truncate(time.Second))
	if a.acct == nil {
		return fmt.Errorf("cut off from Redis for %s", age)
	}
	if err := a.engine.Alone(); err != nil {
		return fmt.Errorf("accounting is not answered: %w", err)
	}
	return fmt.Errorf("cut off from Redis for %s; accounting is answered and goes into the spool", age)
}

// probeInstances names the silent instances for which verdicts wait.
func (a *App) probeInstances(context.Context) error {
	var faults []error
	for _, i := range a.engine.AwaitedInstances() {
		if i.Verdicts > 0 {
			faults = append(faults, fmt.Errorf("%d verdicts wait for instance %s, silent since %s: start it again, or if it is lost: %s",
				i.Verdicts, i.Label(), i.SpokeAt.UTC().Format(time.RFC3339), i.Forget))
		}
	}
	return errors.Join(faults...)
}

// advertised is where other instances may ask for this one's readiness. A
// listener on all addresses is asked at the one from which Redis is reached.
func (a *App) advertised() string {
	bound, ok := a.addr.(*net.TCPAddr)
	if !ok {
		return ""
	}
	if !bound.IP.IsUnspecified() {
		return bound.String()
	}
	for _, redis := range a.cfg.Redis.Addrs {
		c, err := net.Dial("udp", redis) // chooses a source address; nothing is sent
		if err != nil {
			continue // a socket in the file system, or no route now
		}
		local, ok := c.LocalAddr().(*net.UDPAddr)
		_ = c.Close() // nothing was written
		if ok {
			return net.JoinHostPort(local.IP.String(), fmt.Sprint(bound.Port))
		}
	}
	return ""
}

// peers asks other instances over HTTP.
type peers struct{ client *httpx.ReadinessClient }

func newPeers() *peers { return &peers{httpx.NewReadinessClient()} }

// cutOff reports whether another instance confirms that it cannot reach Redis.
func (p *peers) cutOff(ctx context.Context, other quarantine.Instance) bool {
	return confirms(ctx, other, p.client.CutOff)
}

// alone reports whether another instance confirms that it answers accounting which
// Redis does not accept.
func (p *peers) alone(ctx context.Context, other quarantine.Instance) bool {
	return confirms(ctx, other, p.client.Alone)
}

// confirms reports whether another instance answers a question with yes. Whatever else
// answers at its address, or nothing, proves nothing.
func confirms(ctx context.Context, other quarantine.Instance, ask func(ctx context.Context, addr, id string) (bool, error)) bool {
	if other.HTTP == "" {
		return false
	}
	yes, err := ask(ctx, other.HTTP, other.ID)
	return err == nil && yes
}
