// Package linecheck runs an operator's own program or web service that checks what is in
// force on a line: by SNMP, by a BNG's API, by a probe behind the line.
//
// It sends a query and returns the first word of the answer, within bounds of time and
// size. It does not interpret either, and changes nothing.
package linecheck
