// Package prove tries on one line of one BNG what a case would do to a
// subscriber: restrict, verify, restore, verify. What it saw is kept as a record,
// which the configuration asks for before an experimental dialect may enforce.
//
// It is for test lines: no case knows of it, and no limit counts
// it.
package prove
