// Package bindings ingests port blocks from the logs of address translators (CGN): which
// subscriber, or which address behind the translator, held which ports of a public
// address from when to when. POST /bindings, NDJSON, from whatever pipeline reads those
// logs.
//
// It parses no vendor's log format, and does not look up the subscriber behind an
// address: that is done when a verdict is attributed.
package bindings
