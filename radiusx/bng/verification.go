package bng

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"layeh.com/radius"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// LineCheck is the operator's own check of a line: by SNMP, by the BNG's
// API, by a probe behind the line. It is asked with a [LineQuestion] in JSON and
// answers with one of the words that a [LineState] has. An error, or any other
// word, verifies nothing.
type LineCheck interface {
	Ask(ctx context.Context, question []byte) (word string, err error)
}

// LineQuestion is what a [LineCheck] is asked.
type LineQuestion struct {
	BNG        string            `json:"bng"`
	Address    string            `json:"address"` // of the BNG
	Session    string            `json:"acct_session_id"`
	Subscriber string            `json:"subscriber"`
	Profile    string            `json:"profile"`    // the domain's name
	Restricted string            `json:"restricted"` // the restriction's name on the BNG
	Normal     string            `json:"normal"`     // what is restored; "overlay": nothing was replaced
	Foreign    []string          `json:"foreign_profiles,omitempty"`
	Attributes map[string]string `json:"attributes"` // what accounting had of the session
}

// LineState is what a [LineCheck] saw.
type LineState string

// The states of a line. What is neither verifies nothing.
const (
	LineRestricted LineState = "restricted" // the profile asked about is in force
	LineNormal     LineState = "normal"     // it is not
)

// observation is what a check found, and how.
type observation struct {
	finding dialect.Finding
	how     string
}

// moreDecisive of two: what contradicts wins, then what shows.
func moreDecisive(a, b observation) observation {
	if b.finding > a.finding {
		return b
	}
	return a
}

// withVerification says how an acknowledged order can be verified.
func (r *run) withVerification(out quarantine.Outcome) quarantine.Outcome {
	if r.order.To == quarantine.Disconnect {
		return out
	}
	out.Verification = quarantine.NoVerification
	for _, p := range r.subjects() {
		checks, _ := r.bng.Dialect.Checks(r.bng.request(r.action(), &r.order.Session, p.names))
		for _, check := range checks {
			if out.Verification == quarantine.NoVerification {
				out.Verification = quarantine.VerifyByAccounting
			}
			if check.Query != nil {
				out.Verification = quarantine.VerifyByQuery
			}
		}
	}
	if r.bng.Verify != nil {
		out.Verification = quarantine.VerifyByQuery
	}
	out.Reason = acknowledged[out.Verification]
	return out
}

// acknowledged says what is known beyond an ACK, for people.
var acknowledged = map[quarantine.Verification]string{
	quarantine.NoVerification:     "acknowledged; nothing here can verify it",
	quarantine.VerifyByAccounting: "acknowledged; accounting may verify it",
	quarantine.VerifyByQuery:      "acknowledged; it is being verified",
}

// subject is one profile that an order is about.
type subject struct {
	profile string
	names   dialect.Profile
}

// subjects lists the profiles whose being in force, or not, shows whether the
// order was done.
func (r *run) subjects() []subject {
	if r.order.To != "" {
		names := r.bng.names(r.order.Restriction())
		return []subject{{r.order.To, names}}
	}
	var list []subject
	for _, a := range r.order.From {
		list = append(list, subject{a.Profile, r.bng.names(a)})
	}
	return list
}

func (r *run) action() dialect.Action {
	if r.order.To != "" {
		return dialect.Restrict
	}
	return dialect.Restore
}

// verify finds out whether what was acknowledged is in force.
func (r *run) verify(ctx context.Context) quarantine.Outcome {
	found := observation{dialect.SaysNothing, "nothing shows it yet"}
	for _, s := range r.subjects() {
		found = moreDecisive(found, r.verifyByRADIUS(ctx, s))
		if r.bng.Verify != nil && found.finding != dialect.Contradicted {
			found = moreDecisive(found, r.verifyByLineCheck(ctx, s))
		}
	}
	switch found.finding {
	case dialect.Shown:
		return quarantine.Outcome{Kind: quarantine.OutcomeVerified, Reason: found.how}
	case dialect.Contradicted:
		return quarantine.Outcome{Kind: quarantine.OutcomeRefused, Reason: "acknowledged, but the network shows otherwise: " + found.how}
	}
	return quarantine.Outcome{Kind: quarantine.OutcomeAcked, Reason: found.how}
}

// verifyByRADIUS carries the dialect's checks out.
func (r *run) verifyByRADIUS(ctx context.Context, s subject) observation {
	found := observation{dialect.SaysNothing, "nothing shows it yet"}
	checks, err := r.bng.Dialect.Checks(r.bng.request(r.action(), &r.order.Session, s.names))
	if err != nil {
		return observation{dialect.SaysNothing, err.Error()}
	}
	for _, check := range checks {
		if check.In == dialect.InInterim {
			found = moreDecisive(found, r.judgeObserved(check))
		}
		if check.Query == nil || found.finding != dialect.SaysNothing || !r.bng.healthy() {
			continue
		}
		said, err := r.query(ctx, check.Query)
		switch {
		case err != nil:
			found.how = err.Error()
		case check.In == dialect.InACK:
			found = moreDecisive(found, observationOf(check.Judge(said), said, "the BNG, queried, answers"))
		}
	}
	return found
}

// healthy reports whether the BNG may be queried.
func (m *member) healthy() bool {
	state, _, _ := m.path.status(time.Now())
	return state == PathOK
}

// judgeObserved judges what accounting showed since the ACK. What speaks for the
// change may be as old as the ACK itself; what speaks against it may not: it has
// times in whole seconds, and may have left before.
func (r *run) judgeObserved(check dialect.Check) observation {
	since := r.order.Since.Truncate(time.Second)
	reported := attributesObserved(r.order.Session.ObservedSince(since))
	if finding := check.Judge(reported); finding == dialect.Shown {
		return observationOf(finding, reported, "accounting shows")
	}
	reported = attributesObserved(r.order.Session.ObservedSince(since.Add(quarantine.ClockSlack)))
	return observationOf(check.Judge(reported), reported, "accounting shows")
}

func attributesObserved(shown []quarantine.ObservedAttribute) []radiusx.Attribute {
	var reported []radiusx.Attribute
	for _, s := range shown {
		reported = append(reported, radiusx.Attribute{Name: s.Name, Value: s.Value})
	}
	return reported
}

func observationOf(finding dialect.Finding, reported []radiusx.Attribute, who string) observation {
	if finding == dialect.SaysNothing {
		return observation{finding, "nothing shows it yet"}
	}
	var words []string
	for _, a := range reported {
		words = append(words, a.String())
	}
	return observation{finding, who + " " + strings.Join(words, ", ")}
}

// query sends a request that changes nothing and returns the attributes of its ACK.
func (r *run) query(ctx context.Context, step *dialect.Step) ([]radiusx.Attribute, error) {
	result, err := r.exchange(ctx, *step, false)
	switch {
	case err != nil:
		return nil, err
	case result.Kind == coa.Unanswered:
		return nil, errors.New("queried: " + noReplyText(result))
	case result.Kind == coa.NAK:
		return nil, fmt.Errorf("queried: NAK %s", causeName(result.ErrorCause))
	}
	said, err := radius.ParseAttributes(result.Reply[radiusx.HeaderLength:])
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return r.bng.dictionary.Decode(said), nil
}

// verifyByLineCheck asks the operator's own check.
func (r *run) verifyByLineCheck(ctx context.Context, s subject) observation {
	word, err := r.bng.Verify.Ask(ctx, r.question(s))
	if err != nil {
		return observation{dialect.SaysNothing, "the operator's check: " + err.Error()}
	}
	wanted, otherwise := LineRestricted, LineNormal
	if r.order.To == "" {
		wanted, otherwise = LineNormal, LineRestricted
	}
	how := fmt.Sprintf("the operator's check says %q", word)
	switch LineState(word) {
	case wanted:
		return observation{dialect.Shown, how}
	case otherwise:
		return observation{dialect.Contradicted, how}
	}
	return observation{dialect.SaysNothing, how}
}

func (r *run) question(s subject) []byte {
	q := LineQuestion{
		BNG: r.bng.Name, Address: r.bng.Address.String(), Session: r.order.Session.ID, Subscriber: r.order.Session.Subscriber,
		Profile: s.profile, Restricted: s.names.Restricted, Normal: s.names.Normal, Foreign: r.bng.Foreign, Attributes: map[string]string{},
	}
	if q.Normal == "" {
		q.Normal = dialect.Overlay
	}
	for _, a := range identifyingAttributes(&r.order.Session) {
		q.Attributes[a.Name] = a.Value
	}
	encoded, err := json.Marshal(q)
	if err != nil {
		panic("bng: encode a question: " + err.Error()) // strings always encode
	}
	return encoded
}
