package journal

import "fmt"

// makeRoom truncates a write that found no space, refuses ordinary batches, and
// shrinks the reserve by enough for a retry of the others, which it returns. With
// the reserve used up they are refused too.
//
// Truncating the failed write is safe, other than after a failed sync: it was never
// synced and never acknowledged.
func (j *Journal) makeRoom(cause error, batches []*request) (retry []*request) {
	if err := j.tail.file.Truncate(j.tail.end); err != nil {
		_ = j.stop(fmt.Errorf("truncate a write on a full disk: %w", err))
		return batches
	}
	full := j.setFull(cause)
	retry = refuseOrdinary(batches, full)
	if len(retry) == 0 {
		return nil
	}
	need := 0
	for _, b := range retry {
		need += b.octets
	}
	shrunk, err := j.reserve.shrink(int64(need))
	if err != nil {
		_ = j.stop(err)
		return retry
	}
	if !shrunk {
		answerAll(retry, full)
		return nil
	}
	return retry
}

// setFull returns the error of batches that are refused.
func (j *Journal) setFull(cause error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full == nil {
		j.full = fmt.Errorf("%w: %w", ErrFull, cause)
	}
	return j.full
}

// leaveFull ends the state of being full if the whole reserve can be allocated again:
// then there is space to spare, and the next shortage is covered too.
func (j *Journal) leaveFull() {
	if _, full := j.state(); full == nil || j.reserve.refill() != nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.full = nil
}
