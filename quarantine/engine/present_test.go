package engine

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// elsewhere is a store whose sessions another program keeps: nothing wakes a
// case when one begins, and the end of one is that nothing reports it.
type elsewhere struct {
	*quarantinetest.Memory
	sessions *atomic.Pointer[[]quarantine.Session]
}

func (s elsewhere) Session(_ context.Context, key quarantine.SessionKey) (quarantine.Session, error) {
	i := slices.IndexFunc(*s.sessions.Load(), func(s quarantine.Session) bool { return s.SessionKey == key })
	if i < 0 {
		return quarantine.Session{}, quarantine.ErrNoSession
	}
	return (*s.sessions.Load())[i], nil
}

func (s elsewhere) SessionsOf(_ context.Context, subscriber string) ([]quarantine.Session, error) {
	return slices.DeleteFunc(slices.Clone(*s.sessions.Load()), func(s quarantine.Session) bool { return s.Subscriber != subscriber }), nil
}

func (elsewhere) Bindings(context.Context, quarantine.Place, time.Time, time.Time) ([]quarantine.Binding, error) {
	return nil, quarantine.ErrNoAddressIndex
}

// borrow returns a store with these sessions, and how to change them.
func (w *world) borrow(sessions ...quarantine.Session) (elsewhere, func(...quarantine.Session)) {
	var now atomic.Pointer[[]quarantine.Session]
	set := func(sessions ...quarantine.Session) { now.Store(&sessions) }
	set(sessions...)
	return elsewhere{w.memory, &now}, set
}

func online(id string) quarantine.Session {
	return quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng1", ID: id}, Subscriber: "alice",
		StartedAt: time.Now(), SeenAt: time.Now()}
}

func TestASessionThatNothingReportsIsRestrictedAtTheNextPoll(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		store, set := w.borrow()
		e := w.startWith(store, "a", func(c *Config) { c.Poll = time.Minute })
		w.accept(e, quarantine.Verdict{Source: "ids", ObservedAt: time.Now(), Subscriber: "alice", Category: "botnet"})
		time.Sleep(5 * time.Second)
		w.wantState("alice", quarantine.Waiting)
		first := online("a1")
		set(first)
		time.Sleep(time.Minute)
		w.wantInForce(first.SessionKey, "garden")
		second := online("a2")
		set(second)
		time.Sleep(time.Minute)
		w.wantInForce(second.SessionKey, "garden")
	})
}

func TestASessionThatIsNotReportedAnyMoreAtTheSendStageIsNotRestricted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		store, set := w.borrow(online("a1"))
		e := w.startWith(store, "a", func(c *Config) { c.Poll = time.Minute })
		time.Sleep(15 * time.Second) // it is the sender by now
		situation, err := e.situation(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		order := quarantine.Order{Session: situation.Sessions[0], To: "garden"}
		set()
		if err := e.maySend(&quarantine.Case{ID: "c-1", Subscriber: "alice", State: quarantine.Restricting,
			Mode: quarantine.ModeEnforce, Rule: "bots"}, &order); deferredBy(err) != quarantine.CheckSession {
			t.Errorf("the last look %v", err)
		}
	})
}

func TestAnAddressIsUnknownWhereSessionsAreNotFoundByAddress(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		store, _ := w.borrow()
		e := w.startWith(store, "a", func(c *Config) { c.Poll = time.Minute })
		id := w.accept(e, botnet(firstAddress))
		time.Sleep(5 * time.Second)
		w.wantVerdict(e, id, quarantine.VerdictUnknown, quarantine.ErrNoAddressIndex.Error())
	})
}
