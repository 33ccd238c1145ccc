// Package intake accepts verdicts: POST /verdicts, and [Intake.Submit], which every feed
// format calls with the verdicts of a report. It decodes strictly, names an invalid
// field, enforces each source's rights, maximum age and quota, and answers once the
// verdicts are durable.
//
// It does not attribute or decide: that an address is unknown, or that no rule matches,
// is found after the answer.
package intake
