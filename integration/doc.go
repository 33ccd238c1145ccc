// Package integration is the map of Cordon's edges: everything that talks to
// people and to other programs over HTTP, mail or files. It holds no code.
//
//	wire       the JSON of the API as types, for the server and its clients
//	httpx      the HTTP server every edge is mounted on: tokens and scopes,
//	           problem documents, limits, health, the OpenAPI document
//	intake     POST /verdicts, and the one way in that every feed uses
//	feed       one folder a format (xarf, arf, …) that turns other programs'
//	           reports into verdicts and hands them to intake
//	bindings   POST /bindings: port blocks from translators' logs
//	radacct    POST /sessions/import: sessions that another program kept
//	linecheck  asks the operator's own program what is in force on a line
//	authorize  POST /radius/authorize: what an AAA server is told at log-in
//	api        cases, manual quarantines, sessions, subscribers, BNGs
//	e2e        whole-product tests against real parts
//
// An edge translates and nothing else: it decides nothing, keeps no state and
// never speaks to Redis or RADIUS. What it needs of the running engine is a
// small unexported interface in the edge itself. Edges know the domain
// (package quarantine), httpx and wire, and never each other, but that a feed hands
// what it has read to intake; cmd/cordon/app introduces them.
package integration
