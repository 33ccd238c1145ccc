package stories

import (
	"fmt"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logger writes what an engine logs into the transcript.
func (w *World) logger(name string) *zap.Logger {
	return zap.New(&logCore{transcript: w.transcript, name: name})
}

// logCore is a zapcore.Core that writes nothing out before it is read.
type logCore struct {
	transcript *transcript
	name       string
	fields     []zapcore.Field
}

var _ zapcore.Core = (*logCore)(nil)

// Enabled implements zapcore.Core.
func (c *logCore) Enabled(l zapcore.Level) bool { return l >= zapcore.InfoLevel }

// With implements zapcore.Core.
func (c *logCore) With(fields []zapcore.Field) zapcore.Core {
	return &logCore{c.transcript, c.name, slices.Concat(c.fields, fields)}
}

// Check implements zapcore.Core.
func (c *logCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c *logCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	all := slices.Concat(c.fields, fields)
	c.transcript.add(func() string {
		read := zapcore.NewMapObjectEncoder()
		for _, f := range all {
			f.AddTo(read)
		}
		return fmt.Sprintf("                %s logs: %s %v", c.name, e.Message, read.Fields)
	})
	return nil
}

// Sync implements zapcore.Core.
func (c *logCore) Sync() error { return nil }
