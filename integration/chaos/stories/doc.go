// Package stories tells what happens to subscribers on a simulated network, one
// seeded story after the other, and holds the end of each against the promise:
// a release always reaches the network, a standing restriction stands, and
// nobody else is touched.
//
// A story is one [testing/synctest] bubble: lab BNGs of random makes and
// behaviours (radiusx/bngsim) on a wire in memory, the real accounting server,
// one or two real engines with the real enforcer and CoA client, and the
// in-memory store. Its actions (see [deeds]) come from a seed, and so do the
// faults of the wire, so that a story which fails is told again, word for word,
// by its number. It ends with everything healed, and then the data planes of the
// lab BNGs, not the words of the product, say whether all is well.
//
// It is no test of attribution (quarantine/quarantinetest/churn is), of Redis or of
// the log on disk: those have tests of their own.
package stories
