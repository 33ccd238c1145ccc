package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// personal puts records about alice and bob into several segments.
func personal(t *testing.T, cfg Config) *Journal {
	t.Helper()
	cfg.SegmentBytes = 1500
	j := open(t, cfg)
	for i := range 30 {
		who := []string{"alice", "bob"}[i%2]
		if _, err := j.Append(t.Context(), Entry{Kind: 1, Key: fmt.Sprintf("case-%d", i),
			Payload: fmt.Appendf(nil, "%s did %d", who, i)}); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

func aboutAlice(r Record) bool { return bytes.HasPrefix(r.Payload, []byte("alice")) }

// checkErasable returns how many of the fifteen records about alice are erased;
// all others must be as they were.
func checkErasable(t *testing.T, got []Record) (erased int) {
	t.Helper()
	if len(got) != 30 {
		t.Fatalf("%d records", len(got))
	}
	for i, r := range got {
		who := []string{"alice", "bob"}[i%2]
		switch {
		case r.Erased && who == "alice" && r.Payload == nil && r.Key == fmt.Sprintf("case-%d", i):
			erased++
		case r.Erased || string(r.Payload) != fmt.Sprintf("%s did %d", who, i):
			t.Fatalf("record %d: %+v", r.Seq, r)
		}
	}
	return erased
}

// traces counts how often text stands in the files.
func traces(t *testing.T, dir, text string) (n int) {
	t.Helper()
	for _, content := range load(t, dir).content {
		n += strings.Count(string(content), text)
	}
	return n
}

func TestAnErasedPayloadIsGoneAndTheChainStillVerifies(t *testing.T) {
	dir := t.TempDir()
	j := personal(t, Config{Dir: dir})
	before, err := Verify(dir)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := j.Erase(t.Context(), aboutAlice); err != nil || n != 15 {
		t.Fatalf("%d erased, %v", n, err)
	}
	if n := checkErasable(t, all(t, j)); n != 15 {
		t.Fatalf("%d read as erased", n)
	}
	if a, b := traces(t, dir, "alice"), traces(t, dir, "bob"); a != 0 || b != 15 {
		t.Fatalf("alice stands %d times in the files, bob %d times", a, b)
	}
	if n, err := j.Erase(t.Context(), func(Record) bool { return true }); err != nil || n != 15 {
		t.Fatalf("then the rest: %d erased, %v", n, err)
	}
	after, err := Verify(dir)
	if err != nil || after.Erased != 30 || after.Head != before.Head {
		t.Fatalf("%+v, %v", after, err)
	}
	if _, err := j.Append(t.Context(), entry(1)); err != nil {
		t.Fatal(err)
	}
	j.Close()
	if n := len(all(t, open(t, Config{Dir: dir}))); n != 31 {
		t.Fatalf("%d records after a reopen", n)
	}
}

func TestAnErasureThatIsInterruptedAnywhereIsFinishedOrNotBegun(t *testing.T) {
	partly := 0
	for allowed := 0; ; allowed++ {
		dir := t.TempDir()
		disk := &hookDisk{}
		j := personal(t, Config{Dir: dir, disk: disk})
		left := allowed
		disk.before = func(o op) error {
			if left--; left < 0 {
				return errPower
			}
			return nil
		}
		_, err := j.Erase(t.Context(), aboutAlice)
		if err == nil {
			break
		}
		if !errors.Is(err, ErrStopped) || !errors.Is(err, errPower) {
			t.Fatalf("after %d operations: %v", allowed, err)
		}
		j.Close()
		if err := tornMarks(t, dir); err != nil {
			t.Fatal(err)
		}
		erased := checkErasable(t, all(t, open(t, Config{Dir: dir, disk: lazyDisk{}})))
		if n := traces(t, dir, "alice"); n != 15-erased {
			t.Fatalf("after %d operations and a restart: alice stands %d times in the files, %d are erased", allowed, n, erased)
		}
		if 0 < erased && erased < 15 {
			partly++
		}
	}
	if partly == 0 {
		t.Error("no interruption left a part")
	}
}

// tornMarks mends the halves that hookDisk leaves of refused writes where a
// real disk would not: eight aligned octets are written whole or not at all.
func tornMarks(t *testing.T, dir string) error {
	t.Helper()
	im := load(t, dir)
	half := stateErased[:4] + stateLive[4:]
	for i, content := range im.content {
		if err := os.WriteFile(im.segs[i].path, bytes.ReplaceAll(content, []byte(half), []byte(stateLive)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func TestReadingGoesOnDuringAnErasure(t *testing.T) {
	j := personal(t, Config{Dir: t.TempDir(), disk: lazyDisk{}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 30 {
			_, err := j.Erase(t.Context(), func(r Record) bool { return aboutAlice(r) && r.Key == fmt.Sprintf("case-%d", i) })
			if err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		checkErasable(t, all(t, j))
		select {
		case <-done:
			if erased := checkErasable(t, all(t, j)); erased != 15 {
				t.Errorf("%d erased at last", erased)
			}
			return
		default:
		}
	}
}

// A turning reader gives one content first and another from the third read on.
type turning struct {
	first, then []byte
	reads       int
}

func (r *turning) ReadAt(b []byte, off int64) (int, error) {
	r.reads++
	if r.reads < 3 {
		return bytes.NewReader(r.first).ReadAt(b, off)
	}
	return bytes.NewReader(r.then).ReadAt(b, off)
}

func TestARecordErasedWhileItIsReadIsErasedNotDamaged(t *testing.T) {
	dir := t.TempDir()
	if _, err := open(t, Config{Dir: dir}).Append(t.Context(), entry(1)); err != nil {
		t.Fatal(err)
	}
	im := load(t, dir)
	f := frames(t, im.segs[0].path)[0]
	half := im.content[0] // read after the wiping, its head from before the marking
	clear(half[f.body:f.end])
	whole := bytes.Clone(half)
	copy(whole[f.off+stateOffset:], stateErased)
	for name, c := range map[string]struct {
		then   []byte
		erased bool
	}{"erased": {whole, true}, "only zero": {half, false}} {
		s, err := newScanner(&turning{first: half, then: c.then}, int64(len(half)))
		if err != nil {
			t.Fatal(err)
		}
		frames, err := s.batch()
		if c.erased && (err != nil || !frames[0].Erased) || !c.erased && err == nil {
			t.Errorf("%s: %+v, %v", name, frames, err)
		}
	}
}

func TestErasureEndsWithItsContext(t *testing.T) {
	j := personal(t, Config{Dir: t.TempDir(), disk: lazyDisk{}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := j.Erase(ctx, aboutAlice); !errors.Is(err, context.Canceled) || n != 0 {
		t.Fatalf("%d erased, %v", n, err)
	}
	if n := checkErasable(t, all(t, j)); n != 0 {
		t.Fatalf("%d erased", n)
	}
}
