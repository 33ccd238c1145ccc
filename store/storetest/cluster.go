package storetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// allSlots is how many hash slots a Cluster has.
const allSlots = 16384

// moveBatch is how many keys of a slot are moved at a time: few, so that a slot
// lies on two nodes for a while.
const moveBatch = 8

// Cluster is a Redis Cluster of a test's own: three masters that share the
// slots evenly. Its methods fail the test when they cannot do what they say;
// none may be called while another one does.
type Cluster struct {
	Nodes []*Redis

	t      testing.TB
	admins []*redis.Client // one a node
	ids    []string        // node ids
	owner  [allSlots]int   // index of the node
}

// StartCluster starts a Cluster that lives as long as the test.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	const nodes = 3
	c := &Cluster{t: t}
	for range nodes {
		c.addNode()
	}
	for n := range nodes {
		first, last := n*allSlots/nodes, (n+1)*allSlots/nodes-1
		c.do(n, "CLUSTER", "ADDSLOTSRANGE", first, last)
		for slot := first; slot <= last; slot++ {
			c.owner[slot] = n
		}
		c.do(n, "CLUSTER", "SET-CONFIG-EPOCH", n+1)
	}
	for n := 1; n < nodes; n++ {
		c.meet(n)
	}
	await(c.t, "every node knows all slots", c.complete)
	return c
}

// addNode starts an empty node that knows no other.
func (c *Cluster) addNode() {
	c.t.Helper()
	node := StartRedis(c.t, "--repl-diskless-sync-delay", "0",
		"--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1", "--cluster-port", freePort(c.t), "--cluster-node-timeout", "5000")
	admin := redis.NewClient(&redis.Options{Addr: node.Addr, Protocol: 2})
	c.t.Cleanup(func() { _ = admin.Close() })
	id, err := admin.Do(context.Background(), "CLUSTER", "MYID").Text()
	if err != nil {
		c.t.Fatal(err)
	}
	c.Nodes, c.admins, c.ids = append(c.Nodes, node), append(c.admins, admin), append(c.ids, id)
}

// meet introduces node n to the first one.
func (c *Cluster) meet(n int) {
	c.t.Helper()
	_, port, err := net.SplitHostPort(c.Nodes[0].Addr)
	if err != nil {
		c.t.Fatal(err)
	}
	bus, err := c.admins[0].ConfigGet(context.Background(), "cluster-port").Result()
	if err != nil {
		c.t.Fatal(err)
	}
	c.do(n, "CLUSTER", "MEET", "127.0.0.1", port, bus["cluster-port"])
}

// complete reports whether every node serves, and knows all nodes and slots.
func (c *Cluster) complete() bool {
	for _, admin := range c.admins {
		text, err := admin.ClusterInfo(context.Background()).Result()
		info := fields(text)
		if err != nil || info["cluster_state"] != "ok" || info["cluster_slots_ok"] != strconv.Itoa(allSlots) ||
			info["cluster_known_nodes"] != strconv.Itoa(len(c.Nodes)) {
			return false
		}
	}
	return true
}

// Addrs are the nodes' addresses.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, node := range c.Nodes {
		addrs = append(addrs, node.Addr)
	}
	return addrs
}

// SlotOf returns the slot of a key.
func (c *Cluster) SlotOf(key string) int {
	c.t.Helper()
	slot, err := c.admins[0].ClusterKeySlot(context.Background(), key).Result()
	if err != nil {
		c.t.Fatal(err)
	}
	return int(slot)
}

// Owner returns the index of the master that serves a slot.
func (c *Cluster) Owner(slot int) int { return c.owner[slot] }

// MoveSlot moves a slot with all its keys to another master while it is served,
// key by key, as redis-cli --cluster reshard does. Meanwhile the slot's keys lie
// on both: clients meet ASK and TRYAGAIN, and MOVED afterwards. Unlike the other
// methods it may be called from any goroutine, so it returns an error.
func (c *Cluster) MoveSlot(slot, to int) error {
	from := c.owner[slot]
	if from == to {
		return nil
	}
	if err := errors.Join(
		c.try(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", c.ids[from]),
		c.try(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", c.ids[to]),
		c.moveKeys(slot, from, to),
		c.try(to, "CLUSTER", "SETSLOT", slot, "NODE", c.ids[to]),
	); err != nil {
		return fmt.Errorf("move slot %d: %w", slot, err)
	}
	// The new owner announces it under a new epoch. Only then are the others set by
	// hand, to end the move: a node that does not know that epoch yet would accept an
	// older announcement again.
	for deadline := time.Now().Add(timeout); !c.agreed(slot, to); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("move slot %d: the nodes do not agree on its owner", slot)
		}
	}
	for n := range c.Nodes {
		if err := c.try(n, "CLUSTER", "SETSLOT", slot, "NODE", c.ids[to]); err != nil {
			return fmt.Errorf("move slot %d: %w", slot, err)
		}
	}
	c.owner[slot] = to
	return nil
}

// agreed reports whether every node takes node owner for the master of a slot.
func (c *Cluster) agreed(slot, owner int) bool {
	for _, admin := range c.admins {
		ranges, err := admin.ClusterSlots(context.Background()).Result() //nolint:staticcheck // ClusterShards omits slots that are being moved
		if err != nil || !slices.ContainsFunc(ranges, func(r redis.ClusterSlot) bool {
			return r.Start <= slot && slot <= r.End && len(r.Nodes) > 0 && r.Nodes[0].ID == c.ids[owner]
		}) {
			return false
		}
	}
	return true
}

// moveKeys moves all keys of a slot, some at a time.
func (c *Cluster) moveKeys(slot, from, to int) error {
	for {
		keys, err := c.admins[from].ClusterGetKeysInSlot(context.Background(), slot, moveBatch).Result()
		if err != nil || len(keys) == 0 {
			return err
		}
		command := []any{"MIGRATE", "127.0.0.1", c.Nodes[to].port(), "", 0, timeout.Milliseconds(), "KEYS"}
		for _, key := range keys {
			command = append(command, key)
		}
		if err := c.try(from, command...); err != nil {
			return err
		}
	}
}

// AddReplica starts a replica of master n and waits until it follows. It
// returns the replica's index.
func (c *Cluster) AddReplica(n int) int {
	c.t.Helper()
	c.addNode()
	replica := len(c.Nodes) - 1
	c.meet(replica)
	await(c.t, "the replica knows the Cluster", c.complete)
	c.do(replica, "CLUSTER", "REPLICATE", c.ids[n])
	await(c.t, "the replica follows", func() bool {
		info := c.Nodes[replica].Info("replication")
		return info["role"] == "slave" && info["master_link_status"] == "up"
	})
	return replica
}

// Promote makes a replica the master of its master's slots, without asking
// anybody (CLUSTER FAILOVER TAKEOVER), and waits until the others know.
func (c *Cluster) Promote(replica, old int) {
	c.t.Helper()
	c.do(replica, "CLUSTER", "FAILOVER", "TAKEOVER")
	for slot := range c.owner {
		if c.owner[slot] == old {
			c.owner[slot] = replica
		}
	}
	await(c.t, "the replica is master", func() bool {
		return c.Nodes[replica].Info("replication")["role"] == "master"
	})
}

func (c *Cluster) do(n int, command ...any) {
	c.t.Helper()
	if err := c.try(n, command...); err != nil {
		c.t.Fatal(err)
	}
}

func (c *Cluster) try(n int, command ...any) error {
	if err := c.admins[n].Do(context.Background(), command...).Err(); err != nil {
		return fmt.Errorf("node %d: %v: %w", n, command, err)
	}
	return nil
}

// await fails the test if something does not come about in time.
func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(timeout); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not happen that %s", what)
		}
	}
}
