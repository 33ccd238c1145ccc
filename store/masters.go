package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
	History string `json:"h"`
	// Sync is how what it acknowledges reaches its disk, when it was asked last.
	Sync diskSync `json:"f,omitempty"`
	// Before is when the process before it at its place was confirmed last, as far
	// as this one's data say, ms; 0: there was none, or nothing can be lost with it.
	Before   int64  `json:"b,omitempty"`
	followed string // master_replid2; only of a master that was asked just now
	// began is the latest moment, by our clock, at which the process can have been
	// started; only of a master that was asked just now. Zero: not known.
	began time.Time
	// repliedAt is when it gave its last answer that is known of; only of one that was
	// met before. Zero: not known.
	repliedAt time.Time
}

// diskSync is how a server syncs its append-only file.
type diskSync string

// The ways that matter. Everything else, and what could not be asked, is
// syncUnknown.
const (
	syncUnknown diskSync = ""
	// syncAlways: before a write is acknowledged. A crash loses nothing.
	syncAlways diskSync = "always"
	// syncEverySecond: a crash loses a second, or more if the disk is slow.
	syncEverySecond diskSync = "everysec"
)

// syncOf reads the settings. With no-appendfsync-on-rewrite a server does not
// sync while it rewrites its file, whatever appendfsync says.
func syncOf(config map[string]string) diskSync {
	switch {
	case config["appendonly"] != "yes":
		return syncUnknown
	case config["appendfsync"] == "always" && config["no-appendfsync-on-rewrite"] == "no":
		return syncAlways
	case config["appendfsync"] == "always", config["appendfsync"] == "everysec":
		return syncEverySecond
	}
	return syncUnknown
}

// noHistory is what a server that never was a replica has followed.
const noHistory = "0000000000000000000000000000000000000000"

// isStill reports whether now is the master that m was, without having been a
// replica in between: the same process, or one started again at the same place. A
// process that was running already when m gave its last answer is another server,
// to which the address has gone over.
func (m master) isStill(now master) bool {
	sameProcess := now.RunID == m.RunID
	if !sameProcess && !now.began.IsZero() && now.began.Before(m.repliedAt) {
		return false
	}
	samePlace := sameProcess || slices.ContainsFunc(now.Addrs, func(a string) bool { return slices.Contains(m.Addrs, a) })
	// A master that starts from its own snapshot takes its history for one it followed.
	fromSnapshot := !sameProcess && now.followed == m.History
	promoted := now.History != m.History && now.followed != noHistory && !fromSnapshot
	return samePlace && !promoted
}

// restarted returns the master of seen that is another process at the place of
// m; false if there is none, as if m itself is still there.
func (m master) restarted(seen []master) (master, bool) {
	if slices.ContainsFunc(seen, func(n master) bool { return n.RunID == m.RunID }) {
		return master{}, false
	}
	i := slices.IndexFunc(seen, m.isStill)
	if i < 0 {
		return master{}, false
	}
	return seen[i], true
}

// replaced reports whether m is not among seen, nor a process that was started again
// at its place.
func (m master) replaced(seen []master) bool { return !slices.ContainsFunc(seen, m.isStill) }

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

// confirmEvery is how often the masters are published although nothing has changed.
const confirmEvery = time.Second

// watch is what this instance knows of the masters.
type watch struct {
	mu   sync.Mutex // guards what follows, and lets one ask at a time
	own  witness    // publishedAt is zero until it was written once
	gaps []quarantine.Gap
}

// Gaps implements quarantine.Continuity. It asks every master who it is. What
// it learns is written at least once a second that it is asked: a master that has
// lost its replicas and refuses writes (min-replicas-to-write) is not trusted any
// longer then.
func (s *Store) Gaps(ctx context.Context) ([]quarantine.Gap, error) {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	seen, err := s.masters(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask redis who it is: %w", err)
	}
	now := s.cfg.Now()
	w := &s.watch
	anew := anyRestarted(w.own.lastMet, seen) // a failover too
	if anew {
		s.written.forget()
	}
	changed := anew || anyNew(w.own.lastMet, seen) || w.own.lateReplies()
	if !w.own.publishedAt.IsZero() && now.Sub(w.own.publishedAt).Abs() < confirmEvery && !changed {
		return slices.Clone(w.gaps), nil
	}
	for range casAttempts {
		next, lost, written, err := s.publishMasters(ctx, seen, now)
		if err != nil {
			return nil, fmt.Errorf("publish who is master: %w", err)
		}
		if written {
			w.own.lastMet, w.own.publishedAt, w.own.lost, w.gaps = next.Masters, now, lost, next.gaps()
			return slices.Clone(w.gaps), nil
		}
	}
	return nil, fmt.Errorf("publish who is master: %w", errContendedMasters)
}

// anyRestarted reports whether a master is another process than any before, and
// may have lost what was written last.
func anyRestarted(before, now []master) bool {
	return slices.ContainsFunc(now, func(n master) bool {
		return !slices.ContainsFunc(before, func(b master) bool { return b.RunID == n.RunID })
	})
}

// lateReplies reports whether an answer of a process that was left has been read since
// its gap was published: one that had come in before it crashed, or one of a server
// that goes on answering connections which it had before another one took its place.
func (w *witness) lateReplies() bool {
	return slices.ContainsFunc(w.lost, func(l loss) bool {
		at, ok := w.lastReply(l.old.RunID)
		return ok && at.Add(quarantine.ClocksDiffer).After(l.until)
	})
}

var errContendedMasters = errors.New("others change it without a pause")

// publishMasters writes what follows from seen; false if somebody else wrote
// meanwhile.
func (s *Store) publishMasters(ctx context.Context, seen []master, now time.Time) (continuity, []loss, bool, error) {
	key := s.keys.masters()
	raw, err := s.client.Get(ctx, key).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return continuity{}, nil, false, err
	}
	var stored continuity
	if raw != "" {
		if err := json.Unmarshal([]byte(raw), &stored); err != nil {
			return stored, nil, false, fmt.Errorf("%s does not decode: %w", key, err)
		}
	}
	next, lost := stored.next(s.watch.own, seen, now, now.Add(-s.cfg.Idle))
	text, err := json.Marshal(next)
	if err != nil {
		return stored, nil, false, err
	}
	c := &call{script: replaceScript, keys: []string{key}, args: []any{raw, text, ttl(s.cfg.Idle)}}
	s.run(ctx, []*call{c})
	written, err := c.cmd.Int()
	return next, lost, written == 1, err
}

// masters asks every master who it is. A server that turns out to be a replica
// is an error: a failover is going on.
func (s *Store) masters(ctx context.Context) ([]master, error) {
	if s.cfg.Without&Identity != 0 {
		return []master{{RunID: "unidentified", followed: noHistory}}, s.client.Ping(ctx).Err()
	}
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		m, err := identify(ctx, s.client, s.cfg.Now)
		return []master{m}, err
	}
	var mu sync.Mutex // guards seen: masters are asked at the same time
	var seen []master
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		m, err := identify(ctx, node, s.cfg.Now)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, m)
		return err
	})
	slices.SortFunc(seen, func(a, b master) int { return strings.Compare(a.RunID, b.RunID) })
	return seen, err
}

var errReplica = errors.New("it is a replica: a failover is going on")

// identify asks one server, on one connection.
func identify(ctx context.Context, node redis.Cmdable, clock func() time.Time) (master, error) {
	p := node.Pipeline()
	server := p.Info(ctx, "server") // first: answered is after that
	replication := p.Info(ctx, "replication")
	client := p.Do(ctx, "CLIENT", "INFO")
	config := p.Do(ctx, "CONFIG", "GET", "appendonly", "appendfsync", "no-appendfsync-on-rewrite")
	_, _ = p.Exec(ctx) // each command carries its own error
	answered := clock()
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
	ran, err := uptime(is)
	if err != nil {
		return master{}, err
	}
	return master{
		Addrs: []string{addr}, RunID: is["run_id"], History: is["master_replid"], followed: is["master_replid2"],
		began: answered.Add(-ran), Sync: syncOf(settings(config)),
	}, nil
}

// uptime is for how long a server has been running at least, by its own clock, as
// its INFO says. Redis notes the whole second of its start, and counts whole
// seconds from there to the one that it is.
func uptime(info map[string]string) (time.Duration, error) {
	seconds, err := strconv.ParseInt(info["uptime_in_seconds"], 10, 32)
	if err != nil {
		return 0, errors.New("it does not say its uptime_in_seconds")
	}
	micros, _ := strconv.ParseInt(info["server_time_usec"], 10, 64) // 0 if it does not say that
	within := time.Duration(micros%int64(time.Second/time.Microsecond)) * time.Microsecond
	return time.Duration(seconds-1)*time.Second + within, nil
}

// settings reads the answer to CONFIG GET; what may not be asked is empty.
func settings(answer *redis.Cmd) map[string]string {
	words, err := answer.StringSlice()
	if err != nil {
		return nil
	}
	found := map[string]string{}
	for i := 0; i+1 < len(words); i += 2 {
		found[words[i]] = words[i+1]
	}
	return found
}
