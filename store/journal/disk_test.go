package journal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// lazyDisk leaves out the real syncs, for tests that open thousands of times.
type lazyDisk struct{ osDisk }

type lazyFile struct{ file }

func (lazyFile) Sync() error { return nil }

func (d lazyDisk) Open(path string) (file, error) {
	f, err := d.osDisk.Open(path)
	return lazyFile{f}, err
}

func (lazyDisk) SyncDir(string) error { return nil }

// An op is what a hookDisk is asked to do.
type op struct {
	what string // write, sync, truncate, allocate, syncdir
	name string // of the file, without .tmp
	off  int64
	size int64
}

func (o op) String() string { return fmt.Sprintf("%s %s", o.what, o.name) }

// A hookDisk asks before every operation and keeps what was synced, so that a
// test can fail operations and cut the power. A write that is refused
// leaves its first half behind.
type hookDisk struct {
	lazyDisk
	before func(op) error // nil allows everything

	mu     sync.Mutex
	ops    []op
	synced map[string][]byte // by path without .tmp
}

func (d *hookDisk) ask(o op) error {
	d.mu.Lock()
	d.ops = append(d.ops, o)
	d.mu.Unlock()
	if d.before == nil {
		return nil
	}
	return d.before(o)
}

// count returns how many operations of a sort were asked for on segments.
func (d *hookDisk) count(what string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, o := range d.ops {
		if o.what == what && strings.HasSuffix(o.name, segmentSuffix) {
			n++
		}
	}
	return n
}

func (d *hookDisk) Open(path string) (file, error) {
	f, err := d.osDisk.Open(path)
	return &hookFile{file: f, disk: d, path: strings.TrimSuffix(path, tmpSuffix)}, err
}

func (d *hookDisk) SyncDir(dir string) error {
	return d.ask(op{what: "syncdir", name: filepath.Base(dir)})
}

type hookFile struct {
	file
	disk *hookDisk
	path string
}

func (f *hookFile) op(what string, off, size int64) op {
	return op{what: what, name: filepath.Base(f.path), off: off, size: size}
}

func (f *hookFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.disk.ask(f.op("write", off, int64(len(b)))); err != nil {
		n, _ := f.file.WriteAt(b[:len(b)/2], off)
		if errors.Is(err, errShort) {
			return n, nil
		}
		return n, err
	}
	return f.file.WriteAt(b, off)
}

func (f *hookFile) Truncate(size int64) error {
	if err := f.disk.ask(f.op("truncate", 0, size)); err != nil {
		return err
	}
	return f.file.Truncate(size)
}

func (f *hookFile) Allocate(size int64) error {
	if err := f.disk.ask(f.op("allocate", 0, size)); err != nil {
		return err
	}
	return f.file.Truncate(size) // tests need no real space
}

func (f *hookFile) Sync() error {
	if err := f.disk.ask(f.op("sync", 0, 0)); err != nil {
		return err
	}
	b, err := os.ReadFile(f.path)
	if os.IsNotExist(err) {
		b, err = os.ReadFile(f.path + tmpSuffix)
	}
	if err != nil {
		return err
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.synced == nil {
		f.disk.synced = make(map[string][]byte)
	}
	f.disk.synced[f.path] = b
	return nil
}

// cutPower leaves of every segment what was synced and, of what was not, any
// sectors and any length.
func (d *hookDisk) cutPower(t testing.TB, dir string, rng *rand.Rand) {
	t.Helper()
	const sector = 512
	segs, err := listSegments(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range segs {
		now, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		was := d.synced[s.path]
		size := len(was)
		if len(now) > size {
			size += rng.IntN(len(now) - size + 1)
		}
		disk := make([]byte, size)
		copy(disk, was)
		for at := 0; at < size; at += sector {
			if end := min(at+sector, size, len(now)); at < end && rng.IntN(2) == 0 {
				copy(disk[at:end], now[at:end])
			}
		}
		if err := os.WriteFile(s.path, disk, 0o600); err != nil {
			t.Fatal(err)
		}
		d.synced[s.path] = disk
	}
}

// An image is a journal directory in memory.
type image struct {
	id      []byte
	segs    []segment
	content [][]byte
}

func load(t testing.TB, dir string) *image {
	t.Helper()
	segs, err := listSegments(dir)
	if err != nil {
		t.Fatal(err)
	}
	im := &image{segs: segs}
	if im.id, err = os.ReadFile(filepath.Join(dir, idName)); err != nil {
		t.Fatal(err)
	}
	for _, s := range segs {
		b, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		im.content = append(im.content, b)
	}
	return im
}

// store makes dir hold the image and nothing else.
func (im *image) store(t testing.TB, dir string) {
	t.Helper()
	old, err := listSegments(dir)
	for _, s := range old {
		err = errors.Join(err, os.Remove(s.path))
	}
	for i, s := range im.segs {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, filepath.Base(s.path)), im.content[i], 0o600))
	}
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, idName), im.id, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// walk reads segment i of the image and those after it with the code that Open
// and Replay read with, w having seen those before.
func (im *image) walk(w walk, i int) (got []Record, tail Recovery, err error) {
	for ; i < len(im.segs); i++ {
		tail, err = im.step(&w, i, func(f frame) error {
			got = append(got, f.Record)
			return nil
		})
		if err != nil {
			return got, tail, err
		}
	}
	return got, tail, nil
}

func (im *image) step(w *walk, i int, fn func(frame) error) (Recovery, error) {
	seg, content := im.segs[i], im.content[i]
	return w.segment(bytes.NewReader(content), &seg, int64(len(content)), i == len(im.segs)-1, fn)
}

// before is a walk that has seen the segments before i.
func (im *image) before(t testing.TB, i int) (w walk) {
	t.Helper()
	for n := range i {
		if _, err := im.step(&w, n, func(frame) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// all returns every record that a journal replays.
func all(t testing.TB, j *Journal) []Record {
	t.Helper()
	var got []Record
	if err := j.Replay(t.Context(), 0, func(r Record) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}
