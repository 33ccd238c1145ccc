// Package wire is the JSON of Cordon's HTTP API as Go types, one file a noun, each
// field with its description in the OpenAPI document. The server's edges (package api
// and its siblings) encode these types; the command line, the demo and other clients
// decode them. There is no second definition.
//
// Whether a request is done is judged here too, once for every client: see
// [Case.Outcome], [VerdictStatus.Decided] and [ReadDeferred].
//
// It is not the domain (package quarantine), which it does not import: the edges
// translate, so that a change inside the domain cannot change the contract. It sends
// nothing, validates nothing, and uses the standard library alone.
package wire
