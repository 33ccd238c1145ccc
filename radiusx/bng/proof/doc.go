// Package proof keeps what a trial on a test line of a BNG showed, and says which
// profiles of a BNG need such a proof before rules may put them in force.
//
// It is neither the trial, which cordon bng prove carries out, nor the verification of
// a case's own enforcement.
package proof
