package app

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/journal"
)

// Writers learn that an entry is durable before the journal asks what to carry: after
// rotations amid their appends, and the end of all older segments, nothing is missing.
func TestWhatIsDurableIsCarriedIntoTheNextSegment(t *testing.T) {
	var mu sync.Mutex // guards open
	open := map[string]bool{}
	j, err := journal.Open(journal.Config{
		Dir: t.TempDir(), Committed: durable, ReserveBytes: -1,
		Checkpoint: func() []journal.Entry {
			mu.Lock()
			defer mu.Unlock()
			var entries []quarantine.JournalEntry
			for key := range open {
				entries = append(entries, quarantine.JournalEntry{Kind: 1, Key: key, Body: []byte("carried")})
			}
			return journalEntries(entries)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	kept := domainJournal{j}
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 50 {
				key, known := fmt.Sprintf("%d/%d", w, i), false
				err := kept.Append(t.Context(), quarantine.JournalEntry{Kind: 1, Key: key, Body: []byte("written"), Durable: func() {
					mu.Lock()
					defer mu.Unlock()
					open[key], known = true, true
				}})
				if err != nil || !known {
					t.Errorf("%s: %v, known to be durable: %t", key, err, known)
				}
				if i%10 == w {
					if err := j.Rotate(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	writers.Wait()
	_, next := j.Bounds()
	if removed, err := j.Expire(next); err != nil || removed == 0 {
		t.Fatalf("%d segments removed, %v", removed, err)
	}
	found := map[string]bool{}
	err = kept.Replay(t.Context(), func(e quarantine.JournalEntry, _ time.Time) error {
		found[e.Key] = true
		return nil
	})
	if err != nil || len(found) != 200 {
		t.Errorf("%d of 200 entries are left, %v", len(found), err)
	}
}
