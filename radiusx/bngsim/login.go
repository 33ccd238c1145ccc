package bngsim

import (
	"context"
	"fmt"
	"slices"
)

// Acct-Terminate-Cause values (RFC 2866 section 5.10) that the BNG gives.
const (
	causeUserRequest = "User-Request"
	causeLostCarrier = "Lost-Carrier"
	causeAdminReset  = "Admin-Reset"
	causeUnavailable = "Service-Unavailable"
)

// Login starts a session, sends its Accounting-Start and waits until it is
// answered. With an error of ctx or [ErrStopped] the session lives all the
// same, as in real life, and its Start is still on its way.
func (b *BNG) Login(ctx context.Context, subscriber Subscriber) (Session, error) {
	b.mu.Lock()
	s, reports, err := b.open(subscriber)
	if err != nil {
		b.mu.Unlock()
		return Session{}, fmt.Errorf("log in %q: %w", subscriber.User, err)
	}
	snapshot := s.snapshot()
	b.mu.Unlock()
	if err := b.answered(ctx, reports); err != nil {
		return snapshot, fmt.Errorf("log in %q: %w", subscriber.User, err)
	}
	return snapshot, nil
}

// open adds a session and queues its records; the caller holds b.mu.
func (b *BNG) open(subscriber Subscriber) (*session, []*report, error) {
	now := b.config.Now()
	b.sequence++
	number := b.nextNumber()
	subscriber.Profile = subscriber.Profile.clone()
	s := &session{
		id: b.behaviour.sessionID(number), number: number, sequence: b.sequence,
		subscriber: subscriber, state: subscriber.Profile.clone(), started: now,
		nextAt: now.Add(b.config.Accounting.Interval),
	}
	reports, err := b.reportStart(s, now)
	if err != nil {
		return nil, nil, err
	}
	s.note(now, "logged in: "+s.state.String())
	b.sessions[s.id] = s
	b.byUser[subscriber.User] = append(b.byUser[subscriber.User], s)
	b.notify(s, true)
	return s, b.queue(reports), nil
}

// nextNumber is what the next session id is made of; the caller holds b.mu.
func (b *BNG) nextNumber() uint64 {
	if n := len(b.freed); n > 0 && b.behaviour.reusesIDs {
		number := b.freed[n-1]
		b.freed = b.freed[:n-1]
		return number
	}
	b.counter++
	return b.counter
}

// Logout ends a session as its user would and waits for the answer to its
// Accounting-Stop.
func (b *BNG) Logout(ctx context.Context, id string) error {
	_, reports, err := b.end(id, causeUserRequest)
	if err == nil {
		err = b.answered(ctx, reports)
	}
	if err != nil {
		return fmt.Errorf("log out %s: %w", id, err)
	}
	return nil
}

// Reconnect drops a session and logs the same subscriber in again, with what
// AAA gave the first time: whatever was changed in between is gone.
func (b *BNG) Reconnect(ctx context.Context, id string) (Session, error) {
	s, reports, err := b.end(id, causeLostCarrier)
	if err == nil {
		err = b.answered(ctx, reports)
	}
	if err != nil {
		return Session{}, fmt.Errorf("reconnect %s: %w", id, err)
	}
	return b.Login(ctx, s.subscriber)
}

// end ends a session and queues its records.
func (b *BNG) end(id, cause string) (*session, []*report, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.sessions[id]
	if !ok {
		return nil, nil, ErrNoSession
	}
	reports, err := b.close(s, cause)
	return s, reports, err
}

// close removes a session and queues its records; the caller holds b.mu.
func (b *BNG) close(s *session, cause string) ([]*report, error) {
	delete(b.sessions, s.id)
	if b.behaviour.reusesIDs {
		b.freed = append(b.freed, s.number)
	}
	rest := slices.DeleteFunc(b.byUser[s.subscriber.User], func(other *session) bool { return other == s })
	if len(rest) == 0 {
		delete(b.byUser, s.subscriber.User)
	} else {
		b.byUser[s.subscriber.User] = rest
	}
	b.notify(s, false)
	reports, err := b.reportStop(s, cause, b.config.Now())
	return b.queue(reports), err
}

// Interim sends an Interim-Update of a session and waits for the answer.
func (b *BNG) Interim(ctx context.Context, id string) error {
	b.mu.Lock()
	s, ok := b.sessions[id]
	if !ok {
		b.mu.Unlock()
		return fmt.Errorf("interim of %s: %w", id, ErrNoSession)
	}
	reports, err := b.reportInterim(s, b.config.Now())
	reports = b.queue(reports)
	b.mu.Unlock()
	if err == nil {
		err = b.answered(ctx, reports)
	}
	if err != nil {
		return fmt.Errorf("interim of %s: %w", id, err)
	}
	return nil
}

// On sends Accounting-On and waits for the answer; sessions are not touched.
func (b *BNG) On(ctx context.Context) error { return b.announce(ctx, "Accounting-On") }

// Off ends all sessions without a Stop, sends Accounting-Off and waits for the
// answer: an orderly shutdown.
func (b *BNG) Off(ctx context.Context) error {
	b.forget()
	return b.announce(ctx, "Accounting-Off")
}

// Reboot loses all sessions and all records that were not answered, then sends
// Accounting-On and waits for the answer. Session ids begin anew if
// Config.ReuseIDs says so.
func (b *BNG) Reboot(ctx context.Context) error {
	b.forget()
	return b.announce(ctx, "Accounting-On")
}

// Crash loses all sessions and all records that were not answered, and sends
// nothing: neither Stops nor Accounting-On.
func (b *BNG) Crash() { b.forget() }

func (b *BNG) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetAll(b.config.ReuseIDs)
}

// forgetAll loses sessions, remembered answers and unanswered records; the caller
// holds b.mu.
func (b *BNG) forgetAll(idsBeginAnew bool) {
	for _, s := range b.sessions {
		b.notify(s, false)
	}
	clear(b.sessions)
	clear(b.byUser)
	b.answers = newAnswerCache(b.behaviour.duplicateWindow)
	if idsBeginAnew {
		b.counter, b.freed = 0, nil
	}
	if b.accountant != nil {
		b.accountant.forget()
	}
}

func (b *BNG) announce(ctx context.Context, status string) error {
	b.mu.Lock()
	r, err := b.report(status, b.config.Now(), nil)
	reports := b.queue([]*report{r})
	b.mu.Unlock()
	if err == nil {
		err = b.answered(ctx, reports)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", status, err)
	}
	return nil
}
