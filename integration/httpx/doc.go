// Package httpx is the HTTP server that Cordon's edges are mounted on. It owns
// what must be the same for all of them: who may call (bearer tokens, scopes),
// how errors are written (RFC 9457, translated from domain errors in one
// place), body and time limits, the access log, health and readiness, and the
// OpenAPI document.
//
// It is not an edge: it serves no domain object, and knows the domain only as
// far as its errors must be told to a client. It never logs or answers with a
// token, and never passes the text of an internal error to a client.
package httpx
