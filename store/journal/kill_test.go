package journal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const childDir = "CORDON_JOURNAL_TEST_DIR"

// TestMain also is the process that TestKilledAtAnyMoment kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Println("failed", appendForEver(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// appendForEver appends from several goroutines and prints each record that
// was acknowledged, in one write of its own.
func appendForEver(dir string) error {
	l := newLedger()
	j, err := Open(l.follow(Config{Dir: dir, ReserveBytes: -1, SegmentBytes: 64 << 10}))
	if err != nil {
		return err
	}
	if err := j.Replay(context.Background(), 0, func(r Record) error { l.committed([]Record{r}); return nil }); err != nil {
		return err
	}
	failed := make(chan error)
	for w := range 3 {
		go func() {
			for i := 0; ; i++ {
				batch := make([]Entry, 1+i%3)
				for n := range batch {
					// Few keys, so that the checkpoint stays small.
					batch[n] = Entry{Kind: 1, Key: fmt.Sprintf("%d/%d", w, n), Payload: fmt.Appendf(nil, "%d.%d.%d/%d", os.Getpid(), w, i, len(batch))}
				}
				first, err := j.Append(context.Background(), batch...)
				if err != nil {
					failed <- err
					return
				}
				for n := range batch {
					fmt.Printf("%d %s %s\n", first+uint64(n), batch[n].Key, batch[n].Payload)
				}
			}
		}()
	}
	return <-failed
}

func TestKilledAtAnyMomentTheJournalKeepsWhatItAcknowledged(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 2))
	dir := t.TempDir()
	acked := map[string]string{}
	for round := range 50 {
		lines := killAfter(t, dir, rng.IntN(60), time.Duration(rng.IntN(2000))*time.Microsecond)
		for _, line := range lines {
			seq, what, ok := strings.Cut(line, " ")
			if !ok || seq == "failed" {
				t.Fatalf("seed %d round %d: the child says %q", seed, round, line)
			}
			acked[seq] = what
		}
		checkKilled(t, dir, acked, fmt.Sprintf("seed %d round %d", seed, round))
	}
	t.Logf("%d acknowledged records over 50 kills, seed %d", len(acked), seed)
}

// killAfter lets a child append until it has acknowledged so many records,
// and a moment longer, kills it, and returns the whole lines that it printed.
func killAfter(t *testing.T, dir string, records int, moment time.Duration) (lines []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	var killer sync.WaitGroup
	for n := 0; ; n++ {
		if n == records {
			killer.Go(func() {
				time.Sleep(moment) // moves the kill about, nothing waits for it
				child.Process.Kill()
			})
		}
		line, err := in.ReadString('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	killer.Wait()
	_ = child.Wait() // "signal: killed"
	return lines
}

// checkKilled opens what the child left; batches must be whole and everything
// acknowledged be there.
func checkKilled(t *testing.T, dir string, acked map[string]string, where string) {
	t.Helper()
	j, err := Open(Config{Dir: dir, ReserveBytes: -1, disk: lazyDisk{}})
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	defer j.Close()
	got := map[string]string{}
	batches := map[string]int{}
	for _, r := range all(t, j) {
		got[fmt.Sprint(r.Seq)] = r.Key + " " + string(r.Payload)
		if !r.Checkpoint {
			batches[string(r.Payload)]++
		}
	}
	for seq, what := range acked {
		if got[seq] != what {
			t.Fatalf("%s: record %s was acknowledged as %q and is %q", where, seq, what, got[seq])
		}
	}
	for name, n := range batches {
		if !strings.HasSuffix(name, fmt.Sprintf("/%d", n)) {
			t.Fatalf("%s: %d records of batch %s", where, n, name)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	j := open(b, Config{Dir: b.TempDir()})
	payload := make([]byte, 400) // a verdict, roughly
	b.SetParallelism(64)
	b.SetBytes(int64(recordSize(26, len(payload))))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := j.Append(context.Background(), Entry{Kind: 1, Key: "01JD00000000000000000000AA", Payload: payload}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkAppendAlone(b *testing.B) {
	j := open(b, Config{Dir: b.TempDir()})
	for b.Loop() {
		if _, err := j.Append(context.Background(), entry(1)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReplay(b *testing.B) {
	j := open(b, Config{Dir: b.TempDir(), disk: lazyDisk{}})
	batch := make([]Entry, 1000)
	for i := range batch {
		batch[i] = Entry{Kind: 1, Key: "01JD00000000000000000000AA", Payload: make([]byte, 400)}
	}
	for range 20 {
		if _, err := j.Append(context.Background(), batch...); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(20 * 1000 * int64(recordSize(26, 400)))
	for b.Loop() {
		if err := j.Replay(context.Background(), 0, func(Record) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
