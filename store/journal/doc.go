// Package journal is a write-ahead log: an append-only, hash-chained file store whose
// records survive any crash once Append has returned. Cordon keeps one per host.
//
// It knows nothing of what its records mean: a record is a kind, a key and
// octets. It is not a database (there is no index; callers rebuild theirs with
// Replay), not replicated (a lost disk loses it), and no protection against a person
// who may write to the directory: he can cut off the newest records or rewrite
// the whole chain. What the chain shows is any change in the middle; whoever
// keeps Report.Head somewhere else can see a cut or a rewrite too.
//
// # Directory
//
//	lock                      flock'd by the one process that may append, and names it
//	id                        random identity of this journal, 32 hexadecimal digits
//	reserve                   space kept for reserved records when the disk is full
//	00000000000000000001.log  segment, named after its first sequence number
//
// Names ending in .tmp are unfinished and removed by Open. Other files are
// left alone. Everything is readable by the owner only.
//
// # Segment
//
// Integers are little-endian. A segment is a header of 104 octets, then
// records, each starting at a multiple of 8.
//
//	  0  8  magic "CORDONJL"
//	  8  4  version, 1
//	 12  4  zero
//	 16 16  journal id
//	 32  8  mark: random, starts every record of this segment
//	 40  8  sequence number of the first record
//	 48  8  created, nanoseconds since 1970 (signed)
//	 56  8  octets of the checkpoint: records that follow the header
//	 64 32  digest of the last record of the segment before; zero in the first
//	 96  4  zero
//	100  4  CRC32C of octets 0 to 99
//
// A segment is created whole: header and checkpoint are written under a temporary
// name, synced, renamed, and the directory is synced.
//
// # Record
//
//	  0  8  mark of the segment
//	  8  8  "LIVE    " or "ERASED  "
//	 16  4  CRC32C of octets 20 to the end of the key
//	 20  4  payload length, at most 1 MiB
//	 24  4  records of the same batch that still follow
//	 28  1  kind, 1 to 255
//	 29  1  flags: 1 checkpoint, 2 reserved
//	 30  1  key length
//	 31  1  key length, all bits inverted
//	 32  8  sequence number
//	 40  8  group: all records before this sequence number were synced
//	        before this record was written
//	 48  8  time, nanoseconds since 1970 (signed)
//	 56 32  digest of the record before
//	 88 32  payload digest: SHA-256 of salt and payload
//	120  …  key, salt (16 random octets), payload, zeros up to a multiple of 8
//
// A record's digest is the SHA-256 of octets 20 to the end of its key. As that
// holds the digest before and the payload digest, the records form a chain, and
// a payload can be erased without breaking it. The salt makes the digest of an
// erased payload useless for guessing what it was. Keys stay: put no personal
// data into them. The payload needs no CRC of its own; its digest is checked
// whenever it is read.
//
// # What a crash leaves
//
// One Append is one batch and one batch is never split over segments. A reader
// takes a batch only when its last record (0 still following) is good, so a
// torn batch is dropped whole. Damage in the newest segment counts as a torn
// tail only if no later good record says, by its group, that the damaged one
// had been synced; all other damage is reported and never skipped. A bit that
// flips in the very last sync group looks like a torn write: Open drops that
// group and Recovery says so, with Cut false.
//
// The mark is what the search for later records looks for. It is random, so no
// payload can imitate a record.
package journal
