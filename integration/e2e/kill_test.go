package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/integration/wire"
)

func TestAKillBetweenThe202AndTheCoALosesNothing(t *testing.T) {
	t.Parallel()
	t.Run("while the pause file exists", func(t *testing.T) {
		t.Parallel()
		pause := filepath.Join(t.TempDir(), "pause")
		b := newBed(t, func(s *site) { s.pause = pause })
		b.online("alice", "198.51.100.7")
		if err := os.WriteFile(pause, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		id := b.report("198.51.100.7")
		b.stands("alice", "restricting", "bng1/s-alice pending")
		b.restart()
		never(t, 6*time.Second, "a request was sent although the pause file exists", func() (string, bool) {
			got := b.bng.about("alice")
			return strings.Join(got, "\n"), len(got) > 0
		})
		b.kill()
		if err := os.Remove(pause); err != nil {
			t.Fatal(err)
		}
		b.serve()
		b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
		b.stands("alice", "restricted", "bng1/s-alice acked")
		b.verdict(id, "acted")
	})
	t.Run("while Redis is unreachable", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.online("alice", "198.51.100.7")
		b.redis.Kill()
		id := b.report("198.51.100.7")
		b.kill()
		b.redis.Start()
		b.bng.nothingAbout("alice")
		b.serve()
		b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
		b.stands("alice", "restricted", "bng1/s-alice acked")
		b.verdict(id, "acted")
	})
	t.Run("before the BNG is there", func(t *testing.T) {
		t.Parallel()
		b := prepareBed(t)
		b.serve()
		b.online("alice", "198.51.100.7")
		id := b.report("198.51.100.7")
		b.stands("alice", "restricting", "bng1/s-alice pending")
		b.kill()
		b.bng.startNow()
		b.bng.nothingAbout("alice")
		b.serve()
		b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
		b.stands("alice", "restricted", "bng1/s-alice acked")
		b.verdict(id, "acted")
	})
	t.Run("right after the answer", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.online("alice", "198.51.100.7")
		body := fmt.Sprintf(`{"source":"s","observed_at":%q,"ip":"198.51.100.7","category":"botnet","confidence":1}`, stampNow())
		if status, answer, err := b.post("/verdicts", "application/json", body); err != nil || status != http.StatusAccepted {
			t.Fatalf("%d %s %v", status, answer, err)
		}
		b.restart()
		b.stands("alice", "restricted", "bng1/s-alice acked")
		for _, line := range b.bng.about("alice") { // more than once if the kill came in between
			if line != coaRequest("alice", "s-alice", "GARDEN") {
				t.Errorf("the BNG got %s", line)
			}
		}
	})
}

func stampNow() string { return time.Now().UTC().Format(time.RFC3339Nano) }

func TestAReleaseSurvivesAKill(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.report("198.51.100.7")
	c := b.stands("alice", "restricted")
	b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	b.restart()
	within(t, soon, "the session is restored", func() (string, bool) {
		got := b.bng.about("alice")
		return strings.Join(got, "\n"), got[len(got)-1] == coaRequest("alice", "s-alice", "INTERNET")
	})
}

// Numbers of the flood while Cordon ends again and again.
const (
	floodSubscribers = 100
	floodVerdicts    = 200
	floodEnds        = 20
)

func TestEveryAcceptedVerdictSurvivesTwentyEnds(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	b := newBed(t)
	var starts []record
	for i := range floodSubscribers {
		starts = append(starts, record{user: fmt.Sprintf("u%03d", i), session: fmt.Sprintf("s%03d", i), ip: fmt.Sprintf("198.51.100.%d", i)})
	}
	b.account(starts...)

	var handed atomic.Int64
	accepted := make(chan []string, 1)
	go func() { accepted <- b.flood(&handed) }() // ends when every verdict is accepted
	for end := range floodEnds {
		for handed.Load() < int64((end+1)*floodVerdicts/(floodEnds+1)) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
		if random.IntN(4) == 0 {
			b.end(20 * time.Second) // a SIGTERM now and then
			b.serve()
			continue
		}
		b.restart()
	}
	ids := <-accepted
	if len(ids) != floodVerdicts {
		t.Fatalf("seed %d: %d verdicts were accepted", seed, len(ids))
	}
	for _, id := range ids {
		b.verdict(id, "acted")
	}
	for _, s := range starts {
		b.standsWithin(time.Minute, s.user, "restricted", "bng1/"+s.session+" acked")
		if all := b.cases(s.user); len(all) != 1 {
			t.Errorf("seed %d: %s has %d cases", seed, s.user, len(all))
		}
		garden := coaRequest(s.user, s.session, "GARDEN")
		got := b.bng.about(s.user)
		if len(got) == 0 || slices.ContainsFunc(got, func(line string) bool { return line != garden }) {
			t.Errorf("seed %d: the BNG got about %s:\n%s", seed, s.user, strings.Join(got, "\n"))
		}
	}
}

// flood hands in verdicts one by one, two about each subscriber, each again
// until it is accepted, and returns their ids.
func (b *bed) flood(handed *atomic.Int64) []string {
	var ids []string
	for i := range floodVerdicts {
		body := fmt.Sprintf(`{"source":"flood","source_id":"v%d","observed_at":%q,"ip":"198.51.100.%d","category":"botnet","confidence":1}`,
			i, stampNow(), i%floodSubscribers)
		for over := time.Now().Add(soon); ; time.Sleep(20 * time.Millisecond) {
			status, answer, err := b.post("/verdicts", "application/json", body)
			if err == nil && status == http.StatusAccepted {
				var receipts wire.Receipts
				if err := json.Unmarshal([]byte(answer), &receipts); err != nil || len(receipts.Results) != 1 {
					b.t.Errorf("verdict %d: %v %s", i, err, answer)
					return ids
				}
				ids = append(ids, receipts.Results[0].ID)
				break
			}
			if time.Now().After(over) {
				b.t.Errorf("verdict %d was not accepted: %d %s %v", i, status, answer, err)
				return ids
			}
		}
		handed.Add(1)
		time.Sleep(5 * time.Millisecond)
	}
	return ids
}
