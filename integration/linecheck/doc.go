// Package linecheck asks an operator's own program or web service what is in
// force on a line: by SNMP, by a BNG's API, by a probe behind the line.
//
// It carries a question out and a word back, within bounds of time and size. It
// is not who knows what the question or the word means, and it never changes
// anything.
package linecheck
