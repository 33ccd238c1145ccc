// Package acct is a RADIUS accounting server (RFC 2866) on UDP: it checks who
// sent a record and that it is whole, passes records in batches to a [Handler],
// and answers those that the handler has made durable. Without an answer
// the NAS sends the record again, so nothing is lost while the store is unavailable. An
// authentic record of no use is answered and counted: it would come back for ever,
// and a relay would send nothing of what comes behind it.
//
// It is not a session table and not a proxy. It does not know which BNG of the
// configuration a record belongs to, nor whether a client may report for that
// BNG: it passes the facts on ([Record.Client], [Record.NAS]) and the caller
// decides. It keeps no order between records: a handler compares event times.
//
// Records of one session (client, Acct-Session-Id) are handled in the order in
// which they arrived, records of different sessions side by side.
package acct
