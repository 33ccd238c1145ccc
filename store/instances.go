package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// PublishInstance implements quarantine.InstanceRegistry.
func (s *Store) PublishInstance(ctx context.Context, i quarantine.Instance, returning bool, keep time.Duration) (time.Time, error) {
	if i.ID == "" || keep < time.Millisecond {
		return time.Time{}, fmt.Errorf("publish instance: id %q must not be empty, keep %s must be at least 1 ms", i.ID, keep)
	}
	text, err := encodeInstance(i)
	if err != nil {
		return time.Time{}, err
	}
	flag := "0"
	if returning {
		flag = "1"
	}
	answer, err := s.onInstances(ctx, publishScript, i.ID, text, flag, strconv.FormatInt(keep.Milliseconds(), 10)).Text()
	if err != nil {
		return time.Time{}, fmt.Errorf("publish instance: %w", err)
	}
	return parseMilli(answer)
}

// Instances implements quarantine.InstanceRegistry. One that does not decode is
// an error for all: to pass it over would judge without its accounting.
func (s *Store) Instances(ctx context.Context) ([]quarantine.Instance, time.Time, error) {
	answer, err := s.onInstances(ctx, instancesScript).Slice()
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read the instances: %w", err)
	}
	if len(answer) != 3 {
		return nil, time.Time{}, unexpected("instances", answer)
	}
	clock, _ := answer[0].(string)
	now, err := parseMilli(clock)
	if err != nil {
		return nil, time.Time{}, err
	}
	went := fields(answer[2])
	all := []quarantine.Instance{}
	for id, text := range fields(answer[1]) {
		i, err := decodeInstance(id, text, went[id])
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("%s: instance %q: %w", s.keys.instances(), id, err)
		}
		all = append(all, i)
	}
	return all, now, nil
}

// DepartInstance implements quarantine.InstanceDepartures.
func (s *Store) DepartInstance(ctx context.Context, id string, d quarantine.Departure) (quarantine.Instance, error) {
	silent := time.Duration(0)
	if d.Kind == quarantine.InstanceForgotten {
		silent = quarantine.InstanceSilentAfter
	}
	text, err := json.Marshal(d)
	if err != nil {
		return quarantine.Instance{}, fmt.Errorf("note that instance %s departed: %w", id, err)
	}
	answer, err := s.onInstances(ctx, departScript, id, text, strconv.FormatInt(silent.Milliseconds(), 10)).StringSlice()
	switch {
	case err != nil:
		return quarantine.Instance{}, fmt.Errorf("note that instance %s departed: %w", id, err)
	case len(answer) == 1 && answer[0] == "unknown":
		return quarantine.Instance{}, quarantine.ErrNoInstance
	case len(answer) == 1 && answer[0] == "up":
		return quarantine.Instance{}, quarantine.ErrInstanceUp
	case len(answer) != 2:
		return quarantine.Instance{}, unexpected("depart", answer)
	}
	return decodeInstance(id, answer[0], answer[1])
}

// RestoreInstance implements quarantine.InstanceDepartures.
func (s *Store) RestoreInstance(ctx context.Context, i quarantine.Instance) error {
	if i.ID == "" {
		return errors.New("restore instance: its id must not be empty")
	}
	text, err := encodeInstance(i)
	if err != nil {
		return err
	}
	at, how := "", []byte{}
	if i.Departure != nil {
		if how, err = json.Marshal(i.Departure); err != nil {
			return fmt.Errorf("restore instance %s: %w", i.ID, err)
		}
		at = ms(i.Departure.At)
	}
	if err := s.onInstances(ctx, restoreScript, i.ID, ms(i.SpokeAt), ms(i.AloneSince), text, at, how).Err(); err != nil {
		return fmt.Errorf("restore instance %s: %w", i.ID, err)
	}
	return nil
}

// forgottenKind is how a departure of the kind that reachable.lua undoes is written.
const forgottenKind = `"kind":"` + string(quarantine.InstanceForgotten) + `"`

// MarkReachable implements quarantine.InstanceDepartures.
func (s *Store) MarkReachable(ctx context.Context, id string) error {
	if err := s.onInstances(ctx, reachableScript, id, forgottenKind).Err(); err != nil {
		return fmt.Errorf("mark instance %s as reachable: %w", id, err)
	}
	return nil
}

// encodeInstance writes the instance's own state; the rest is the registry's.
func encodeInstance(i quarantine.Instance) ([]byte, error) {
	i.Complete = time.UnixMilli(i.Complete.UnixMilli()).UTC() // never rounded up
	i.SpokeAt, i.AloneSince, i.ReachedAt, i.Departure = time.Time{}, time.Time{}, time.Time{}, nil
	text, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("encode instance %s: %w", i.ID, err)
	}
	return text, nil
}

// decodeInstance reads a value of the registry and, if it is not empty, one about
// its departure.
func decodeInstance(id, text, went string) (i quarantine.Instance, err error) {
	published, rest, _ := strings.Cut(text, ":")
	alone, state, _ := strings.Cut(rest, ":")
	if err = json.Unmarshal([]byte(state), &i); err != nil {
		return i, fmt.Errorf("does not decode: %w", err)
	}
	i.ID, i.ReachedAt, i.Departure = id, time.Time{}, nil
	if i.ReachedAt, err = reachedIn(state); err != nil {
		return i, err
	}
	if i.SpokeAt, err = parseMilli(published); err != nil {
		return i, err
	}
	if i.AloneSince, err = parseMilli(alone); err != nil || went == "" {
		return i, err
	}
	at, how, _ := strings.Cut(went, ":")
	var d quarantine.Departure
	if err = json.Unmarshal([]byte(how), &d); err != nil {
		return i, fmt.Errorf("its departure does not decode: %w", err)
	}
	d.At, err = parseMilli(at)
	i.Departure = &d
	return i, err
}

// reachedIn reads what reachable.lua puts in front of an instance's state; zero: nothing.
func reachedIn(state string) (time.Time, error) {
	rest, reached := strings.CutPrefix(state, `{"heard":`)
	if !reached {
		return time.Time{}, nil
	}
	at, _, _ := strings.Cut(rest, ",")
	return parseMilli(at)
}

func parseMilli(text string) (time.Time, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("invalid time in ms: %w", err)
	}
	return fromMilli(n), nil
}

// fields reads what HGETALL answers within a script's answer.
func fields(answer any) map[string]string {
	flat, _ := answer.([]any)
	pairs := map[string]string{}
	for i := 0; i+1 < len(flat); i += 2 {
		name, _ := flat[i].(string)
		pairs[name], _ = flat[i+1].(string)
	}
	return pairs
}

// onInstances runs one of the registry's scripts.
func (s *Store) onInstances(ctx context.Context, script *redis.Script, args ...any) *redis.Cmd {
	c := &call{script: script, keys: []string{s.keys.instances(), s.keys.instancesGone()}, args: args}
	s.run(ctx, []*call{c})
	return c.cmd
}
