// Package httpx is the HTTP server that Cordon's edges are mounted on. It has what is
// the same for all of them: authentication (bearer tokens, scopes), errors as problem
// documents (RFC 9457, translated from domain errors in one place), body and time
// limits, the access log, health and readiness, and the OpenAPI document.
//
// It is not an edge: it serves no domain object, and knows the domain's errors only. It
// never logs or returns a token, and never returns the text of an internal error.
package httpx
