package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// load cleans up the directory and brings the journal into the state that its
// files describe. It changes nothing before all of it has been checked.
func (j *Journal) load() error {
	segs, err := listSegments(j.cfg.Dir)
	if err != nil {
		return err
	}
	w, unwiped, err := j.check(segs)
	if err != nil {
		return err
	}
	if err := j.resolveID(w); err != nil {
		return err
	}
	if err := removeUnfinished(j.cfg.Dir); err != nil {
		return err
	}
	if segs, err = j.dropTail(segs); err != nil {
		return err
	}
	for i, wipes := range unwiped {
		if err := j.wipe(segs[i].path, wipes); err != nil {
			return err
		}
	}
	if err := j.openTail(segs, w); err != nil {
		return err
	}
	return j.openReserve()
}

// check walks through everything. unwiped holds, by segment, the records whose
// erasure a crash interrupted.
func (j *Journal) check(segs []segment) (w walk, unwiped map[int][]frame, err error) {
	files, err := openAll(segs)
	if err != nil {
		return w, nil, err
	}
	defer closeAll(files)
	unwiped = make(map[int][]frame)
	for i := range segs {
		info, err := files[i].Stat()
		if err != nil {
			return w, nil, fmt.Errorf("check segment: %w", err)
		}
		last := i == len(segs)-1
		j.recovery, err = w.segment(files[i], &segs[i], info.Size(), last, func(f frame) error {
			if f.unwiped {
				unwiped[i] = append(unwiped[i], f)
			}
			return nil
		})
		if err != nil {
			return w, nil, err
		}
	}
	return w, unwiped, nil
}

func (j *Journal) resolveID(w walk) error {
	id, ok, err := readID(j.cfg.Dir)
	if err != nil {
		return err
	}
	known := w.next != 0 // the segments name it
	switch {
	case ok && known && id != w.id:
		return &DamageError{Segment: idName, Reason: "segments belong to journal " + w.id.String()}
	case ok:
		j.id = id
		return nil
	case known:
		j.id = w.id
	default:
		j.id = newID()
	}
	return writeID(j.cfg.disk, j.cfg.Dir, j.id)
}

func removeUnfinished(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list unfinished files: %w", err)
	}
	for _, e := range entries {
		name, unfinished := strings.CutSuffix(e.Name(), tmpSuffix)
		_, isSegment := segmentFirst(name)
		if !unfinished || !isSegment && name != idName {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove unfinished file: %w", err)
		}
	}
	return nil
}

// dropTail removes what recovery found behind the last complete batch.
func (j *Journal) dropTail(segs []segment) ([]segment, error) {
	if j.recovery.Segment == "" {
		return segs, nil
	}
	n := len(segs) - 1
	if last := segs[n]; last.end > 0 {
		return segs, j.truncate(last.path, last.end)
	}
	if err := os.Remove(segs[n].path); err != nil {
		return nil, fmt.Errorf("remove a segment without a header: %w", err)
	}
	return segs[:n], j.cfg.disk.SyncDir(j.cfg.Dir)
}

func (j *Journal) truncate(path string, size int64) error {
	f, err := j.cfg.disk.Open(path)
	if err != nil {
		return fmt.Errorf("drop torn tail: %w", err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return fmt.Errorf("drop torn tail: %w", err)
	}
	return nil // openTail syncs it
}

// openTail readies the newest segment for appending, or makes the first one.
func (j *Journal) openTail(segs []segment, w walk) error {
	if len(segs) == 0 {
		t, seg, err := j.writeSegment(1, w.last, nil)
		if err == nil {
			err = j.nameSegment(t, seg)
		}
		if err != nil {
			return err
		}
		j.tail, j.segments = t, []segment{seg}
		return nil
	}
	last := segs[len(segs)-1]
	f, err := j.cfg.disk.Open(last.path)
	if err != nil {
		return fmt.Errorf("open newest segment: %w", err)
	}
	j.tail = tail{file: f, header: w.header, next: last.next, prev: w.last, end: last.end}
	j.segments = segs
	// A process that died between write and sync left records that are only in the page
	// cache; they are about to be replayed, so they must become durable.
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync newest segment: %w", err)
	}
	return nil
}

func (j *Journal) openReserve() error {
	r, err := openReserve(j.cfg.disk, j.cfg.Dir, j.cfg.ReserveBytes)
	if err != nil {
		return err
	}
	j.reserve = r
	if err := r.refill(); isFull(err) {
		j.full = fmt.Errorf("%w: %w", ErrFull, err)
	} else if err != nil {
		return err
	}
	return nil
}
