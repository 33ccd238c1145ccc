package journal

import (
	"context"
	"fmt"
)

// Erase overwrites with zeros the payload of every record that match returns
// true for, and returns how many. Digests stay, so the chain still verifies;
// the records read as Erased from then on. Once Erase has returned nil the
// payloads are gone from the files (not from copies, nor from what a disk or a
// file system keeps of overwritten blocks).
//
// Each record is first marked, synced, and then wiped: if a crash comes in
// between, Open finishes the wiping. A failed write or sync stops the journal.
//
// Records appended during the call may be missed, and Config.Checkpoint writes again
// what its caller still holds: remove it there first.
func (j *Journal) Erase(ctx context.Context, match func(Record) bool) (erased int, err error) {
	j.maintenance.Lock()
	defer j.maintenance.Unlock()
	if stopped, _ := j.state(); stopped != nil {
		return 0, stopped // no sync can be trusted any more
	}
	segs, files, err := j.snapshot(0)
	if err != nil {
		return 0, err
	}
	defer closeAll(files)
	var w walk
	for i := range segs {
		var found []frame
		_, err := w.segment(files[i], &segs[i], segs[i].end, false, func(f frame) error {
			if !f.Erased && match(f.Record) {
				f.Payload = nil
				found = append(found, f)
			}
			return ctx.Err()
		})
		if err != nil {
			return erased, err
		}
		if err := j.eraseIn(segs[i].path, found); err != nil {
			return erased, j.stop(err)
		}
		erased += len(found)
	}
	return erased, nil
}

func (j *Journal) eraseIn(path string, found []frame) error {
	if err := j.overwrite(path, found, mark); err != nil {
		return fmt.Errorf("mark for erasure: %w", err)
	}
	return j.wipe(path, found)
}

// wipe zeroes salts and payloads of records already marked as erased.
func (j *Journal) wipe(path string, found []frame) error {
	if err := j.overwrite(path, found, wipe); err != nil {
		return fmt.Errorf("wipe erased payload: %w", err)
	}
	return nil
}

func mark(f file, r *frame) error {
	return writeAll(f, []byte(stateErased), r.off+stateOffset)
}

func wipe(f file, r *frame) error {
	return writeAll(f, make([]byte, saltSize+r.size), r.body)
}

// overwrite applies do to each record in a segment, then syncs.
func (j *Journal) overwrite(path string, found []frame, do func(file, *frame) error) error {
	if len(found) == 0 {
		return nil
	}
	f, err := j.cfg.disk.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // synced below, or an error is on its way
	for i := range found {
		if err := do(f, &found[i]); err != nil {
			return err
		}
	}
	return f.Sync()
}
