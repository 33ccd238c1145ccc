// Package api is the part of the HTTP API for people and their tools: cases and
// decisions about them, manual quarantines, the state of verdicts, who held an
// address, subscribers, BNGs and instances.
//
// It accepts no verdicts (see package intake) and decides nothing: decisions go to the
// running engine, queries to the ports of the domain. It translates between the domain
// and the JSON of package wire, one file a noun.
package api
