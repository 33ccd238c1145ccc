package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/quarantine"
)

// storePatience is how long accepting waits for the store to tell about
// doubles; the log alone decides when the store does not answer.
const storePatience = 250 * time.Millisecond

// maxUnsettled is how many verdicts may wait to be decided, in memory; more are
// refused until the store keeps up.
const maxUnsettled = 200_000

var errTooMany = errors.New("too many accepted verdicts wait to be decided; send this one again later")

// Accept makes valid verdicts durable in this host's log and puts them in line.
// On an error none of them was newly accepted. Verdicts that were accepted
// before are told as duplicates and change nothing.
func (e *Engine) Accept(ctx context.Context, verdicts []quarantine.Verdict) ([]quarantine.Acceptance, error) {
	if e.ledger.waitingVerdicts()+len(verdicts) > maxUnsettled {
		return nil, errTooMany
	}
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
	if err != nil || len(fresh) == 0 {
		return answers, err
	}
	entries := make([]quarantine.LogEntry, len(fresh))
	for i, v := range fresh {
		entries[i] = changing(entry(logAccepted, v.ID, v), func() { e.ledger.accept(v) })
	}
	// An answer that the sender no longer waits for must still be the truth.
	if err := e.Log.Append(context.WithoutCancel(ctx), entries...); err != nil {
		return nil, fmt.Errorf("write the log: %w", err)
	}
	for _, v := range fresh {
		e.queue.push(v.ID, e.Now())
	}
	return answers, nil
}

// claim finds out which verdicts are new and claims their ids. Ids that another
// call is making durable at this moment are waited for; claiming in the order
// of ids keeps two such calls from waiting for each other.
func (e *Engine) claim(ctx context.Context, verdicts []quarantine.Verdict, answers []quarantine.Acceptance) ([]quarantine.Verdict, error) {
	known := e.knownElsewhere(ctx, verdicts)
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

// knownElsewhere asks the store about ids; it is only a courtesy to senders,
// for doubles are harmless.
func (e *Engine) knownElsewhere(ctx context.Context, verdicts []quarantine.Verdict) map[string]bool {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
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

// Verdict returns what became of a verdict.
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

// current follows a held verdict whose case a person has decided about since.
func (e *Engine) current(ctx context.Context, status quarantine.VerdictStatus) quarantine.VerdictStatus {
	if status.State != quarantine.VerdictHeld {
		return status
	}
	c, err := e.Store.Case(ctx, status.Case)
	switch {
	case err != nil || c.State == quarantine.CaseHeld:
	case c.State.Wants():
		status.State, status.Reason = quarantine.VerdictActed, ""
	default:
		status.State, status.Reason = quarantine.VerdictRecorded, "its case is "+string(c.State)
	}
	return status
}
