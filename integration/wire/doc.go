// Package wire is the JSON of Cordon's HTTP API as Go types, one file a noun, each
// field with the sentence that the OpenAPI document shows of it. The server's edges
// (package api and its siblings) fill these types in, the command line, the
// demo and whatever else asks the API read them: there is no second definition.
//
// It also judges, in one place, what an answer means for whoever asked: see
// [Case.Outcome] and [VerdictStatus.Decided].
//
// It is not the domain (package quarantine), which it does not know: the edges
// translate, so that a change inside the domain cannot change the contract. It
// sends nothing, checks nothing that a client sent, and uses the standard library
// alone.
package wire
