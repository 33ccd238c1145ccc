// Package bench measures CoA exchanges: Cordon's client against any responder,
// and beside it, against the same one and with the same window, a bare UDP
// socket, layeh.com/radius' client and radclient.
//
// It measures accounting too: "cordon serve" beside FreeRADIUS with
// rlm_rediswho, both in front of the same redis-server and under the same load,
// what sessions take in Redis, and what look-ups cost. Beside that it
// measures how right attribution is in simulated networks.
//
// It is no test: nothing here passes or fails by the clock. It is no load
// generator for a BNG in service either, for it paces nothing.
package bench
