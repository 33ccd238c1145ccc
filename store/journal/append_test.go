package journal

import (
	"fmt"
	"testing"
)

func open(t testing.TB, cfg Config) *Journal {
	t.Helper()
	if cfg.ReserveBytes == 0 {
		cfg.ReserveBytes = -1
	}
	j, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func entry(i int) Entry {
	return Entry{Kind: Kind(i%7 + 1), Key: fmt.Sprintf("case-%d", i), Payload: fmt.Appendf(nil, "payload of %d", i)}
}

func TestWhatWasAppendedIsReplayedAfterAReopen(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir})
	for i := range 10 {
		first, err := j.Append(t.Context(), entry(2*i), entry(2*i+1))
		if err != nil || first != uint64(2*i+1) {
			t.Fatalf("batch %d: first %d, %v", i, first, err)
		}
	}
	id := j.ID()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, Config{Dir: dir})
	if j.ID() != id || j.Recovery() != (Recovery{}) {
		t.Fatalf("id %s, then %s; recovery %+v", id, j.ID(), j.Recovery())
	}
	n := 0
	err := j.Replay(t.Context(), 0, func(r Record) error {
		e := entry(n)
		n++
		if r.Seq != uint64(n) || r.Kind != e.Kind || r.Key != e.Key || string(r.Payload) != string(e.Payload) {
			t.Fatalf("record %d: %+v", n, r)
		}
		return nil
	})
	if err != nil || n != 20 {
		t.Fatalf("%d records, %v", n, err)
	}
}
