// Package integration is the map of Cordon's edges: the interfaces to people and other
// programs. It has no code.
//
//	wire       the JSON of the HTTP API as types, for the server and its clients
//	httpx      the HTTP server that every edge is mounted on: tokens and scopes,
//	           problem documents, limits, health, the OpenAPI document
//	intake     POST /verdicts, and Submit, for every feed
//	bindings   POST /bindings: port blocks from translators' logs
//	radacct    POST /sessions/import: sessions from another program
//	linecheck  verification by the operator's own program or web service
//	authorize  POST /radius/authorize: restriction at log-in
//	api        cases, manual quarantines, verdicts, sessions, subscribers, BNGs, instances
//	chaos      seeded stories of releases on bad networks
//	e2e        whole-product tests against real parts
//
// An edge translates and nothing else: it decides nothing, keeps no state and uses neither
// Redis nor RADIUS. What it needs of the running engine is a small unexported interface in
// the edge itself. Edges import the domain (package quarantine), httpx and wire, and not
// each other, except that a feed (package feed and one below it for each format; there is
// none yet) calls intake; cmd/cordon/app wires them.
package integration
