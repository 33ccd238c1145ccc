package coa

import "fmt"

// ErrorCause is one value of attribute 101.
type ErrorCause struct {
	Value       uint32
	Name        string      // as in FreeRADIUS' dictionaries
	Disposition Disposition // in a NAK

	// ByProxy: a proxy says it of itself (RFC 5176 section 3.5), so that it says
	// nothing of the BNG where the request went to a proxy.
	ByProxy  bool
	viaProxy Disposition // of ByProxy, then
	done     bool        // platforms also refuse with it what is in force already
}

// sessionContextNotFound is looked at apart by [Dispose].
const sessionContextNotFound = 503

// errorCauses is the one table of Error-Cause: RFC 5176 section 3.5, RFC 5580
// section 4.6 (509) and RFC 7930 section 4 (601). A value in the 200s means
// success and must not stand in a NAK; if it does, the NAK is believed and not
// the value.
var errorCauses = [...]ErrorCause{
	{Value: 201, Name: "Residual-Context-Removed", Disposition: RetryLater},
	{Value: 202, Name: "Invalid-EAP-Packet", Disposition: RetryLater},
	{Value: 401, Name: "Unsupported-Attribute", Disposition: ProfileFault},
	{Value: 402, Name: "Missing-Attribute", Disposition: ProfileFault},
	{Value: 403, Name: "NAS-Identification-Mismatch", Disposition: ConfigFault},
	{Value: 404, Name: "Invalid-Request", Disposition: ProfileFault, done: true},
	{Value: 405, Name: "Unsupported-Service", Disposition: ProfileFault},
	{Value: 406, Name: "Unsupported-Extension", Disposition: PathFault},
	{Value: 407, Name: "Invalid-Attribute-Value", Disposition: ProfileFault, done: true},
	{Value: 501, Name: "Administratively-Prohibited", Disposition: ConfigFault},
	{Value: 502, Name: "Proxy-Request-Not-Routable", Disposition: PathFault, ByProxy: true, viaProxy: PathFault},
	{Value: sessionContextNotFound, Name: "Session-Context-Not-Found", Disposition: SessionGone},
	{Value: 504, Name: "Session-Context-Not-Removable", Disposition: NotRemovable},
	{Value: 505, Name: "Proxy-Processing-Error", Disposition: RetryLater, ByProxy: true, viaProxy: ProxyNoReply},
	{Value: 506, Name: "Resources-Unavailable", Disposition: RetryLater},
	{Value: 507, Name: "Request-Initiated", Disposition: InProgress},
	{Value: 508, Name: "Multiple-Session-Selection-Unsupported", Disposition: Narrow},
	{Value: 509, Name: "Location-Info-Required", Disposition: ProfileFault},
	{Value: 601, Name: "Response-Too-Big", Disposition: ProfileFault},
}

// LookupErrorCause returns what is known of a value. An unknown one has its
// number as name. 0, no Error-Cause at all, is not unusual in a NAK and asks for
// one more try. An unknown one from 400 to 499 is our fault (RFC 5176 section
// 3.5), any other may pass.
func LookupErrorCause(value uint32) ErrorCause {
	for _, e := range errorCauses {
		if e.Value == value {
			return e
		}
	}
	switch {
	case value == 0:
		return ErrorCause{Name: "none", Disposition: RetryLater, done: true}
	case value >= 400 && value <= 499:
		return ErrorCause{Value: value, Name: fmt.Sprint(value), Disposition: ProfileFault}
	default:
		return ErrorCause{Value: value, Name: fmt.Sprint(value), Disposition: RetryLater}
	}
}
