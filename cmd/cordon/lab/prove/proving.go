package prove

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"cordon/cmd/cordon/app"
	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bng"
	"cordon/radiusx/bng/proof"
	"cordon/radiusx/coa"
	"cordon/store"
)

// Proving is a trial on one line of one BNG.
type Proving struct {
	BNG     string
	Profile string // empty: every profile of the BNG, one after the other
	// Session is the Acct-Session-Id of a session that accounting reported, or,
	// with an equals sign in it, attributes in radclient's input syntax; then
	// accounting cannot show anything.
	Session string
	Wait    time.Duration // how long the network has to show a change
	Ask     func(question string) (bool, error)
	Verbose bool // every packet decoded
	Out     io.Writer
}

// Proved is what came of one profile.
type Proved struct {
	proof.Record
	File  string `json:"file,omitempty"`  // where the proof is kept
	Error string `json:"error,omitempty"` // why it is none
}

// Prove carries the trial out and keeps the records that prove. A BNG, profile
// or session that is not there is an error; what a trial showed is not.
func (p Proving) Prove(ctx context.Context, cfg *app.Config, parts *app.Parts) ([]Proved, error) {
	at := slices.IndexFunc(parts.Fleet, func(c bng.Config) bool { return c.Name == p.BNG })
	if at < 0 {
		return nil, fmt.Errorf("unknown BNG %q: must be one of bngs", p.BNG)
	}
	t := Trial{BNG: parts.Fleet[at], Wait: p.Wait, Ask: p.Ask, Out: p.Out}
	profiles, err := p.profiles(&t.BNG)
	if err != nil {
		return nil, err
	}
	if p.Verbose {
		t.Observe = bng.Transcript(p.Out)
	}
	client, err := coa.New(coa.Config{Source: cfg.CoA.Addr()})
	if err != nil {
		return nil, fmt.Errorf("coa.source: %w", err)
	}
	defer func() { _ = client.Close() }() // nothing is under way any more
	t.Client = client
	done, err := p.line(ctx, cfg, parts, &t)
	if err != nil {
		return nil, err
	}
	defer done()
	var proved []Proved
	for _, t.Profile = range profiles {
		_, _ = fmt.Fprintf(p.Out, "%s (%s), %s on session %s of %s\n", p.BNG, t.BNG.Dialect.Name, t.Profile, t.Session.ID, t.Session.Subscriber)
		proved = append(proved, tried(ctx, cfg, t))
		t.Session = present(ctx, &t)
	}
	return proved, nil
}

// present is the line's session after a trial: some platforms change its id when they
// restrict.
func present(ctx context.Context, t *Trial) quarantine.Session {
	if t.Sessions == nil {
		return t.Session
	}
	if record, err := t.Sessions.Session(ctx, t.Session.SessionKey); err == nil && record.Live() {
		return t.Session
	}
	live, err := t.Sessions.SessionsOf(ctx, t.Session.Subscriber)
	live = slices.DeleteFunc(live, func(s quarantine.Session) bool { return !s.Live() || s.BNG != t.Session.BNG })
	if err != nil || len(live) != 1 {
		return t.Session
	}
	return live[0]
}

func tried(ctx context.Context, cfg *app.Config, t Trial) Proved {
	record, err := t.Run(ctx)
	p := Proved{Record: record}
	if err == nil {
		p.File, err = record.Save(cfg.Journal.Dir)
	}
	if err != nil {
		p.Error = err.Error()
	}
	return p
}

func (p *Proving) profiles(c *bng.Config) ([]string, error) {
	_, there := c.Profiles[p.Profile]
	switch {
	case p.Profile == "" && len(c.Profiles) == 0:
		return nil, fmt.Errorf("%s has no profiles", c.Name)
	case p.Profile == "":
		var names []string
		for name := range c.Profiles {
			names = append(names, name)
		}
		slices.Sort(names)
		return names, nil
	case !there && p.Profile != quarantine.Disconnect:
		return nil, fmt.Errorf("profile %q is not configured on %s", p.Profile, c.Name)
	}
	return []string{p.Profile}, nil
}

// line finds the session to try on. A subscriber with an open case is
// refused.
func (p *Proving) line(ctx context.Context, cfg *app.Config, parts *app.Parts, t *Trial) (done func(), err error) {
	if strings.Contains(p.Session, "=") {
		t.Session, err = describedSession(p.BNG, p.Session)
		return func() {}, err
	}
	fleet, err := bng.NewFleet(parts.Fleet)
	if err != nil {
		return nil, err
	}
	s, err := store.New(app.StoreConfig(cfg, parts, fleet))
	if err != nil {
		return nil, err
	}
	done = func() { _ = s.Close() } // nothing was written
	key := quarantine.SessionKey{BNG: t.BNG.SessionsUnder(), ID: p.Session}
	if t.Session, err = s.Session(ctx, key); err == nil && !t.Session.Live() {
		err = quarantine.ErrNoSession
	}
	if err != nil {
		done()
		return nil, fmt.Errorf("session %s: %w", key, err)
	}
	dossier, err := s.Dossier(ctx, t.Session.Subscriber)
	if err == nil && dossier.Case != nil {
		err = fmt.Errorf("%s has an open case, %s: try it on a test line", t.Session.Subscriber, dossier.Case.ID)
	}
	if err != nil {
		done()
		return nil, err
	}
	t.Sessions = s
	return done, nil
}

// describedSession returns a session of attributes that a person typed.
func describedSession(bngName, text string) (quarantine.Session, error) {
	attributes, err := radiusx.ParseAttributes(text)
	if err != nil {
		return quarantine.Session{}, fmt.Errorf("session: %w", err)
	}
	s := quarantine.Session{SessionKey: quarantine.SessionKey{BNG: bngName}, StartedAt: time.Now(), SeenAt: time.Now()}
	for _, a := range attributes {
		switch a.Name {
		case "Acct-Session-Id":
			s.ID = a.Value
		case "User-Name":
			s.Subscriber = a.Value
		default:
			s.Attributes = append(s.Attributes, quarantine.Attribute{Name: a.Name, Value: a.Value})
		}
	}
	if s.ID == "" || s.Subscriber == "" {
		return s, errors.New("session: needs Acct-Session-Id and User-Name")
	}
	return s, nil
}
