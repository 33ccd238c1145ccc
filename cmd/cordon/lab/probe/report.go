package probe

import (
	"fmt"
	"strings"
	"time"

	"cordon/radiusx/coa"
)

// Report is what a probe found out.
type Report struct {
	BNG        string   `json:"bng"`
	Dialect    string   `json:"dialect"`
	Peer       string   `json:"peer"`
	Verdict    Verdict  `json:"verdict"`
	Says       string   `json:"says"`             // the verdict in a sentence
	Advice     string   `json:"advice,omitempty"` // what to do about it
	CannotTell []string `json:"cannot_tell"`      // what a probe leaves open
	Request    []string `json:"request"`          // attributes as radclient prints them
	Tries      []Try    `json:"tries"`            // in order
}

// finding is a verdict with its sentences.
type finding struct {
	verdict      Verdict
	says, advice string
}

func (c *Config) report(r request, tries []Try) Report {
	f := c.judge(tries)
	return Report{
		BNG: c.BNG.Name, Dialect: c.BNG.Dialect.Name, Peer: c.peer(), Verdict: f.verdict, Says: f.says, Advice: f.advice,
		CannotTell: cannotTell(f.verdict), Request: r.text, Tries: tries,
	}
}

// Text writes the report for a terminal.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s, %s): %s\n%s\n", r.BNG, r.Dialect, r.Peer, r.Verdict, r.Says)
	if r.Advice != "" {
		b.WriteString("To do: " + r.Advice + "\n")
	}
	b.WriteString("Sent: CoA-Request about a subscriber who cannot exist: " + strings.Join(r.Request, ", ") + "\n")
	for i := range r.Tries {
		b.WriteString("  " + r.Tries[i].String() + "\n")
	}
	b.WriteString("This test cannot show:\n")
	for _, line := range r.CannotTell {
		b.WriteString("  " + line + "\n")
	}
	return b.String()
}

// judge says what the tries mean together. The first is as configured; of the
// others, in which one thing differs each, at most the last is answered.
func (c *Config) judge(tries []Try) finding {
	first, last := &tries[0], &tries[len(tries)-1]
	switch {
	case first.answered():
		return c.judgeAnswer(first)
	case last.answered():
		return c.judgeDifference(first, last)
	}
	for i := range tries { // the first with a reply
		if tries[i].Discarded > 0 {
			return c.judgeDiscard(&tries[i])
		}
	}
	switch {
	case first.refused():
		return finding{PortRefused, fmt.Sprintf("The port is closed: ICMP port unreachable for UDP %s%s.", c.peer(), c.others()),
			"check address and coa_port, and that the BNG has dynamic authorization switched on (cordon bng snippet " + c.BNG.Name + " -c FILE)"}
	case first.cut():
		return finding{Unreachable, "There is no way to it: " + first.Hint + ".", "check address, routing, and the local firewall"}
	}
	return finding{Silent, "No reply" + c.others() + ".",
		"check on the BNG whether the requests arrive and why they are dropped (cordon bng snippet " + c.BNG.Name +
			" -c FILE shows what it needs)"}
}

// others names the other ports that were tried.
func (c *Config) others() string {
	var names []string
	for _, port := range c.otherPorts() {
		names = append(names, fmt.Sprint(port))
	}
	if len(names) == 0 {
		return ""
	}
	return ", nor on port " + strings.Join(names, " or ")
}

// window is how far the clocks may be apart before requests count as replays
// (RFC 5176 section 6.3); far less is worth a remark.
const (
	window  = 300 * time.Second
	notable = 5 * time.Second
)

func skewed(skew time.Duration) string {
	side := "ahead of"
	if skew < 0 {
		side = "behind"
	}
	return fmt.Sprintf("its clock is %s %s ours", skew.Abs(), side)
}

// judgeAnswer reads an answer to the request as it is configured.
func (c *Config) judgeAnswer(t *Try) finding {
	f := c.readAnswer(t)
	skew := t.result.Skew
	switch {
	case skew.Abs() > window && f.verdict == Alive:
		return finding{ClockSkew, "It answers, but " + skewed(skew) + ": more than the 300 s after which a request counts as a replay.",
			"set the clocks (NTP) on both sides"}
	case skew.Abs() > notable:
		f.says += " Note: " + skewed(skew) + "."
	}
	return f
}

// expected are the Error-Causes, beside 503, with which platforms refuse such a
// request: none, Missing-Attribute, Invalid-Request, Invalid-Attribute-Value,
// Session-Context-Not-Removable, Request-Initiated.
var expected = map[uint32]bool{0: true, 402: true, 404: true, 407: true, 504: true, 507: true}

// readAnswer reads an answer but for its time.
func (c *Config) readAnswer(t *Try) finding {
	cause := t.ErrorCause
	reason := fmt.Sprintf("CoA-NAK, %d %s", cause, t.ErrorCauseName)
	if cause == 0 {
		reason = "CoA-NAK without Error-Cause"
	}
	switch {
	case t.result.Kind == coa.ACK:
		return finding{AcksAnything,
			"It answers CoA-ACK about a session that does not exist: its ACK proves nothing, and it may do things to somebody else's session " +
				"(some platforms choose the first session that they find).",
			"do not enforce on it before cordon shows another session untouched; cordon dialect show " + c.BNG.Dialect.Name}
	case (cause == 402 || cause == 405) && c.BNG.Dialect.DisconnectOnly != "": // hostapd 2.10: 402
		return finding{Alive, "It answers, signed with our secret, and does no CoA, as is known of this platform: it can only disconnect.", ""}
	case cause == 503:
		return finding{Alive, "It answers, signed with our secret, and does not know the session, which does not exist (" + reason + ").", ""}
	case expected[cause]:
		return finding{Alive, "It answers, signed with our secret, and refuses a request about an unknown subscriber that changes nothing (" +
			reason + "), as platforms do.", ""}
	case cause == 508:
		return finding{MatchesSeveral, "It finds several sessions where there can be none (" + reason +
			"): it does not evaluate what identifies them.",
			"check that the dialect is the right one for this platform"}
	case cause == 403 || cause == 501:
		return finding{NotUs, "It answers that this is not for it, or not from us (" + reason + ").",
			"check on the BNG who may send dynamic authorization, and bngs[].nas here"}
	case cause == 405 || cause == 406:
		return finding{NoCoA, "What answers there does no CoA (" + reason + ").", "check address and coa_port, and that CoA is switched on"}
	case cause == 401:
		return finding{RefusesAttributes, "It answers, signed with our secret, and refuses what the dialect identifies sessions by (" + reason +
			").",
			"check that the dialect is the right one for this platform"}
	case cause == 502 || cause == 505:
		return finding{ProxyError, "A proxy answers that it could not pass the request on (" + reason + "): this shows nothing about the BNG.",
			"check the proxy"}
	case cause == 506:
		return finding{Busy, "It answers that it has no room for the request now (" + reason + ").",
			"try again; if it stays so, lower rate and max_in_flight"}
	}
	return finding{Alive, "It answers, signed with our secret, with an unknown reason (" + reason + ").", ""}
}

// judgeDifference reads an answer that came only with another setting.
func (c *Config) judgeDifference(first, t *Try) finding {
	value := map[bool]string{true: "send", false: "omit"}
	base, s := first.setting, t.setting
	skew := t.result.Skew
	answer := " Its answer: " + c.readAnswer(t).says
	switch {
	case s.otherPort:
		return finding{WrongPort, fmt.Sprintf("It answers on port %d and not on port %d.%s", s.port, base.port, answer),
			fmt.Sprintf("set coa_port: %d", s.port)}
	case s.stamped != base.stamped && skew.Abs() > window:
		return finding{ClockSkew, "It answers only without Event-Timestamp, and " + skewed(skew) + ": our requests count as replays.",
			"set the clocks (NTP) on both sides"}
	case s.signed != base.signed && s.stamped != base.stamped:
		return finding{BothSettings, "It answers only " + t.What + "." + answer,
			fmt.Sprintf("set message_authenticator: %s and event_timestamp: %s; check the clocks first", value[s.signed], value[s.stamped])}
	case s.signed != base.signed && first.Discarded > 0:
		return finding{MessageAuthenticator, "Its signature is wrong if the request has one; it answers rightly only " + t.What + "." + answer,
			"update its software, or set message_authenticator: " + value[s.signed]}
	case s.signed != base.signed:
		return finding{MessageAuthenticator, "It answers only " + t.What + "." + answer, "set message_authenticator: " + value[s.signed]}
	}
	return finding{EventTimestamp, "It answers only " + t.What + "." + answer,
		"check the clocks (NTP) on both sides; if they agree, set event_timestamp: " + value[s.stamped]}
}

// judgeDiscard reads what was received and discarded.
func (c *Config) judgeDiscard(t *Try) finding {
	where := ""
	if t.setting.otherPort {
		where = fmt.Sprintf(" This was on port %d; on port %d there was no reply.", t.setting.port, c.port())
	}
	switch t.result.LastDiscard {
	case coa.BadAuthenticator:
		return finding{WrongSecret, "It answers, signed with another secret than ours: the two differ." + where,
			"set the same secret on both sides; mind blanks and line ends"}
	case coa.BadMessageAuthenticator:
		return finding{BadMessageAuthenticator, "It answers with the right secret and a wrong Message-Authenticator; no other setting helps." +
			where, "update its software"}
	case coa.MissingMessageAuthenticator:
		return finding{NoMessageAuthenticator, "It answers without the Message-Authenticator that is required here." + where,
			"set message_authenticator: send, if no other host can reach it"}
	case coa.WrongCode:
		return finding{WrongCode, "It answers, but not to a CoA-Request: the packet has another code." + where,
			"check the BNG's software: this is no server after RFC 5176"}
	case coa.WrongPort:
		return finding{AnswersFromElsewhere, "Its answer leaves from another port than was asked." + where,
			"check NAT and port forwarding on the way"}
	case coa.Malformed:
		return finding{Malformed, "It answers with what is no RADIUS packet." + where,
			"check that the BNG, and not something else, has that port"}
	}
	return finding{Silent, "What was received is no reply to our requests (" + t.LastDiscard + ")." + where, ""}
}

// cannotTell is what each kind of verdict leaves open.
func cannotTell(v Verdict) []string {
	switch v {
	case Silent:
		return []string{
			"dead, switched off, or without dynamic authorization: all are silent",
			"a filter on the way, in either direction",
			"that we are not one of its clients: most platforms drop what comes from an unknown address (coa.source)",
			"a wrong secret: most platforms drop what is signed with another one",
		}
	case PortRefused, Unreachable:
		return []string{
			"whether the BNG or a device before it sent it: any host can send ICMP",
			"whether the BNG would accept us if the port were open",
		}
	case WrongSecret:
		return []string{
			"on which side the secret is wrong",
			"whether the BNG answered, or something else at that address",
		}
	}
	return []string{
		"whether a restriction works, and whether its profiles exist there",
		"whether Disconnect-Requests are accepted: a test never sends one",
		"whether it would find a session that exists",
	}
}
