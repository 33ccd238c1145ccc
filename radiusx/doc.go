// Package radiusx holds what every RADIUS part of Cordon shares: the secret
// type, Message-Authenticator, the attribute dictionary with its append-only
// encoder, and packets as text in radclient's wording.
//
// It is not a client and not a server (see coa and acct), knows no BNG
// platform (see dialect) and nothing of verdicts, subscribers or cases. The packet
// codec itself is layeh.com/radius.
package radiusx
