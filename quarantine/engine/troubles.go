package engine

import (
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// How often a trouble that goes on is told, and after how long without it, the
// store answering, it is over. Everything that fails is tried again sooner.
const (
	troubleEvery = time.Minute
	troubleQuiet = 10 * time.Second
)

// troubles tells of what fails again and again: the first time at once, then at
// most once a minute with how often, and when it is over.
type troubles struct {
	log *zap.Logger
	now func() time.Time

	mu   sync.Mutex // guards what follows
	open map[string]*trouble
}

// trouble is one kind, by its message.
type trouble struct {
	since, told, last time.Time
	times, untold     int // since it began; since it was told
}

func newTroubles(log *zap.Logger, now func() time.Time) *troubles {
	return &troubles{log: log, now: now, open: map[string]*trouble{}}
}

// tell notes that something failed, and logs it if it is time to. The message
// is the kind: a constant.
func (t *troubles) tell(level zapcore.Level, message string, fields ...zap.Field) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	x, known := t.open[message]
	if !known {
		x = &trouble{since: now}
		t.open[message] = x
	}
	x.last = now
	x.times++
	x.untold++
	if known && now.Sub(x.told) < troubleEvery {
		return
	}
	if x.untold > 1 {
		fields = append(fields, zap.Int("times", x.untold))
	}
	x.told, x.untold = now, 0
	t.log.Log(level, message, fields...)
}

// pass tells which troubles are over. Call it now and then while the store
// answers: without it, what is not even tried would look mended.
func (t *troubles) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for message, x := range t.open {
		if now.Sub(x.last) < troubleQuiet {
			continue
		}
		delete(t.open, message)
		t.log.Info("over: "+message, zap.Int("times", x.times), zap.Time("first", x.since), zap.Time("last", x.last))
	}
}
