package spool

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cordon/quarantine"
	"cordon/store/journal"
)

// The formats; the kind of a record names its own. Both are gob, which writes the names of
// Go's fields and skips those that are not there any more.
const (
	formatOne journal.Kind = iota + 1 // SessionEvent.Observed was called Shown
	formatTwo                         // what is written
)

// entryEvents is how many events go into one record: enough to share its fixed
// cost, and far from journal.MaxPayload, for an event comes from a packet of at
// most 4096 octets (RFC 2866 section 3).
const entryEvents = 64

// encode writes events as entries of one batch.
func encode(events []quarantine.SessionEvent) ([]journal.Entry, error) {
	var entries []journal.Entry
	for len(events) > 0 {
		part := events[:min(entryEvents, len(events))]
		events = events[len(part):]
		var payload bytes.Buffer
		if err := gob.NewEncoder(&payload).Encode(part); err != nil {
			return nil, fmt.Errorf("encode events: %w", err)
		}
		entries = append(entries, journal.Entry{Kind: formatTwo, Key: keyOf(part), Payload: payload.Bytes()})
	}
	return entries, nil
}

// size is what entries take on disk, at most.
func size(entries []journal.Entry) (octets int64) {
	for _, e := range entries {
		octets += int64(len(e.Key) + len(e.Payload) + 144)
	}
	return octets
}

// keyOf is what must be known of a record without decoding it.
func keyOf(events []quarantine.SessionEvent) string {
	oldest := events[0].At
	for _, ev := range events[1:] {
		if ev.At.Before(oldest) {
			oldest = ev.At
		}
	}
	return strconv.FormatInt(oldest.UnixMilli(), 36) + "." + strconv.Itoa(len(events))
}

// ErrFormat says that what is in the spool was written by another version.
var ErrFormat = errors.New("unknown format of a spooled record")

func parseKey(r journal.Record) (oldest time.Time, events int, err error) {
	at, n, _ := strings.Cut(r.Key, ".")
	ms, errAt := strconv.ParseInt(at, 36, 64)
	events, errEvents := strconv.Atoi(n)
	if !known(r.Kind) || errAt != nil || errEvents != nil || events < 1 {
		return time.Time{}, 0, fmt.Errorf("%w: record %d, kind %d, key %q", ErrFormat, r.Seq, r.Kind, r.Key)
	}
	return time.UnixMilli(ms), events, nil
}

func decode(r journal.Record) ([]quarantine.SessionEvent, error) {
	var events []quarantine.SessionEvent
	if !known(r.Kind) {
		return nil, fmt.Errorf("%w: record %d, kind %d", ErrFormat, r.Seq, r.Kind)
	}
	if err := gob.NewDecoder(bytes.NewReader(r.Payload)).Decode(&events); err != nil {
		return nil, fmt.Errorf("decode spooled record %d: %w", r.Seq, err)
	}
	return events, readRenamed(r, events)
}

func known(format journal.Kind) bool { return format == formatOne || format == formatTwo }

// readRenamed reads what an earlier format had under another name.
func readRenamed(r journal.Record, events []quarantine.SessionEvent) error {
	if r.Kind != formatOne {
		return nil
	}
	var former []struct{ Shown []quarantine.Attribute }
	if err := gob.NewDecoder(bytes.NewReader(r.Payload)).Decode(&former); err != nil {
		return fmt.Errorf("decode spooled record %d of an earlier build: %w", r.Seq, err)
	}
	for i := range former {
		events[i].Observed = former[i].Shown
	}
	return nil
}
