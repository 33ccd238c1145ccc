// Package probe asks a BNG something that can hurt nobody and says what its
// answer, or its silence, means: what runs behind "cordon bng test".
//
// It sends CoA-Requests about a subscriber who cannot exist, without anything that
// would change a session, never a Disconnect-Request, and only while [Run] is called.
// It is no proof that a restriction would work, does not watch anything and is
// no part of the server.
package probe
