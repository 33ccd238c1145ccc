// Package coa is the dynamic-authorization client of RFC 5176: it sends one
// CoA-Request or Disconnect-Request to a BNG, again and again as RFC 5080
// prescribes, and says what came of it.
//
// [Client.Do] is one exchange. Its outcome is a [Result]: the BNG agreed
// ([ACK]), refused ([NAK], usually with an Error-Cause that [Dispose] turns into
// what to do next), or sent no valid reply ([Unanswered]). None
// of the three is an error; an error means that the outcome could not be found
// out.
//
// What the client keeps to:
//
//   - A retransmission is the same octets from the same port: a BNG recognises
//     duplicates by source address, source port and identifier (RFC 5176
//     section 2.3, RFC 5080 section 2.2.2).
//   - An identifier rests for 300 s before it is used again towards the same
//     BNG from the same port, as far as the pool of ports allows (RFC 5176
//     section 6.3).
//   - A datagram is an answer only if peer, identifier, code, Response
//     Authenticator and Message-Authenticator fit. Everything else is counted
//     and the exchange goes on as if it had not come. ICMP errors and local
//     write errors are hints, never outcomes.
//   - No packet leaves that [Client.Do] was not asked for, and none after it
//     has returned: Do first withdraws what still waits to be sent, and waits
//     for the end of the system call (which itself never waits) that has it.
//
// It is not a session lookup, a dialect (what to write into a request for a
// given platform), a pacer or a circuit breaker, and it keeps nothing over a
// restart. It does not run layeh.com/radius' client; that module is the codec
// of the attributes only.
//
// On Linux, with real UDP sockets, the datagrams of many exchanges share a
// system call (sendmmsg, recvmmsg). Everywhere else, and with any other
// net.PacketConn, each is written by the goroutine that called Do.
//
// Goroutines: one for all timers and a reader a port, with batches also a
// sender a port, from [New] or first use until [Client.Close]. None of them
// waits for an exchange, and none for a socket that takes nothing while
// exchanges wait for it: they can withdraw their datagrams.
package coa
