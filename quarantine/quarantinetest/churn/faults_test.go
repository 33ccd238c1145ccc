package churn_test

import (
	"strconv"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
	"cordon/quarantine/quarantinetest/churn"
)

func TestFaults(t *testing.T) {
	for k := churn.Fault(1); k < churn.AllFaults; k <<= 1 {
		t.Run(strconv.Itoa(int(k)), func(t *testing.T) { faulty(t, k) })
	}
	t.Run("all", func(t *testing.T) { faulty(t, churn.AllFaults) })
}

func faulty(t *testing.T, k churn.Fault) {
	total := &churn.Table{}
	for seed := range uint64(10) {
		w, err := churn.New(churn.Config{Seed: seed, Verdicts: 5_000, Faults: k})
		if err != nil {
			t.Fatal(err)
		}
		m := quarantinetest.NewMemory()
		m.Interim = w.Interim
		var now time.Time
		m.Now = func() time.Time { return now }
		e := &churn.Engines{World: w, Store: m, Now: m.Now}
		table, err := w.Judge(t.Context(), churn.Court{Store: m, Clock: func(t time.Time) { now = t }, Start: e.Start,
			RedisCrashed: func(lost, crashed, back time.Time) { m.Lose(quarantine.RestartGap(lost, crashed)) }})
		if err != nil {
			t.Fatal(err)
		}
		total.Add(table)
	}
	t.Logf("\n%s", total)
	for _, e := range total.Examples {
		t.Log(e)
	}
}
