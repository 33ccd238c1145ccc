package template

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Reader answers from another program's sessions. It is safe for concurrent use.
type Reader struct {
	client redis.UniversalClient // owned: Close closes it
	cfg    Config
	t      compiled
	renews bool // records say when they were renewed
	doubts distrusted
	hints  hints
}

var (
	_ quarantine.SessionReader = (*Reader)(nil)
	_ quarantine.BindingFinder = (*Reader)(nil)
)

// New returns a Reader. It does not connect: Redis may come later.
func New(cfg Config) (*Reader, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	r := &Reader{cfg: cfg}
	r.t, _ = compile(&cfg.Template) // no faults, as Validate found
	r.renews = namesAny(recordsOf(r.t.bySubscriber), nameUpdated)
	r.client = redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: cfg.Server.Addrs, MasterName: cfg.Server.MasterName, DB: cfg.Server.DB,
		Username: cfg.Server.Username, Password: string(cfg.Server.Password),
		ClientName: "cordon-sessions", Protocol: 2, Dialer: dial,
		DialTimeout: dialTimeout, ReadTimeout: ioTimeout, WriteTimeout: ioTimeout, DialerRetries: 1, MaxRetries: 1,
		ContextTimeoutEnabled: true,
		// Neither is known to Redis 7.0; each would cost an error per connection.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	return r, nil
}

// Close ends all connections. Calls under way fail.
func (r *Reader) Close() error {
	if err := r.client.Close(); err != nil {
		return fmt.Errorf("close redis client: %w", err)
	}
	return nil
}

// Ping asks whether the Redis with the sessions answers.
func (r *Reader) Ping(ctx context.Context) error {
	if err := r.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping the redis with the sessions: %w", err)
	}
	return nil
}

// Session implements quarantine.SessionReader. Without a look-up by session it
// knows the sessions that were found by subscriber before.
func (r *Reader) Session(ctx context.Context, key quarantine.SessionKey) (quarantine.Session, error) {
	l, questions := r.t.bySession, []question(nil)
	if l != nil {
		questions = r.questionsOf(key)
	} else if subscriber, known := r.hints.subscriber(key); known {
		l = r.t.bySubscriber
		questions = ask(l, map[string]string{nameSubscriber: nameOf(subscriber)})
	}
	found, _, err := r.sessions(ctx, l, questions)
	if err != nil {
		return quarantine.Session{}, fmt.Errorf("read session %s: %w", key, err)
	}
	for _, s := range found {
		if s.SessionKey == key {
			return s, nil
		}
	}
	return quarantine.Session{}, quarantine.ErrNoSession
}

// questionsOf asks for a session under every name that its BNG has.
func (r *Reader) questionsOf(key quarantine.SessionKey) []question {
	ips, identifiers := r.cfg.NAS(key.BNG)
	named := []map[string]string{{nameSession: key.ID, nameBNG: key.BNG}}
	for name, values := range map[string][]string{nameNASIP: texts(ips), nameNASID: identifiers} {
		if !slices.Contains(r.t.bySession.key.names, name) {
			continue
		}
		var all []map[string]string
		for _, so := range named {
			for _, value := range values {
				with := map[string]string{name: value}
				for k, v := range so {
					with[k] = v
				}
				all = append(all, with)
			}
		}
		named = all
	}
	var questions []question
	for _, values := range named {
		questions = append(questions, ask(r.t.bySession, values)...)
	}
	return questions
}

func texts(ips []netip.Addr) []string {
	list := make([]string, len(ips))
	for i, ip := range ips {
		list[i] = ip.String()
	}
	return list
}

// SessionsOf implements quarantine.SessionReader.
func (r *Reader) SessionsOf(ctx context.Context, subscriber string) ([]quarantine.Session, error) {
	found, _, err := r.sessions(ctx, r.t.bySubscriber, ask(r.t.bySubscriber, map[string]string{nameSubscriber: nameOf(subscriber)}))
	if err != nil {
		return nil, fmt.Errorf("read sessions of %s: %w", subscriber, err)
	}
	live := slices.DeleteFunc(found, func(s quarantine.Session) bool { return !s.Live() || s.Subscriber != subscriber })
	slices.SortFunc(live, func(a, b quarantine.Session) int {
		return cmp.Or(cmp.Compare(a.BNG, b.BNG), cmp.Compare(a.ID, b.ID))
	})
	return live, nil
}

// Bindings implements quarantine.BindingFinder: whoever holds the address now.
// The error is quarantine.ErrNoAddressIndex if the template has no such look-up.
func (r *Reader) Bindings(ctx context.Context, at quarantine.Place, _, _ time.Time) ([]quarantine.Binding, error) {
	at.Addr = at.Addr.Unmap().WithZone("")
	if r.t.byAddress == nil && (r.t.byPrefix == nil || at.Addr.Is4()) {
		return nil, quarantine.ErrNoAddressIndex
	}
	asked := r.cfg.Now() // before the first question
	var bindings []quarantine.Binding
	for _, by := range []struct {
		lookup    *lookup
		questions []question
	}{{r.t.byAddress, r.addressQuestions(at.Addr)}, {r.t.byPrefix, r.prefixQuestions(at.Addr)}} {
		found, complete, err := r.sessions(ctx, by.lookup, by.questions)
		if err != nil {
			return nil, fmt.Errorf("find who holds %s: %w", at, err)
		}
		if !complete {
			return nil, nil // counted; one of those not read may hold it
		}
		held := r.holding(found, at, asked)
		if len(found) > 0 && len(held) == 0 {
			r.doubts.note(Contradicts, by.questions[0].key)
		}
		bindings = append(bindings, held...)
	}
	return bindings, nil
}

// holding picks what the sessions themselves say about the place.
func (r *Reader) holding(found []quarantine.Session, at quarantine.Place, asked time.Time) []quarantine.Binding {
	var held []quarantine.Binding
	for _, s := range found {
		for _, b := range s.Bindings() {
			if b.Space != at.Space || !b.Prefix.Contains(at.Addr) {
				continue
			}
			b.Interim = r.interim(s.BNG)
			b.Present = &quarantine.Present{ReadAt: asked, Lag: r.cfg.Lag, MaxAge: r.cfg.MaxAge}
			held = append(held, b)
		}
	}
	return held
}

func (r *Reader) addressQuestions(addr netip.Addr) []question {
	return ask(r.t.byAddress, map[string]string{nameAddress: addr.String()})
}

func (r *Reader) prefixQuestions(addr netip.Addr) []question {
	if r.t.byPrefix == nil || !addr.Is6() {
		return nil
	}
	var questions []question
	for _, bits := range r.cfg.Template.PrefixLengths {
		if p, err := addr.Prefix(bits); err == nil {
			questions = append(questions, ask(r.t.byPrefix, map[string]string{nameCovering: p.String()})...)
		}
	}
	return questions
}

// ask makes the key; no question if a value is missing, or there is no look-up.
func ask(l *lookup, values map[string]string) []question {
	if l == nil {
		return nil
	}
	key, ok := l.key.expand(values)
	if !ok {
		return nil
	}
	asked := map[string]string{}
	for _, name := range l.key.names {
		asked[name] = values[name]
	}
	return []question{{key, asked}}
}

// sessions follows look-ups to the records, and makes sessions of those that are not
// distrusted. A record must confirm what was asked; complete is false if there is more
// than was read.
func (r *Reader) sessions(ctx context.Context, l *lookup, questions []question) (found []quarantine.Session, complete bool, err error) {
	complete = true
	for l != nil && len(questions) > 0 {
		items, whole, err := r.read(ctx, l, questions)
		if err != nil {
			return nil, false, err
		}
		complete = complete && whole
		if l.next != nil {
			questions, l = lead(l.next, items), l.next
			continue
		}
		now := r.cfg.Now()
		for _, t := range items {
			s, reason, ok := r.session(&t, now)
			if !ok {
				r.doubts.note(reason, t.key)
				complete = false // whose session it is, is not known
				continue
			}
			found = append(found, s)
		}
		break
	}
	found = newest(found)
	for i := range found {
		r.hints.remember(&found[i])
	}
	return found, complete, nil
}

// lead asks where an index points to, each place once.
func lead(to *lookup, items []item) []question {
	var questions []question
	for _, t := range items {
		for _, q := range ask(to, t.values) {
			if !slices.ContainsFunc(questions, func(have question) bool { return have.key == q.key }) {
				questions = append(questions, q)
			}
		}
	}
	return questions
}
