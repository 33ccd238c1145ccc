// Package probe sends a BNG a request that changes nothing and reports what its
// reply, or the lack of one, means: what runs behind "cordon bng test".
//
// It sends CoA-Requests about a subscriber who cannot exist, without anything that
// would change a session, never a Disconnect-Request, and only while [Run] is called.
// It is no proof that a restriction would work, does not watch anything and is
// no part of the server.
package probe
