// Package bng translates between the domain and RADIUS: accounting records
// become session events, orders become CoA- and Disconnect-Requests of the
// BNG's dialect, and answers become outcomes. It is the only package that knows
// both sides.
//
// It keeps no state but pacing: what should be is decided in quarantine, what a
// platform expects is data in dialect, how a packet travels is coa's.
package bng
