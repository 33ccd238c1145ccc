package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"cordon/radiusx"
)

// TestAccountingIsMeasuredBesideFreeRADIUS runs all of it with small numbers:
// that it works and that the figures are possible, not how fast anything is.
func TestAccountingIsMeasuredBesideFreeRADIUS(t *testing.T) {
	program := filepath.Join(t.TempDir(), "cordon")
	if out, err := exec.Command("go", "build", "-o", program, "cordon/cmd/cordon").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m, err := MeasureAccounting(t.Context(), AccountingConfig{
		Program: program, Rounds: 1, Sizes: []int{2000, 4000}, Lookups: []int{1000, 4000},
		Load: Load{Lines: 200, Records: 2000, Window: 16, Sources: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slices.Concat(m.Taken[0].Servers, m.Taken[1].Servers) {
		if s.Answered != 2000 || s.PerSecond <= 0 || s.P50 <= 0 || s.P99 < s.P50 || s.CPU <= 0 || s.RedisCPU <= 0 {
			t.Errorf("%s: %+v", s.Name, s)
		}
	}
	if len(m.Memory) != 2 || m.Memory[0].Octets < 200 || m.Memory[1].Octets > octetsFloor*2 || len(m.Lookups) != 2 || m.Lookups[1].P99 <= 0 ||
		m.Taken[0].Ratio <= 0 || !m.Taken[1].Dual {
		t.Errorf("%+v", m)
	}
	dir := t.TempDir()
	if err := m.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "bench-accounting.md"))
	if err != nil || !bytes.Contains(page, []byte("| Cordon |")) || !bytes.Contains(page, []byte("rlm_rediswho |")) {
		t.Errorf("%v\n%s", err, page)
	}
	drawing, err := os.ReadFile(filepath.Join(dir, "bench-accounting.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(drawing)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the drawing is no XML: %v\n%s", err, drawing)
		}
	}
}

func TestALoadThatCannotBeSentIsRefused(t *testing.T) {
	for name, l := range map[string]Load{
		"no ports":     {Lines: 10, Records: 10, Window: 4},
		"wide window":  {Lines: 1000, Records: 1000, Window: 257, Sources: 1},
		"few sessions": {Lines: 3, Records: 10, Window: 4, Sources: 1},
		"long":         {Lines: 10, Records: 10_000, Window: 4, Sources: 1},
	} {
		if _, err := l.open(0); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}

// TestALoadCountsOnlyTrueAnswers has a server that answers each record first
// with a wrong authenticator.
func TestALoadCountsOnlyTrueAnswers(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	secret := []byte("s")
	go func() { // ends with the socket
		b := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if b[40] != 0 && n < 60 {
				t.Error("a record without attributes")
			}
			wrong := append([]byte{5, b[1], 0, 20}, make([]byte, 16)...)
			_, _ = conn.WriteTo(wrong, from)
		}
	}()
	l := Load{Target: netip.MustParseAddrPort(conn.LocalAddr().String()), Secret: secret, Lines: 4, Records: 4, Window: 2, Sources: 1}
	tr, err := l.open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	s := tr.sources[0]
	s.left = 1
	s.begin(0, time.Now())
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	answers, err := s.reader.Read()
	if err != nil || len(answers) != 1 {
		t.Fatalf("%d answers, %v", len(answers), err)
	}
	if s.accept(answers[0], time.Now()) {
		t.Error("a wrong authenticator is taken for an answer")
	}
}

// TestALinesRecordsTellOfSessionsThatFollowEachOther reads them as a server does.
func TestALinesRecordsTellOfSessionsThatFollowEachOther(t *testing.T) {
	began := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	l := newLine(7, 3, began, true)
	at, start, session, status := began, began.Add(-2*recordEvery), "000000070000", rfc2866.AcctStatusType_Value_InterimUpdate
	for step := 3; step < 25; step++ {
		switch step % steps {
		case 0:
			start, session, status = at.Add(recordEvery), fmt.Sprintf("00000007%04d", step/steps), rfc2866.AcctStatusType_Value_Start
		case 1:
			status = rfc2866.AcctStatusType_Value_InterimUpdate
		case steps - 1:
			status = rfc2866.AcctStatusType_Value_Stop
		}
		p, err := radius.Parse(l.packet(9, radiusx.NewKey([]byte("s"))), []byte("s"))
		if err != nil || !radius.IsAuthenticRequest(l.octets, []byte("s")) {
			t.Fatalf("step %d: %v, authentic %t", step, err, radius.IsAuthenticRequest(l.octets, []byte("s")))
		}
		at = at.Add(recordEvery)
		event := rfc2869.EventTimestamp_Get(p)
		if !event.Equal(at) || rfc2866.AcctSessionID_GetString(p) != session || rfc2866.AcctStatusType_Get(p) != status ||
			time.Duration(rfc2866.AcctSessionTime_Get(p))*time.Second != at.Sub(start) {
			t.Errorf("step %d: %s of %s at %s after %d s; want %s of %s at %s after %s", step,
				rfc2866.AcctStatusType_Get(p), rfc2866.AcctSessionID_GetString(p), event, rfc2866.AcctSessionTime_Get(p), status, session, at,
				at.Sub(start))
		}
	}
}

func TestTheAccountingTableSaysWhichFloorIsNotMet(t *testing.T) {
	m := &Accounting{
		Taken: []Compared{{Ratio: 4, Servers: []ServerRuns{{Name: "Cordon", Throughput: Throughput{PerSecond: 40, P99: 2}, Runs: make([]Throughput, 1)},
			{Name: "FreeRADIUS", Throughput: Throughput{PerSecond: 10, P99: 1}, Runs: make([]Throughput, 1)}}}},
		Memory: []Memory{{Sessions: 1, Octets: 700}, {Sessions: 2, Octets: 1200}},
	}
	var text bytes.Buffer
	if err := m.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"floor 3 times met, goal 6 times NOT MET; p99 WORSE", "| 1 | 700 | met | NOT MET |",
		"| 2 | 1200 | NOT MET | NOT MET |"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing:\n%s", want, text.String())
		}
	}
}
