// Package bngsim simulates a broadband gateway: sessions with IPv4 and IPv6,
// accounting to a server with retransmission until it is answered (RFC 2866),
// and a dynamic authorization server (RFC 5176) that checks what it receives,
// finds the session by every identifier given, changes what it shows of the
// session and answers with ACK or NAK. It takes after the platforms that Cordon has
// dialects for (see [Platform]), departs from them by named quirks of real gear (see
// [Quirks]), and can be made to misbehave on the wire (see [Faults]). A [Wire]
// joins several of them in memory, for tests about time.
//
// It forwards no traffic, authenticates nobody and is no reference for how any
// vendor's product behaves: it does what the documents and sources named beside
// each platform say, and where they say nothing RFC 5176 or an assumption. It is
// independent of the packages it helps to test: no client
// code is shared with coa or acct, only the codec and the attribute dictionary.
package bngsim
