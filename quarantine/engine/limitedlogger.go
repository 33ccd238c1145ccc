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
	logEvery      = time.Minute
	resolvedAfter = 10 * time.Second
)

// limitedLogger tells of what fails again and again: the first time at once, then at
// most once a minute with how often, and when it is over.
type limitedLogger struct {
	logger *zap.Logger
	now    func() time.Time

	mu   sync.Mutex // guards what follows
	open map[string]*condition
}

// condition is one kind, by its message.
type condition struct {
	since, loggedAt, last time.Time
	times, suppressed     int // since it began; since it was told
}

func newLimitedLogger(log *zap.Logger, now func() time.Time) *limitedLogger {
	return &limitedLogger{logger: log, now: now, open: map[string]*condition{}}
}

// log notes that something failed, and logs it if it is time to. The message
// is the kind: a constant.
func (t *limitedLogger) log(level zapcore.Level, message string, fields ...zap.Field) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	x, known := t.open[message]
	if !known {
		x = &condition{since: now}
		t.open[message] = x
	}
	x.last = now
	x.times++
	x.suppressed++
	if known && now.Sub(x.loggedAt) < logEvery {
		return
	}
	if x.suppressed > 1 {
		fields = append(fields, zap.Int("times", x.suppressed))
	}
	x.loggedAt, x.suppressed = now, 0
	t.logger.Log(level, message, fields...)
}

// logResolved tells which troubles are over. Call it now and then while the store
// answers: without it, what is not even tried would look mended.
func (t *limitedLogger) logResolved() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for message, x := range t.open {
		if now.Sub(x.last) < resolvedAfter {
			continue
		}
		delete(t.open, message)
		t.logger.Info("over: "+message, zap.Int("times", x.times), zap.Time("first", x.since), zap.Time("last", x.last))
	}
}
