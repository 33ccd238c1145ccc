// Package store keeps Cordon's shared state in Redis: it implements the driven
// ports of package quarantine on go-redis.
//
// Control state (cases, due work, limits, the sender lease, verdict states) lies
// in one hash slot, so that one script changes all that belongs together, on
// Cluster too. Sessions and bindings are many and spread by key. Every key is
// built in keys.go and described in docs/redis.md.
//
// Every write is idempotent or checks what it replaces, so that go-redis may
// repeat one whose answer was lost. Reads go to the master. What is read is
// untrusted: another program may have written it.
//
// The package decides nothing (package quarantine does) but whether its Redis may be
// trusted ([Trust]), is no journal (package store/journal is), and has no goroutine of its own
// but for wake-ups that outlast their caller.
package store
