// Package demo is "cordon demo": the real server, a Redis, two simulated BNGs
// with a few hundred subscribers, and a story told on them over real UDP and the
// real HTTP API.
//
// Nothing of the story is taken for granted: each step says what it sees at the
// BNG and in the API, and fails, naming itself, if that is not what should be
// seen. It is no test of the server's parts and no example of how to run it; the
// configuration that it writes is an example of one.
package demo
