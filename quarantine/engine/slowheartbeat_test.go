package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
)

// slowLine passes a heartbeat only after a while.
type slowLine struct {
	line
	gaps, word atomic.Int64
	returned   atomic.Int64
}

func (l *slowLine) Gaps(ctx context.Context) ([]quarantine.Gap, error) {
	time.Sleep(time.Duration(l.gaps.Load()))
	return l.Memory.Gaps(ctx)
}

func (l *slowLine) PublishInstance(ctx context.Context, i quarantine.Instance, returning bool, keep time.Duration) (time.Time, error) {
	if !sleep(ctx, time.Duration(l.word.Load())) {
		return time.Time{}, ctx.Err()
	}
	if returning {
		l.returned.Add(1)
	}
	return l.line.PublishInstance(ctx, i, returning, keep)
}

// A peer that asked it meanwhile learnt that it is cut off, and may have gone on.
func TestAnInstanceThatWasCutOffSaysSoWithItsNextHeartbeat(t *testing.T) {
	for name, slow := range map[string]func(*slowLine) *atomic.Int64{
		"what may be lost is answered late": func(l *slowLine) *atomic.Int64 { return &l.gaps },
		"the word itself is taken late":     func(l *slowLine) *atomic.Int64 { return &l.word },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				toA := &slowLine{line: line{Memory: w.memory}}
				a, _ := w.startListening(toA, "a")
				time.Sleep(time.Minute + publishEvery/5) // its last word is that old
				before := toA.returned.Load()
				toA.cut.Store(true)
				time.Sleep(resumesAfter - publishEvery*8/5) // the next word is not late yet
				toA.cut.Store(false)
				slow(toA).Store(int64(6 * time.Second))
				time.Sleep(6*time.Second + publishEvery/5)
				if a.CutOff() == 0 {
					t.Fatal("it does not say that it is cut off")
				}
				slow(toA).Store(0)
				time.Sleep(10 * time.Second)
				if a.CutOff() != 0 {
					t.Fatal("it is not back")
				}
				if toA.returned.Load() == before {
					t.Error("it does not say that it returns")
				}
			})
		})
	}
}
