package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// flipped checks what is read from segment i of im on, in which the octet at
// offset at is wrong.
func flipped(t *testing.T, im *image, older walk, i int, at int64, want []Record, where []frame) {
	t.Helper()
	hit := slices.IndexFunc(where, func(f frame) bool { return f.off <= at && at < f.end }) // -1: the header
	got, tail, err := im.walk(older, i)
	if !slices.EqualFunc(got, want[:len(got)], same) {
		t.Fatalf("segment %d octet %d: a wrong record was returned", i, at)
	}
	if i == len(im.segs)-1 && hit == len(where)-1 {
		last := where[hit]
		if err != nil || tail.Seq != last.Seq || tail.Cut || tail.Offset != last.off || len(got) != len(want)-1 {
			t.Fatalf("octet %d of the last record: %+v, %v", at, tail, err)
		}
		return
	}
	damage, ok := errors.AsType[*DamageError](err)
	if !ok || !errors.Is(err, ErrDamaged) {
		t.Fatalf("segment %d octet %d: %d records, tail %+v, %v", i, at, len(got), tail, err)
	}
	var offset int64
	seq := im.segs[i].first
	if hit >= 0 {
		offset, seq = where[hit].off, where[hit].Seq
	}
	if damage.Segment != filepath.Base(im.segs[i].path) || damage.Offset != offset || damage.Seq != seq {
		t.Fatalf("segment %d octet %d, of record %d at %d: %v", i, at, seq, offset, err)
	}
}

func TestAFlippedOctetIsFoundAndNoWrongRecordIsReturned(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	j := open(t, Config{Dir: whole, disk: lazyDisk{}, Checkpoint: func() []Entry { return []Entry{entry(500), entry(501)} }})
	for i := range 100 {
		if i == 50 {
			if err := j.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := j.Append(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	want := all(t, j)
	j.Close()
	im := load(t, whole)
	dir := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 3))
	t.Logf("seed %d", seed)
	for i, s := range im.segs {
		older := im.before(t, i)
		where := frames(t, s.path)
		content := im.content[i]
		for at := range content {
			flip := byte(1 + rng.IntN(255))
			content[at] ^= flip
			flipped(t, im, older, i, int64(at), want[s.first-1:], where)
			if at%127 == 0 {
				im.store(t, dir)
				openDamaged(t, dir, im, i, at, int64(at) >= where[len(where)-1].off)
			}
			content[at] ^= flip
		}
	}
}

// openDamaged checks that Open says the same, and leaves everything as it is.
func openDamaged(t *testing.T, dir string, im *image, i, at int, inLast bool) {
	t.Helper()
	j, err := Open(Config{Dir: dir, ReserveBytes: -1, disk: lazyDisk{}})
	if err == nil {
		defer j.Close()
		if i != len(im.segs)-1 || !inLast || j.Recovery().Octets == 0 {
			t.Fatalf("segment %d octet %d: opened with %+v", i, at, j.Recovery())
		}
		return
	}
	if !errors.Is(err, ErrDamaged) {
		t.Fatalf("segment %d octet %d: %v", i, at, err)
	}
	if after := load(t, dir); !slices.EqualFunc(after.content, im.content, bytes.Equal) {
		t.Fatalf("segment %d octet %d: a failed Open changed the files", i, at)
	}
}

// reseal makes the checksum of the record at off right again.
func reseal(segment []byte, off int64) {
	b := segment[off:]
	end := fixedSize + int(b[30])
	binary.LittleEndian.PutUint32(b[16:], crc32.Checksum(b[sealStart:end], castagnoli))
}

func TestDeliberateChangesBreakTheChain(t *testing.T) {
	whole, other, fork := t.TempDir(), t.TempDir(), t.TempDir()
	hundred(t, whole, 50)
	hundred(t, other, 50)
	forked(t, load(t, whole), fork)
	where := frames(t, load(t, whole).segs[0].path)
	changes := changesOfRecords(where)
	maps.Copy(changes, changesOfSegments(load(t, other), load(t, fork), where[len(where)-6].end))
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			im := load(t, whole)
			change(im)
			dir := t.TempDir()
			im.store(t, dir)
			if _, err := Verify(dir); !errors.Is(err, ErrDamaged) {
				t.Errorf("Verify: %v", err)
			}
			if j, err := Open(Config{Dir: dir, ReserveBytes: -1}); !errors.Is(err, ErrDamaged) {
				t.Errorf("Open: %v, %v", j, err)
			}
		})
	}
}

// changesOfRecords are changes in the first segment, whose records are given.
func changesOfRecords(where []frame) map[string]func(im *image) {
	third := where[2]
	return map[string]func(im *image){
		"a record rewritten, checksum and all": func(im *image) {
			im.content[0][third.off+28] ^= 3 // its kind
			reseal(im.content[0], third.off)
		},
		"a payload exchanged together with its digest": func(im *image) {
			b := im.content[0][third.off:third.end]
			body := b[third.body-third.off:]
			body[saltSize] ^= 0xff
			sum := payloadDigest(body[:saltSize], body[saltSize:saltSize+third.size])
			copy(b[88:], sum[:])
			reseal(im.content[0], third.off)
		},
		"a record taken out": func(im *image) {
			im.content[0] = slices.Concat(im.content[0][:third.off], im.content[0][third.end:])
		},
		"two records exchanged": func(im *image) {
			b := im.content[0]
			next := where[3]
			im.content[0] = slices.Concat(b[:third.off], b[next.off:next.end], b[third.off:third.end], b[next.end:])
		},
		"a record put in twice": func(im *image) {
			b := im.content[0]
			im.content[0] = slices.Concat(b[:third.end], b[third.off:])
		},
	}
}

// changesOfSegments are changes of whole segments: other is another journal, fork a copy
// that went its own way, and a batch of the first segment ends at cut.
func changesOfSegments(other, fork *image, cut int64) map[string]func(im *image) {
	return map[string]func(im *image){
		"a segment of another journal": func(im *image) {
			im.content[1] = other.content[1]
		},
		"a segment of a copy that went its own way": func(im *image) {
			im.content[1] = fork.content[1]
		},
		"the older segment cut at the end of a batch": func(im *image) {
			im.content[0] = im.content[0][:cut]
		},
		"a segment under another's name": func(im *image) {
			im.segs[1].path = filepath.Join(filepath.Dir(im.segs[1].path), segmentName(im.segs[1].first+1))
			im.segs[1].first++
		},
		"an unknown version": func(im *image) {
			b := im.content[1]
			b[8] = 2
			binary.LittleEndian.PutUint32(b[100:], crc32.Checksum(b[:100], castagnoli))
		},
		"an id that is not the segments'": func(im *image) {
			im.id = other.id
		},
		"an id that is none": func(im *image) {
			im.id = []byte("cordon\n")
		},
	}
}

// forked makes dir a copy of the first segment whose last batch was another,
// as long, and after which a second segment starts at the same record.
func forked(t *testing.T, im *image, dir string) {
	t.Helper()
	in := frames(t, im.segs[0].path)
	last := slices.IndexFunc(in, func(f frame) bool { return f.group == in[len(in)-1].group })
	copied := &image{id: im.id, segs: im.segs[:1], content: [][]byte{im.content[0][:in[last].off]}}
	copied.store(t, dir)
	j := open(t, Config{Dir: dir})
	for n := range len(in) - last {
		if _, err := j.Append(t.Context(), entry(1000+n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAMissingSegmentIsDamageUnlessItIsTheOldest(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir, SegmentBytes: 1, disk: lazyDisk{}})
	for i := range 6 {
		if _, err := j.Append(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
	im := load(t, dir)
	for gone := range im.segs {
		part := &image{id: im.id}
		part.segs = slices.Delete(slices.Clone(im.segs), gone, gone+1)
		part.content = slices.Delete(slices.Clone(im.content), gone, gone+1)
		_, _, err := part.walk(walk{}, 0)
		outer := gone == 0 || gone == len(im.segs)-1
		if outer && err != nil || !outer && !errors.Is(err, ErrDamaged) {
			t.Errorf("without segment %d: %v", gone, err)
		}
	}
}

func TestALostIDIsTakenFromTheSegments(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir})
	j.Close()
	if err := os.Remove(filepath.Join(dir, idName)); err != nil {
		t.Fatal(err)
	}
	if again := open(t, Config{Dir: dir}); again.ID() != j.ID() {
		t.Fatalf("id %s became %s", j.ID(), again.ID())
	}
}

func TestDamageThatComesWhileOpenIsFoundByReplay(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir})
	if _, err := j.Append(t.Context(), entry(1)); err != nil {
		t.Fatal(err)
	}
	im := load(t, dir)
	im.content[0][headerSize+90] ^= 1
	if err := os.WriteFile(im.segs[0].path, im.content[0], 0o600); err != nil {
		t.Fatal(err)
	}
	err := j.Replay(t.Context(), 0, func(Record) error { t.Error("a wrong record"); return nil })
	if !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
}

func FuzzSegment(f *testing.F) {
	dir := f.TempDir()
	hundred(f, dir, 95)
	im := load(f, dir)
	f.Add(im.content[1], false)
	f.Add(im.content[1], true)
	f.Add(im.content[1][:headerSize], true)
	f.Add(im.content[0][:700], false)
	f.Add([]byte("CORDONJL"), false)
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		if sealed {
			b = resealAll(bytes.Clone(b))
		}
		seg := segment{path: segmentName(1), first: 1}
		if len(b) >= headerSize {
			seg.first = binary.LittleEndian.Uint64(b[40:])
		}
		var w walk
		next := seg.first
		tail, err := w.segment(bytes.NewReader(b), &seg, int64(len(b)), true, func(f frame) error {
			if f.Seq != next || f.Kind == 0 || len(f.Payload) > MaxPayload || f.Erased && f.Payload != nil {
				t.Fatalf("record %+v, expected %d", f.Record, next)
			}
			next++
			return nil
		})
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatalf("neither read nor damaged: %v", err)
		}
		if err == nil && seg.end+tail.Octets != int64(len(b)) {
			t.Fatalf("%d octets read, %d left of %d", seg.end, tail.Octets, len(b))
		}
	})
}

// resealAll lets the fuzzer past the checksums, marks and payload digests.
func resealAll(b []byte) []byte {
	if len(b) < headerSize {
		return b
	}
	binary.LittleEndian.PutUint32(b[100:], crc32.Checksum(b[:100], castagnoli))
	for off := headerSize; off+fixedSize+MaxKey+saltSize <= len(b); {
		r := b[off:]
		copy(r, b[32:32+markSize])
		r[31] = ^r[30]
		body := fixedSize + int(r[30])
		size := int(binary.LittleEndian.Uint32(r[20:]))
		if size > len(r)-body-saltSize {
			break
		}
		sum := payloadDigest(r[body:body+saltSize], r[body+saltSize:body+saltSize+size])
		copy(r[88:], sum[:])
		reseal(b, int64(off))
		off += recordSize(int(r[30]), size)
	}
	return b
}

func TestACheckpointIsNeverDroppedAsATornTail(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir, Checkpoint: func() []Entry { return []Entry{entry(1), entry(2)} }})
	if _, err := j.Append(t.Context(), entry(0)); err != nil {
		t.Fatal(err)
	}
	if err := j.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if gone, err := j.Expire(2); err != nil || gone != 1 {
		t.Fatalf("%d segments gone, %v", gone, err)
	}
	j.Close()
	for name, change := range map[string]func(b []byte) []byte{
		"a flip in the last": func(b []byte) []byte { b[len(b)-10] ^= 1; return b },
		"cut in the last":    func(b []byte) []byte { return b[:len(b)-8] },
		"cut in the header":  func(b []byte) []byte { return b[:50] },
	} {
		im := load(t, dir)
		im.content[0] = change(im.content[0])
		copied := t.TempDir()
		im.store(t, copied)
		if _, err := Open(Config{Dir: copied}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s, with nothing before it: %v", name, err)
		}
	}
}
