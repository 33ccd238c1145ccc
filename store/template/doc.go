// Package template reads sessions that another program keeps in a Redis, such
// as FreeRADIUS with rlm_rediswho or rlm_redis: where they stand, and how they
// are written, is a template of patterns and field names.
//
// It reads only: no command that writes, and none that walks through keys. It
// knows the present and nothing else, and marks every binding so; what that is
// worth for a moment that is past is for quarantine.WhoHeld to say. Other
// programs' values are not trusted: an index is a hint, and a session counts only if
// its own record agrees with what was asked. What is distrusted is counted by reason
// and passed over. [Sessions] adds the port blocks of translators' logs.
//
// It is not the store of Cordon's own state, keeps nothing of what it reads but
// whose a session was, and does not know RADIUS: names of BNGs, address spaces
// and the like come as functions with the [Config].
package template
