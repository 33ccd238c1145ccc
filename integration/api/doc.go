// Package api is the part of the HTTP API that people and their tools work
// with: cases and what a person may do to them, manual quarantines, what became
// of a verdict, who held an address, subscribers and BNGs.
//
// It takes no verdicts in (see intake) and decides nothing: commands go to the
// running engine, questions to the ports of the domain. The JSON it shows is
// spelled out in view types here, so that a change inside the domain cannot
// change the contract.
package api
