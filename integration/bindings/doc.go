// Package bindings takes in what the logs of translators (CGN) tell: which
// subscriber, or which address behind the translator, had which ports of a
// public address from when to when. One JSON object a line, pushed by whatever
// pipeline reads those logs.
//
// It does not read any maker's log format, and it does not find the
// subscriber: that is done when a verdict is attributed.
package bindings
