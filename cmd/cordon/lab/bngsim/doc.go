// Package bngsim puts simulated BNGs (package radiusx/bngsim) on real UDP sockets and
// fills them with subscribers: what "cordon bngsim" runs, and what the demo has
// two of.
//
// It is no part of the server and simulates nothing itself; what a platform does is
// in bngsim.
package bngsim
