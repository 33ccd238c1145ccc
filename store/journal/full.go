package journal

import "fmt"

// makeRoom takes back a write that found no space, refuses what is ordinary,
// and gives up enough of the reserve for another try at the rest, which it
// returns. With the reserve used up the rest is refused too.
//
// Cutting off the failed write is safe, other than after a failed sync: it was
// never synced and nobody was told of it.
func (j *Journal) makeRoom(cause error, batches []*request) (retry []*request) {
	if err := j.tail.file.Truncate(j.tail.end); err != nil {
		_ = j.stop(fmt.Errorf("take back a write on a full disk: %w", err))
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

// setFull returns the error for those who are refused.
func (j *Journal) setFull(cause error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full == nil {
		j.full = fmt.Errorf("%w: %w", ErrFull, cause)
	}
	return j.full
}

// leaveFull ends the state of being full if the whole reserve can be had again:
// then there is space to spare, and the next shortage is covered too.
func (j *Journal) leaveFull() {
	if _, full := j.state(); full == nil || j.reserve.refill() != nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.full = nil
}
