// Package radacct imports sessions from another program, as rows of FreeRADIUS' table
// radacct (raddb/mods-config/sql/main/*/schema.sql) or with columns of the same meaning:
// POST /sessions/import, for the initial load, before Cordon has seen anybody log in.
//
// It decodes rows and validates each by itself; valid ones are passed on, faults are
// reported by line. It receives no accounting and stores nothing: how a row changes a
// known session is the domain's decision.
package radacct
