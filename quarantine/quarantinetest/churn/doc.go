// Package churn makes up networks whose addresses change hands every few seconds,
// reports them as accounting and a translator's log would, with losses, delays
// and skewed clocks, and checks whether attribution names the right subscriber.
//
// Everything follows from a seed; no clock is read and nothing is sent. It is no
// model of how often a real network loses records: it loses far more.
//
// What it assumes, and the operator's manual says of Cordon: the clocks of BNG and
// source, and the second to which RADIUS rounds, together differ by no more than
// the tolerance; of every session that held an address, some record about it
// arrives; and a verdict is decided once all records about its moment have arrived
// that ever will.
package churn
