package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
	"cordon/store/spool"
	"cordon/store/storetest"
)

// storeUnreachable takes nothing.
type storeUnreachable struct{}

func (storeUnreachable) Record(_ context.Context, events []quarantine.SessionEvent) []error {
	errs := make([]error, len(events))
	for i := range errs {
		errs[i] = errors.New("unreachable")
	}
	return errs
}

// filledSpool leaves a spool with two records.
func filledSpool(t *testing.T, dir string) {
	t.Helper()
	s, err := spool.New(t.Context(), spool.Config{Dir: dir, Max: spool.MinMax, Next: storeUnreachable{}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		event := quarantine.SessionEvent{
			Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: "bng1", ID: "1"}, Subscriber: "alice", At: time.Now(),
		}
		if err := s.Record(t.Context(), []quarantine.SessionEvent{event})[0]; err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedSpoolIsMovedAsideAndNothingIsAttributedUntilAPersonHasLooked(t *testing.T) {
	cfg := Default()
	cfg.Journal.Dir = t.TempDir()
	filledSpool(t, filepath.Join(cfg.Journal.Dir, "spool"))
	storetest.DamageFile(t, filepath.Join(cfg.Journal.Dir, "spool"), "alice")
	start := func() *App {
		a := &App{cfg: &cfg, log: zap.NewNop()}
		a.life.log = a.log
		if err := a.openJournal(); err != nil {
			t.Fatal(err)
		}
		if err := a.openSpool(t.Context()); err != nil {
			t.Fatalf("accounting does not start: %v", err)
		}
		return a
	}
	for run := range 2 {
		a := start()
		if oldest, some := a.unworked(Options{})(); !some || !oldest.Before(time.Now().Add(-10*365*24*time.Hour)) {
			t.Errorf("run %d: complete from %s, %t: records that were answered are missing", run, oldest, some)
		}
		if err := a.probeSpool(t.Context()); err == nil || !strings.Contains(err.Error(), "spool.damaged-") {
			t.Errorf("run %d: /readyz says %v", run, err)
		}
		if run == 1 {
			aside, _ := filepath.Glob(filepath.Join(cfg.Journal.Dir, "spool.damaged-*"))
			if len(aside) != 1 {
				t.Fatalf("moved aside: %v", aside)
			}
			if err := os.RemoveAll(aside[0]); err != nil {
				t.Fatal(err)
			}
			if oldest, some := a.unworked(Options{})(); some {
				t.Errorf("still incomplete from %s after the folder was removed", oldest)
			}
		}
		a.life.stop()
	}
}

func TestWhatASpoolHoldsIsNotForgottenWhenItIsTurnedOff(t *testing.T) {
	cfg := Default()
	cfg.Journal.Dir, cfg.Accounting.Spool.Max = t.TempDir(), 0
	start := func() *App {
		a := &App{cfg: &cfg, log: zap.NewNop()}
		a.life.log = a.log
		t.Cleanup(a.life.stop)
		if err := errors.Join(a.openJournal(), a.openSpool(t.Context())); err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := start()
	if a.spool != nil {
		t.Error("there is a spool that nobody asked for")
	}
	a.life.stop()
	filledSpool(t, filepath.Join(cfg.Journal.Dir, "spool"))
	a = start()
	if a.spool == nil || a.spool.Stats().Waiting != 2 {
		t.Fatal("two records that were answered are forgotten")
	}
	if _, some := a.unworked(Options{})(); !some {
		t.Error("attribution does not wait for them")
	}
}
