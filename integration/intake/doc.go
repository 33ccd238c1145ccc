// Package intake is the way in for verdicts: POST /verdicts, and
// [Intake.Submit], which every feed format uses after it has turned a foreign
// report into verdicts. It decodes strictly, names the field that is wrong,
// holds each source to its own rights, maximum age and quota, and answers only
// once the verdicts are durable.
//
// It does not attribute or decide anything: that an address is unknown, or that
// no rule matches, is found out after the answer.
package intake
