// Package authorize answers an AAA server that asks at log-in: POST
// /radius/authorize in the JSON of FreeRADIUS' rlm_rest, section post-auth. The
// answer is 204 (leave the Access-Accept as the plan made it), or 200 with the
// attributes that put the subscriber's restriction in force in it.
//
// It is never in the way: one round trip to the store, cut short after
// [StoreTimeout]; whatever goes wrong is a 204 or a problem document, and
// the session is then restricted by CoA after its Accounting-Start as if nobody
// had asked. It decides nothing, keeps no state but counters and one cool-down,
// and logs no attribute: a request holds passwords.
package authorize
