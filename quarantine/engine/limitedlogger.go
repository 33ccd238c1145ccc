package engine

import (
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// How often a condition that lasts is logged, and after how long without it, while the store
// answers, it counts as resolved. Everything that fails is retried sooner.
const (
	logEvery      = time.Minute
	resolvedAfter = 10 * time.Second
)

// limitedLogger is a rate-limited log of what fails repeatedly: the first time at once, then at
// most once a minute with the number of times, and when it is resolved.
type limitedLogger struct {
	logger *zap.Logger
	now    func() time.Time

	mu   sync.Mutex // guards what follows
	open map[string]*condition
}

// condition is one kind of failure, by its message.
type condition struct {
	since, loggedAt, last time.Time
	times, suppressed     int // since it began; since it was logged
}

func newLimitedLogger(logger *zap.Logger, now func() time.Time) *limitedLogger {
	return &limitedLogger{logger: logger, now: now, open: map[string]*condition{}}
}

// log notes that something failed, and logs it if it is due. The message is the kind of failure:
// a constant.
func (l *limitedLogger) log(level zapcore.Level, message string, fields ...zap.Field) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	x, known := l.open[message]
	if !known {
		x = &condition{since: now}
		l.open[message] = x
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
	l.logger.Log(level, message, fields...)
}

// logResolved logs which conditions are resolved. Call it now and then while the store answers:
// without the store, what is not even tried would look resolved.
func (l *limitedLogger) logResolved() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for message, x := range l.open {
		if now.Sub(x.last) < resolvedAfter {
			continue
		}
		delete(l.open, message)
		l.logger.Info("resolved: "+message, zap.Int("times", x.times), zap.Time("first", x.since), zap.Time("last", x.last))
	}
}
