// Package radacct takes in sessions that another program kept, as rows of
// FreeRADIUS' table radacct (raddb/mods-config/sql/main/*/schema.sql) or of
// anything with columns of the same meaning: POST /sessions/import, for the day
// on which Cordon begins and has not seen anybody log in.
//
// It reads rows and checks each by itself; the good ones are handed on, the bad
// ones are told by line. It is no accounting and stores nothing: what a session
// row does to what is known already is the domain's to say.
package radacct
