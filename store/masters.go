package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// master is a server that answered as a master, as Redis keeps it in
// cordon:{c}:masters.
type master struct {
	// Addrs are where it listens, as it says itself; several if instances reach
	// it by several ways.
	Addrs []string `json:"a"`
	RunID string   `json:"r"` // changes with every start of the process
	// History is what it calls its data (master_replid). A replica that is
	// promoted gives it a new name and remembers the one it followed.
	History  string `json:"h"`
	followed string // master_replid2; only of a master that was asked just now
}

// noHistory is what a server that never was a replica has followed.
const noHistory = "0000000000000000000000000000000000000000"

// isStill reports whether now is the master that m was, without having been a
// replica in between: the same process, or one started again at the same place.
func (m master) isStill(now master) bool {
	sameProcess := now.RunID == m.RunID
	samePlace := sameProcess || slices.ContainsFunc(now.Addrs, func(a string) bool { return slices.Contains(m.Addrs, a) })
	// A master that starts from its own snapshot takes its history for one it followed.
	fromSnapshot := !sameProcess && now.followed == m.History
	promoted := now.History != m.History && now.followed != noHistory && !fromSnapshot
	return samePlace && !promoted
}

// maxAddrs bounds the addresses remembered of one server.
const maxAddrs = 8

// withAddrs adds addresses under which the same server was met before.
func (m master) withAddrs(before []master) master {
	for _, b := range before {
		if b.isStill(m) {
			m.Addrs = append(slices.Clone(m.Addrs), b.Addrs...)
		}
	}
	slices.Sort(m.Addrs)
	m.Addrs = slices.Compact(m.Addrs)
	m.Addrs = m.Addrs[:min(len(m.Addrs), maxAddrs)]
	return m
}

// anyNew reports whether some master of now was none before.
func anyNew(before, now []master) bool {
	return slices.ContainsFunc(now, func(n master) bool {
		return !slices.ContainsFunc(before, func(b master) bool { return b.isStill(n) })
	})
}

// continuity is what instances tell each other about masters. The newest word
// that reached the present master stands, so it also tells up to when the
// present master has everything.
type continuity struct {
	At      int64      `json:"at"` // when an instance confirmed the masters last, ms
	Masters []master   `json:"m"`
	Gaps    [][2]int64 `json:"g,omitempty"` // from, to, ms
}

// next is what to tell after the masters now were met. known are those that
// this instance has met before, none after its start: another instance may have
// told of a failover long before this one meets it, and this one has written to
// the old master until now.
func (c continuity) next(known, seen []master, now time.Time, forget time.Time) continuity {
	gaps := c.gaps()
	if len(c.Masters) > 0 && anyNew(c.Masters, seen) || len(known) > 0 && anyNew(known, seen) {
		confirmed := now
		if c.At > 0 {
			confirmed = fromMilli(c.At)
		}
		gaps = quarantine.AddGap(gaps, quarantine.FailoverGap(confirmed, now), forget)
	}
	n := continuity{At: now.UnixMilli()}
	for _, m := range seen {
		n.Masters = append(n.Masters, m.withAddrs(c.Masters))
	}
	for _, g := range gaps {
		if !g.To.Before(forget) {
			n.Gaps = append(n.Gaps, [2]int64{g.From.UnixMilli(), g.To.UnixMilli()})
		}
	}
	return n
}

func (c continuity) gaps() []quarantine.Gap {
	gaps := make([]quarantine.Gap, 0, len(c.Gaps))
	for _, g := range c.Gaps {
		gaps = append(gaps, quarantine.Gap{From: fromMilli(g[0]), To: fromMilli(g[1])})
	}
	return gaps
}

// confirmEvery is how often the masters are told although nothing has changed.
const confirmEvery = time.Second

// watch is what this instance knows of the masters.
type watch struct {
	mu    sync.Mutex // guards what follows, and lets one ask at a time
	known []master
	told  time.Time // when it was written last; zero: never
	gaps  []quarantine.Gap
}

// Gaps implements quarantine.Continuity. It asks every master who it is. What
// it learns is written at least once a second that it is asked: a master that
// has lost its replicas and refuses writes (min-replicas-to-write) is no longer
// believed then.
func (s *Store) Gaps(ctx context.Context) ([]quarantine.Gap, error) {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	seen, err := s.masters(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask redis who it is: %w", err)
	}
	now := s.cfg.Now()
	w := &s.watch
	if startedAnew(w.known, seen) {
		s.known.forget()
	}
	if !w.told.IsZero() && now.Sub(w.told).Abs() < confirmEvery && !anyNew(w.known, seen) {
		return slices.Clone(w.gaps), nil
	}
	for range casAttempts {
		next, written, err := s.tell(ctx, seen, now)
		if err != nil {
			return nil, fmt.Errorf("tell who is master: %w", err)
		}
		if written {
			w.known, w.told, w.gaps = next.Masters, now, next.gaps()
			return slices.Clone(w.gaps), nil
		}
	}
	return nil, fmt.Errorf("tell who is master: %w", errBusyMasters)
}

// startedAnew reports whether a master is another process than any before, and
// may have lost what was written last.
func startedAnew(before, now []master) bool {
	return slices.ContainsFunc(now, func(n master) bool {
		return !slices.ContainsFunc(before, func(b master) bool { return b.RunID == n.RunID })
	})
}

var errBusyMasters = errors.New("others change it without pause")

// tell writes what follows from seen; false if somebody else wrote meanwhile.
func (s *Store) tell(ctx context.Context, seen []master, now time.Time) (continuity, bool, error) {
	key := s.keys.masters()
	raw, err := s.client.Get(ctx, key).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return continuity{}, false, err
	}
	var stored continuity
	if raw != "" {
		if err := json.Unmarshal([]byte(raw), &stored); err != nil {
			return stored, false, fmt.Errorf("%s does not decode: %w", key, err)
		}
	}
	next := stored.next(s.watch.known, seen, now, now.Add(-s.cfg.History))
	text, err := json.Marshal(next)
	if err != nil {
		return stored, false, err
	}
	c := &call{script: replaceScript, keys: []string{key}, args: []any{raw, text, ttl(s.cfg.Idle)}}
	s.run(ctx, []*call{c})
	written, err := c.cmd.Int()
	return next, written == 1, err
}

// masters asks every master who it is. A server that turns out to be a replica
// is an error: a failover is going on.
func (s *Store) masters(ctx context.Context) ([]master, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		m, err := whoIs(ctx, s.client)
		return []master{m}, err
	}
	var mu sync.Mutex // guards seen: masters are asked at the same time
	var seen []master
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		m, err := whoIs(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, m)
		return err
	})
	slices.SortFunc(seen, func(a, b master) int { return strings.Compare(a.RunID, b.RunID) })
	return seen, err
}

var errReplica = errors.New("it is a replica: a failover is going on")

// whoIs asks one server, on one connection.
func whoIs(ctx context.Context, node redis.Cmdable) (master, error) {
	p := node.Pipeline()
	server := p.Info(ctx, "server")
	replication := p.Info(ctx, "replication")
	client := p.Do(ctx, "CLIENT", "INFO")
	_, _ = p.Exec(ctx) // each command carries its own error
	if redis.HasErrorPrefix(server.Err(), "section (server) is not supported") {
		return master{RunID: "miniredis", followed: noHistory}, nil // it has no replicas
	}
	text, err := client.Text()
	if err := errors.Join(server.Err(), replication.Err(), err); err != nil {
		return master{}, err
	}
	is := parseInfo(server.Val() + "\r\n" + replication.Val())
	if is["role"] != "master" {
		return master{}, errReplica
	}
	_, addr, _ := strings.Cut(text, " laddr=")
	addr, _, _ = strings.Cut(addr, " ")
	if is["run_id"] == "" || is["master_replid"] == "" || is["master_replid2"] == "" || addr == "" {
		return master{}, errors.New("it does not say its run_id, master_replid or laddr")
	}
	return master{Addrs: []string{addr}, RunID: is["run_id"], History: is["master_replid"], followed: is["master_replid2"]}, nil
}
