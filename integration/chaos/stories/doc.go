// Package stories runs what happens to subscribers on a simulated network, one
// seeded story after the other, and holds the end of each against the promise:
// a release always reaches the network, a standing restriction stands, and
// no other subscriber is touched.
//
// A story is one [testing/synctest] bubble: lab BNGs of random platforms and
// behaviours (radiusx/bngsim) on a wire in memory, the real accounting server,
// one or two real engines with the real enforcer and CoA client, and the
// in-memory store. Its actions (see [actions]) come from a seed, and so do the
// faults of the wire, so that a story which fails is repeated, line for line,
// by its seed. It ends with everything healed, and then the data planes of the
// lab BNGs, not the messages of the product, show whether all is well.
//
// It is no test of attribution (quarantine/quarantinetest/churn is), of Redis or of
// the journal on disk: those have tests of their own.
package stories
