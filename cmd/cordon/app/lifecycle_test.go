package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/zap"
)

func TestPartsEndInTheReverseOrderOfTheirStart(t *testing.T) {
	l := lifecycle{log: zap.NewNop()}
	var ended []string
	for _, name := range []string{"log", "store"} {
		l.cleanUp(name, func() error { ended = append(ended, name); return nil })
	}
	l.run("engine", func(ctx context.Context) error {
		<-ctx.Done()
		ended = append(ended, "engine")
		return nil
	})
	l.stop()
	l.stop()
	if want := []string{"engine", "store", "log"}; !slices.Equal(ended, want) {
		t.Errorf("ended %v, want %v", ended, want)
	}
}

func TestAPartThatFailsIsReported(t *testing.T) {
	l := lifecycle{log: zap.NewNop()}
	broken := errors.New("broken")
	l.run("http", func(context.Context) error { return broken })
	if err := <-l.failures(); !errors.Is(err, broken) {
		t.Errorf("reported %v", err)
	}
	l.stop()
}

func TestThePauseFilePausesWhileItExists(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pause")
	g := newGate(&Config{PauseFile: file}, nil, zap.NewNop())
	if reason, paused := g.paused(); paused {
		t.Fatalf("paused without the file: %s", reason)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, paused := g.paused(); !paused {
		t.Fatal("not paused although the file exists")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, paused := g.paused(); paused {
		t.Fatal("still paused")
	}
}
