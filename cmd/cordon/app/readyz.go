package app

import (
	"context"
	"errors"

	"cordon/integration/httpx"
)

// checks are what /readyz asks.
func (a *App) checks() []httpx.Check {
	return []httpx.Check{
		{Name: "journal", Essential: true, Probe: func(context.Context) error { return a.journal.Writable() }},
		{Name: "redis-seen", Essential: true, Probe: func(context.Context) error {
			if !a.redisSeen.Load() || !a.engine.Acquainted() {
				return errors.New("Redis has not answered since the start")
			}
			return nil
		}},
		{Name: "redis", Probe: a.store.Ping, Warnings: a.gate.trust.Warnings},
		{Name: "restricting", Probe: func(context.Context) error {
			if reason, paused := a.gate.paused(); paused {
				return errors.New(reason)
			}
			return nil
		}},
		{Name: "spool", Probe: a.probeSpool},
		{Name: "unstorable", Probe: a.probeDeadLetters},
		{Name: "restarts", Probe: a.probeRestarts},
		{Name: "heartbeat", Probe: a.probeHeartbeat},
		{Name: "instances", Probe: a.probeInstances},
		{Name: "accounting-sources", Probe: a.probeSources},
		{Name: "sessions", Probe: a.probeSessions},
		{Name: "bngs", Probe: a.probeUnserved},
		{Name: "sender", Probe: func(context.Context) error {
			if !a.engine.Sender() {
				return errors.New("another instance is the sender, or none is")
			}
			return nil
		}},
	}
}

// probeUnserved is the line of /readyz?verbose about releases that cannot be sent.
func (a *App) probeUnserved(context.Context) error {
	if err := a.unserved.Err(); err != nil {
		return errors.New(oneLine(err))
	}
	return nil
}
