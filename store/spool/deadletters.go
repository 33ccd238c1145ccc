package spool

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"cordon/quarantine"
)

// DeadLettersConfig says where DeadLetters are kept and what they are in front of.
type DeadLettersConfig struct {
	File string                     // one JSON object a line; the older half is File with ".1" behind it
	Max  int64                      // most octets of both together; 0 is 16 MiB
	Next quarantine.SessionRecorder // the session store
	Now  func() time.Time           // nil: time.Now
}

const defaultDeadLettersMax = 16 << 20

// A store that refuses records of many sessions has another fault than a key that
// another program wrote: more events than maxDeadLetters in deadLettersPer are not
// accepted.
const (
	maxDeadLetters = 200
	deadLettersPer = 10 * time.Minute
)

// deadLettersKnown is how many dead letters are remembered: more than are retried
// together, which is what is drained at a time (drainEvents and a record of the spool,
// or what an accounting server works at once).
const deadLettersKnown = 4096

var errManyDeadLetters = errors.New("the session store refuses too many records")

// DeadLetters is a session recorder in front of the session store that accepts events
// which the store cannot hold (quarantine.ErrUnstorable), because another program
// wrote to their keys: nothing behind them would ever be stored. They are synced to a
// file for a person to read; their addresses are bound to a holder without a name, so
// that whoever held them before is not restricted.
//
// It is no spool: nothing of the file is ever stored by itself. Its methods may be
// called from any goroutine.
type DeadLetters struct {
	cfg DeadLettersConfig

	mu    sync.Mutex // guards what follows, and the files
	stats DeadLetterStats
	since time.Time // beginning of the period that few counts in
	few   int
	// known are the last dead letters, in that order. One that is retried, because
	// others of its batch were not stored, is accepted without being written or
	// counted again: or a batch with more than maxDeadLetters of them would be
	// retried for ever.
	known []fingerprint
}

// fingerprint identifies an event.
type fingerprint [sha256.Size]byte

// DeadLetterStats are counts since NewDeadLetters.
type DeadLetterStats struct {
	Events uint64 // written to the file
	BNG    string // of the last one
	Reason string // why the store could not hold it
}

var _ quarantine.SessionRecorder = (*DeadLetters)(nil)

// NewDeadLetters returns DeadLetters. It does not read the file.
func NewDeadLetters(cfg DeadLettersConfig) *DeadLetters {
	if cfg.Max == 0 {
		cfg.Max = defaultDeadLettersMax
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &DeadLetters{cfg: cfg}
}

// Stats returns the counts.
func (d *DeadLetters) Stats() DeadLetterStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}

// Pending returns the file, written by this process or an earlier one, until a person
// removes it; "" if there is none.
func (d *DeadLetters) Pending() string {
	for _, file := range []string{d.cfg.File, d.cfg.File + olderSuffix} {
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			return file
		}
	}
	return ""
}

// Record implements quarantine.SessionRecorder. An event that the store cannot hold
// has no error once it is in the file.
func (d *DeadLetters) Record(ctx context.Context, events []quarantine.SessionEvent) []error {
	errs := d.cfg.Next.Record(ctx, events)
	if len(errs) != len(events) {
		return errs
	}
	for i, err := range errs {
		if errors.Is(err, quarantine.ErrUnstorable) {
			errs[i] = d.keep(ctx, &events[i], err)
		}
	}
	return errs
}

// keep writes an event to the file, and has its addresses bound to a holder without a
// name; where the store cannot do that either, the key that it lacks attributes nothing.
func (d *DeadLetters) keep(ctx context.Context, ev *quarantine.SessionEvent, reason error) error {
	if d.has(ev) {
		return nil
	}
	if err := d.write(ev, reason); err != nil {
		return fmt.Errorf("keep an unstorable accounting record (%s): %w", reason.Error(), err)
	}
	doubts := ev.Unidentified(quarantine.NotStored)
	for i := range doubts {
		doubts[i].Kind, doubts[i].Via = quarantine.SessionStarted, quarantine.Place{}
		doubts[i].StartedAt = doubts[i].At
	}
	for _, err := range d.cfg.Next.Record(ctx, doubts) {
		if err != nil && !errors.Is(err, quarantine.ErrUnstorable) {
			return err // the store is unreachable by now: the event is retried, and written again
		}
	}
	d.remember(ev)
	return nil
}

// has reports whether the event was kept lately.
func (d *DeadLetters) has(ev *quarantine.SessionEvent) bool {
	f, ok := fingerprintOf(ev)
	d.mu.Lock()
	defer d.mu.Unlock()
	return ok && slices.Contains(d.known, f)
}

func (d *DeadLetters) remember(ev *quarantine.SessionEvent) {
	f, ok := fingerprintOf(ev)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known = append(d.known, f); len(d.known) > deadLettersKnown {
		d.known = slices.Delete(d.known, 0, len(d.known)-deadLettersKnown)
	}
}

// fingerprintOf is of all that a person reads of the event.
func fingerprintOf(ev *quarantine.SessionEvent) (fingerprint, bool) {
	line, err := json.Marshal(deadLetterLine(ev, errManyDeadLetters, time.Time{}))
	return sha256.Sum256(line), err == nil
}

const olderSuffix = ".1"

func (d *DeadLetters) write(ev *quarantine.SessionEvent, reason error) error {
	line, err := json.Marshal(deadLetterLine(ev, reason, d.cfg.Now()))
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	line = append(line, '\n')
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.admit(); err != nil {
		return err
	}
	if info, err := os.Lstat(d.cfg.File); err == nil && info.Size()+int64(len(line)) > d.cfg.Max/2 {
		if err := os.Rename(d.cfg.File, d.cfg.File+olderSuffix); err != nil {
			return err
		}
	}
	if err := appendSynced(d.cfg.File, line); err != nil {
		return err
	}
	d.stats.Events++
	d.stats.BNG, d.stats.Reason = ev.Key.BNG, reason.Error()
	return nil
}

// admit counts one event, or says that there were too many.
func (d *DeadLetters) admit() error {
	if now := d.cfg.Now(); now.Sub(d.since).Abs() >= deadLettersPer {
		d.since, d.few = now, 0
	}
	if d.few >= maxDeadLetters {
		return errManyDeadLetters
	}
	d.few++
	return nil
}

// appendSynced adds to a file that only its owner reads, and syncs it; the first
// time its directory too.
func appendSynced(name string, octets []byte) error {
	_, missing := os.Lstat(name)
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(octets)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil || missing == nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// kindNames are the names in RADIUS accounting of the kinds of event.
var kindNames = map[quarantine.SessionEventKind]string{
	quarantine.SessionStarted: "Start", quarantine.SessionRenewed: "Interim-Update", quarantine.SessionEnded: "Stop",
	quarantine.BNGReset: "Accounting-On or -Off", quarantine.ServiceSeen: "service",
}

// deadLetterLine is an event as a person reads it; octets that are not UTF-8 are written
// \xNN.
func deadLetterLine(ev *quarantine.SessionEvent, reason error, now time.Time) any {
	type address struct {
		Address string `json:"address"`
		Kind    string `json:"kind"`
		Space   string `json:"space,omitempty"`
		Ports   string `json:"ports,omitempty"`
	}
	addresses := func(list []quarantine.Address) (shown []address) {
		for _, a := range list {
			shown = append(shown, address{a.Prefix.String(), string(a.Kind), a.Space, a.Ports.String()})
		}
		return shown
	}
	attributes := map[string]string{}
	for _, a := range ev.Attributes {
		attributes[a.Name] = quarantine.EscapeName(a.Value)
	}
	via := ""
	if ev.Via.IsValid() {
		via = ev.Via.String()
	}
	return struct {
		SetAsideAt time.Time         `json:"set_aside_at"`
		Reason     string            `json:"reason"`
		Record     string            `json:"record"`
		BNG        string            `json:"bng"`
		Session    string            `json:"acct_session_id"`
		Subscriber string            `json:"subscriber"`
		Via        string            `json:"inside_address,omitempty"`
		At         time.Time         `json:"event_time"`
		Latest     time.Time         `json:"event_time_latest,omitzero"`
		StartedAt  time.Time         `json:"started_at,omitzero"`
		Addresses  []address         `json:"addresses,omitempty"`
		Freed      []address         `json:"given_back,omitempty"`
		Attributes map[string]string `json:"attributes,omitempty"`
	}{
		now.UTC(), reason.Error(), kindNames[ev.Kind], ev.Key.BNG, quarantine.EscapeName(ev.Key.ID), ev.Subscriber, via,
		ev.At.UTC(), ev.Latest.UTC(), ev.StartedAt.UTC(), addresses(ev.Addresses), addresses(ev.Freed), attributes,
	}
}
