package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// storeTimeout is how long Accept waits for the store to name duplicates; without its
// answer the journal alone decides.
const storeTimeout = 250 * time.Millisecond

// maxAccepting bounds the concurrent calls of Accept, of all sources together; a journal
// that hangs would pile up requests and their bodies without end.
const maxAccepting = 1024

// shareRetry is the Retry-After of a throttled source.
const shareRetry = time.Minute

// errAccepting is returned by Accept when too many calls wait for the journal.
var errAccepting = errors.New("too many requests wait for the journal")

// Accept makes valid verdicts durable in this host's journal and queues them.
// A verdict for which its source's share of the queue has no room is answered as
// throttled and dropped; the others are accepted. On an error none of them was
// newly accepted. Verdicts that were accepted before are answered as duplicates and
// change nothing.
func (e *Engine) Accept(ctx context.Context, verdicts []quarantine.Verdict) ([]quarantine.Acceptance, error) {
	if len(verdicts) == 0 {
		return nil, nil
	}
	caller := verdicts[0].Source
	if !e.accepting.reserve(caller) {
		return nil, errAccepting
	}
	defer e.accepting.release(caller)
	answers := make([]quarantine.Acceptance, len(verdicts))
	for i := range verdicts {
		verdicts[i].ReceivedAt = e.Now().UTC()
		verdicts[i].Identify()
		answers[i].ID = verdicts[i].ID
	}
	fresh, err := e.claim(ctx, verdicts, answers)
	defer func() {
		for _, v := range fresh {
			e.ledger.arrived(v.ID)
		}
	}()
	if err != nil {
		return answers, err
	}
	admitted := e.queueable(fresh, answers)
	if len(admitted) == 0 {
		return answers, nil
	}
	return answers, e.journalAccepted(ctx, admitted)
}

// queueable returns the verdicts for which a place in the queue was reserved, and answers
// the others, and their duplicates in the same call, as throttled.
func (e *Engine) queueable(fresh []quarantine.Verdict, answers []quarantine.Acceptance) []quarantine.Verdict {
	var admitted []quarantine.Verdict
	refused, throttled := map[string]string{}, ""
	for _, v := range fresh {
		if e.backlog.reserve(v.Source) {
			admitted = append(admitted, v)
			continue
		}
		throttled = v.Source
		refused[v.ID] = fmt.Sprintf("source %q has its share of the queue: %d of its verdicts wait for a decision",
			v.Source, e.backlog.share(v.Source).Source)
	}
	for i, a := range answers {
		if reason := refused[a.ID]; reason != "" {
			answers[i] = quarantine.Acceptance{ID: a.ID, Throttled: reason, RetryAfter: shareRetry}
		}
	}
	if n := len(refused); n > 0 {
		e.throttled.Add(uint64(n))
		e.limited.log(zap.WarnLevel, "a source is throttled", zap.String("source", throttled), zap.Int("verdicts", n))
	}
	return admitted
}

// journalAccepted makes verdicts that have their places durable and queues them.
func (e *Engine) journalAccepted(ctx context.Context, admitted []quarantine.Verdict) error {
	entries := make([]quarantine.JournalEntry, len(admitted))
	for i, v := range admitted {
		entries[i] = changing(entry(entryAccepted, v.ID, v), func() { e.ledger.accept(v) })
	}
	// An answer that the sender no longer waits for must still be the truth.
	if err := e.Journal.Append(context.WithoutCancel(ctx), entries...); err != nil {
		for _, v := range admitted {
			e.backlog.release(v.Source)
		}
		return fmt.Errorf("write the journal: %w", err)
	}
	for _, v := range admitted {
		e.queue.push(v.ID, v.Source, e.Now())
	}
	return nil
}

// Backlog returns how many accepted verdicts wait for a decision, how full the
// fullest source's share of the queue is (0 to 1), and how many verdicts were
// throttled for want of room.
func (e *Engine) Backlog() (waiting int, fullest float64, throttled uint64) {
	waiting, fullest = e.backlog.fullest()
	return waiting, fullest, e.throttled.Load()
}

// claim finds out which verdicts are new and claims their ids. Ids that another
// call is making durable at this moment are waited for; claiming in the order
// of ids keeps two such calls from a deadlock.
func (e *Engine) claim(ctx context.Context, verdicts []quarantine.Verdict, answers []quarantine.Acceptance) ([]quarantine.Verdict, error) {
	known := e.knownToStore(ctx, verdicts)
	order := make([]int, len(verdicts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(verdicts[a].ID, verdicts[b].ID) })
	var fresh []quarantine.Verdict
	for at, i := range order {
		id := verdicts[i].ID
		if known[id] || (at > 0 && verdicts[order[at-1]].ID == id) {
			answers[i].Duplicate = true
			continue
		}
		duplicate, err := e.claimOne(ctx, id)
		if err != nil {
			return fresh, err
		}
		if answers[i].Duplicate = duplicate; !duplicate {
			fresh = append(fresh, verdicts[i])
		}
	}
	return fresh, nil
}

func (e *Engine) claimOne(ctx context.Context, id string) (duplicate bool, err error) {
	for {
		wait, known := e.ledger.arrive(id)
		if known || wait == nil {
			return known, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return false, fmt.Errorf("wait for the same verdict: %w", ctx.Err())
		}
	}
}

// knownToStore asks the store which ids it has; an optimisation, for duplicates are
// harmless.
func (e *Engine) knownToStore(ctx context.Context, verdicts []quarantine.Verdict) map[string]bool {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	ids := make([]string, len(verdicts))
	for i, v := range verdicts {
		ids[i] = v.ID
	}
	known, err := e.Store.KnownVerdicts(ctx, ids)
	if err != nil {
		return nil
	}
	return known
}

// Verdict returns a verdict's status. Errors: quarantine.ErrNoVerdict; any other means that
// the store does not answer.
func (e *Engine) Verdict(ctx context.Context, id string) (quarantine.VerdictStatus, error) {
	// The ledger goes first: a verdict leaves it only once the store has it.
	v, open := e.ledger.verdict(id)
	status, err := e.Store.Verdict(ctx, id)
	if err == nil {
		return e.current(ctx, status), nil
	}
	if open {
		return quarantine.VerdictStatus{Verdict: v, State: quarantine.VerdictPending, Reason: "accepted, not decided yet"}, nil
	}
	return quarantine.VerdictStatus{}, err
}

// current brings a held verdict's status up to date: a person may have decided about its
// case, or its escalation, since.
func (e *Engine) current(ctx context.Context, status quarantine.VerdictStatus) quarantine.VerdictStatus {
	if status.State != quarantine.VerdictHeld {
		return status
	}
	c, err := e.Store.Case(ctx, status.Case)
	switch {
	case err != nil || c.State == quarantine.CaseHeld:
	case c.State.Wants():
		status.State, status.Reason = e.Rules.Since(&status.Verdict, c)
	default:
		status.State, status.Reason = quarantine.VerdictRecorded, "its case is "+string(c.State)
	}
	return status
}
