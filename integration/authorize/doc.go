// Package authorize answers an AAA server at log-in: POST /radius/authorize in the JSON
// of FreeRADIUS' rlm_rest, section post-auth. The answer is 204 (accept with the normal
// profile), or 200 with the attributes that apply the subscriber's restriction.
//
// It never blocks a log-in: one round trip to Redis, bounded by [StoreTimeout]; any
// failure is a 204 or a problem document, and the session is then restricted by CoA
// after its Accounting-Start. It decides nothing, keeps no state but counters and one
// cool-down, and logs no attribute: a request holds passwords.
package authorize
