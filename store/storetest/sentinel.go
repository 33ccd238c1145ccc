package storetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Sentinel is a master with two replicas that three Sentinels watch over, all
// of a test's own. Its methods fail the test when they cannot do what they say.
type Sentinel struct {
	Name      string   // what the Sentinels call the master
	Nodes     []*Redis // the first is the first master
	Sentinels []*Redis

	t testing.TB
}

// sentinelConfig configures a Sentinel: a master that is silent for 1.5 s
// is down, and who does not finish a failover within 5 s lets another try.
const sentinelConfig = `port %s
bind 127.0.0.1
dir %s
unixsocket %s
sentinel monitor cordon 127.0.0.1 %s 2
sentinel down-after-milliseconds cordon 1500
sentinel failover-timeout cordon 5000
sentinel parallel-syncs cordon 2
`

// StartSentinel starts all six processes, which live as long as the test, and
// waits until every Sentinel knows the others and both replicas. The args are
// for the three data nodes.
func StartSentinel(t testing.TB, args ...string) *Sentinel {
	t.Helper()
	s := &Sentinel{Name: "cordon", t: t}
	args = append([]string{"--repl-diskless-sync-delay", "0"}, args...)
	master := StartRedis(t, args...)
	s.Nodes = append(s.Nodes, master)
	for range 2 {
		s.Nodes = append(s.Nodes, StartRedis(t, append(args, "--replicaof", "127.0.0.1 "+master.port())...))
	}
	for _, replica := range s.Nodes[1:] {
		await(t, "a replica follows", func() bool { return replica.Info("replication")["master_link_status"] == "up" })
	}
	for range 3 {
		s.Sentinels = append(s.Sentinels, startSentinel(t, master))
	}
	await(t, "every Sentinel knows the others and the replicas", s.acquainted)
	return s
}

func startSentinel(t testing.TB, master *Redis) *Redis {
	t.Helper()
	r := newRedis(t)
	file := filepath.Join(r.dir, "sentinel.conf")
	text := fmt.Sprintf(sentinelConfig, r.port(), r.dir, r.Socket, master.port())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil { // it writes there what it learns
		t.Fatal(err)
	}
	r.args = []string{file, "--sentinel"}
	r.Start()
	return r
}

func (s *Sentinel) acquainted() bool {
	for _, sentinel := range s.Sentinels {
		state := s.state(sentinel)
		if state["num-slaves"] != "2" || state["num-other-sentinels"] != "2" || state["flags"] != "master" {
			return false
		}
	}
	return true
}

// state is what a Sentinel says of the master.
func (s *Sentinel) state(sentinel *Redis) map[string]string {
	client := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Addr, Protocol: 2})
	defer client.Close()
	state, err := client.Master(context.Background(), s.Name).Result()
	if err != nil {
		return nil
	}
	return state
}

// Addrs are the Sentinels' addresses.
func (s *Sentinel) Addrs() []string {
	var addrs []string
	for _, sentinel := range s.Sentinels {
		addrs = append(addrs, sentinel.Addr)
	}
	return addrs
}

// Master returns the node that the Sentinels take for the master.
func (s *Sentinel) Master() *Redis {
	s.t.Helper()
	var master *Redis
	await(s.t, "the Sentinels agree on a master", func() bool {
		port := s.state(s.Sentinels[0])["port"]
		for _, sentinel := range s.Sentinels[1:] {
			if s.state(sentinel)["port"] != port {
				return false
			}
		}
		for _, node := range s.Nodes {
			if node.port() == port {
				master = node
			}
		}
		return master != nil
	})
	return master
}

// AwaitFailover waits until another node than old is the master, and returns it.
func (s *Sentinel) AwaitFailover(old *Redis) *Redis {
	s.t.Helper()
	var master *Redis
	await(s.t, "another node is the master", func() bool {
		master = s.Master()
		return master != old && master.Info("replication")["role"] == "master"
	})
	return master
}

// Failover makes the Sentinels give the master's part to a replica although
// nothing is wrong, and returns the new master.
func (s *Sentinel) Failover() *Redis {
	s.t.Helper()
	old := s.Master()
	await(s.t, "a failover is begun", func() bool { // a replica must have replied lately
		answer, err := s.Sentinels[0].ask("SENTINEL", "FAILOVER", s.Name)
		return err == nil && answer == "+OK"
	})
	return s.AwaitFailover(old)
}

// AwaitReplicas waits until n replicas follow the master and have all it has.
func (s *Sentinel) AwaitReplicas(n int) {
	s.t.Helper()
	await(s.t, fmt.Sprintf("%d replicas follow", n), func() bool {
		info := s.Master().Info("replication")
		online := 0
		for i := range len(s.Nodes) {
			replica := info[fmt.Sprintf("slave%d", i)]
			if strings.Contains(replica, "state=online") && strings.Contains(replica, "offset="+info["master_repl_offset"]+",") {
				online++
			}
		}
		return online >= n
	})
}
