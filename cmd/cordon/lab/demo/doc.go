// Package demo is "cordon demo": the real server, a Redis, two simulated BNGs with a few
// hundred subscribers, and a story of twelve steps on them over real UDP and the real
// HTTP API.
//
// Each step prints what it observes at the BNG and in the API, and fails if that is not
// as expected. It is no test of the server's parts and no example of how to run it; the
// configuration that it writes is an example of one.
package demo
