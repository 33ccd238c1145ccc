package bngsim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/acct"
)

var acctAddr = netip.AddrPortFrom(ourIP, 1813)

// ledger is an accounting server beside a BNG.
type ledger struct {
	mu      sync.Mutex // guards what follows
	refuse  int        // records to refuse
	records []acct.Record
}

func (l *ledger) Handle(_ context.Context, batch []acct.Record) []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := make([]error, len(batch))
	for i, r := range batch {
		if l.refuse > 0 {
			l.refuse--
			errs[i] = errors.New("refused")
			continue
		}
		l.records = append(l.records, r)
	}
	return errs
}

func (l *ledger) all() []acct.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// story prints records as "Start 1 alice@isp", service records with an "s".
func story(records []acct.Record) []string {
	var lines []string
	for _, r := range records {
		line := fmt.Sprintf("%v %s %s", r.Status, r.SessionID, r.UserName)
		for _, name := range []string{"ERX-Service-Session", "Cisco-Service-Info", "Service-Name"} {
			if service, ok := radiusx.Find(r.Attributes, name); ok {
				line += " " + service
			}
		}
		if r.Service {
			line += " s"
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// newAccountingLab is newLab with a ledger; the test calls stop.
func newAccountingLab(t *testing.T, platform Platform, configure func(*Config)) (*lab, *ledger) {
	t.Helper()
	book := &ledger{}
	var stopServer func()
	l := newLab(t, platform, func(c *Config) {
		wire := c.Conn.(*endpoint).wire
		c.Accounting = Accounting{Server: acctAddr, Conn: listenOn(t, wire, netip.AddrPortFrom(nasIP, 0))}
		stopServer = serve(t, listenOn(t, wire, acctAddr), book)
		if configure != nil {
			configure(c)
		}
	})
	stopBNG := l.stop
	l.stop = func() {
		stopBNG()
		stopServer()
	}
	return l, book
}

// serve runs an accounting server and returns what ends it.
func serve(t *testing.T, conn net.PacketConn, book *ledger) (stop func()) {
	t.Helper()
	server, err := acct.New(acct.Config{
		Holdable: func(netip.Prefix) (string, bool) { return "", true },
		Conns:    []net.PacketConn{conn}, Handler: book, Attributes: []string{"ERX-Service-Session", "Cisco-Service-Info",
			"Service-Name", "Filter-Id", "Alc-SLA-Prof-Str", "Alc-Subscriber-Filter"},
		Clients: []acct.Client{{Prefix: netip.PrefixFrom(nasIP, 32), Secret: secret(t, testSecret)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := background(func() error { return server.Run(ctx) })
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestASessionIsAccountedForFromStartToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, book := newAccountingLab(t, FilterID, nil)
		defer l.stop()
		if err := l.bng.On(t.Context()); err != nil {
			t.Fatal(err)
		}
		subscriber := alice()
		subscriber.Class, subscriber.Profile.FilterID = "gold", "NORMAL"
		s := l.login(subscriber)
		time.Sleep(90 * time.Second)
		l.ask(coa(t, 1, "User-Name=alice@isp, Filter-Id=GARDEN"))
		if err := l.bng.Interim(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		if err := l.bng.Logout(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		if err := l.bng.Off(t.Context()); err != nil {
			t.Fatal(err)
		}
		records := book.all()
		want := []string{"Accounting-On", "Start 00000001 alice@isp", "Interim-Update 00000001 alice@isp",
			"Stop 00000001 alice@isp", "Accounting-Off"}
		if got := story(records); !slices.Equal(got, want) {
			t.Fatalf("records %q, want %q", got, want)
		}
		start, interim, stop := records[1], records[2], records[3]
		if start.FramedIP != subscriber.IPv4 || len(start.Prefixes) != 2 || start.NAS.IP != nasIP || start.NAS.Identifier != "bng1" {
			t.Errorf("Start: %+v", start)
		}
		if class, _ := radiusx.Find(start.Attributes, "Class"); class != "0x676f6c64" {
			t.Errorf("Class %s", class)
		}
		if before, _ := radiusx.Find(start.Attributes, "Filter-Id"); before != "NORMAL" {
			t.Errorf("Filter-Id at log-in: %s", before)
		}
		if after, _ := radiusx.Find(interim.Attributes, "Filter-Id"); after != "GARDEN" || interim.SessionTime != 90*time.Second {
			t.Errorf("Interim-Update: Filter-Id %s, session time %v", after, interim.SessionTime)
		}
		if stop.TerminateCause.String() != "User-Request" || !stop.Started().Equal(start.At) {
			t.Errorf("Stop: %v, started %v, want %v", stop.TerminateCause, stop.Started(), start.At)
		}
	})
}

func TestARecordIsRepeatedUntilItIsAnsweredAndKeepsItsTime(t *testing.T) {
	for _, omit := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, book := newAccountingLab(t, FilterID, func(c *Config) { c.Accounting.OmitEventTimestamp = omit })
			defer l.stop()
			book.refuse = 3
			begin := time.Now()
			l.login(alice())
			took := time.Since(begin)
			if took < 12*time.Second || took > 16*time.Second { // 2+4+8 within 10 percent each
				t.Errorf("took %v to be answered the fourth time", took)
			}
			r := book.all()[0]
			if off := r.At.Sub(begin); off < 0 || off > time.Second {
				t.Errorf("omit %v: event time is %v off by %v", omit, off, r.AtSource)
			}
			var ids []byte
			for _, p := range l.bng.Packets() {
				if p.Sent && p.Accounting {
					ids = append(ids, p.Datagram[1])
				}
			}
			if !slices.Equal(ids, []byte{0, 1, 2, 3}) {
				t.Errorf("identifiers %v, want a new one each time", ids)
			}
		})
	}
}

func TestALoginThatIsNotAnsweredLivesAndIsReportedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, book := newAccountingLab(t, FilterID, nil)
		defer l.stop()
		l.bng.SetFaults(Faults{AcctOut: Link{Lose: 1}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		s, err := l.bng.Login(ctx, alice())
		if !errors.Is(err, context.DeadlineExceeded) || len(l.bng.Sessions()) != 1 {
			t.Fatalf("err %v, %d sessions", err, len(l.bng.Sessions()))
		}
		if len(book.all()) != 0 {
			t.Fatal("lost datagrams arrived")
		}
		l.bng.SetFaults(Faults{})
		if err := l.bng.Logout(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		if got, want := story(book.all()), []string{"Start 00000001 alice@isp", "Stop 00000001 alice@isp"}; !slices.Equal(got, want) {
			t.Errorf("records %q, want %q", got, want)
		}
	})
}

func TestADisconnectIsFollowedByAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, book := newAccountingLab(t, FilterID, nil)
		defer l.stop()
		l.login(alice())
		if got := verdict(l.ask(disconnect(t, 1, "User-Name=alice@isp"))); got != "ACK" {
			t.Fatal(got)
		}
		synctest.Wait()
		records := book.all()
		if len(records) != 2 || records[1].Status != acct.Stop || records[1].TerminateCause.String() != "Admin-Reset" {
			t.Errorf("records %q", story(records))
		}
	})
}

func TestJunosAccountsForEachService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, book := newAccountingLab(t, Junos, nil)
		defer l.stop()
		subscriber := alice()
		subscriber.Profile.Services = []string{"NORMAL"}
		s := l.login(subscriber)
		l.ask(coa(t, 1, "User-Name=alice@isp, ERX-Service-Activate:1=GARDEN"))
		l.ask(coa(t, 2, "User-Name=alice@isp, ERX-Service-Deactivate=NORMAL"))
		synctest.Wait()
		if err := l.bng.Interim(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		if err := l.bng.Logout(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"Start 1 alice@isp",
			"Start 1:1 alice@isp NORMAL s",
			"Start 1:2 alice@isp GARDEN s",
			"Stop 1:1 alice@isp NORMAL s",
			"Interim-Update 1 alice@isp",
			"Interim-Update 1:2 alice@isp GARDEN s",
			"Stop 1:2 alice@isp GARDEN s",
			"Stop 1 alice@isp",
		}
		if got := story(book.all()); !slices.Equal(got, want) {
			t.Errorf("records\n%q, want\n%q", got, want)
		}
	})
}

func TestInterimsAreSentByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, book := newAccountingLab(t, FilterID, func(c *Config) { c.Accounting.Interval = 5 * time.Minute })
		defer l.stop()
		l.login(alice())
		time.Sleep(time.Minute)
		l.login(Subscriber{User: "bob@isp"})
		time.Sleep(16 * time.Minute)
		count := map[string]int{}
		for _, r := range book.all() {
			if r.Status == acct.InterimUpdate {
				count[r.UserName]++
			}
		}
		if count["alice@isp"] != 3 || count["bob@isp"] != 3 {
			t.Errorf("interims in 16 minutes at one each five: %v", count)
		}
	})
}

func TestInterimsDoNotPileUpWhileTheServerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, book := newAccountingLab(t, FilterID, func(c *Config) { c.Accounting.Interval = time.Minute })
		defer l.stop()
		l.login(alice())
		l.bng.SetFaults(Faults{AcctOut: Link{Lose: 1}})
		time.Sleep(time.Hour)
		l.bng.SetFaults(Faults{})
		time.Sleep(30 * time.Second)
		if n := len(book.all()); n > 3 {
			t.Errorf("%d records after an hour's outage", n)
		}
	})
}

func TestARebootForgetsEverythingAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, book := newAccountingLab(t, FilterID, func(c *Config) { c.ReuseIDs = true })
		defer l.stop()
		first := l.login(alice())
		l.bng.SetFaults(Faults{AcctOut: Link{Lose: 1}})
		waiting := background(func() error { _, err := l.bng.Login(t.Context(), Subscriber{User: "lost@isp"}); return err })
		synctest.Wait()
		l.bng.SetFaults(Faults{})
		if err := l.bng.Reboot(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-waiting; err != nil {
			t.Errorf("who waited for a forgotten record got %v", err)
		}
		second := l.login(Subscriber{User: "bob@isp"})
		if second.ID != first.ID {
			t.Errorf("session %s after the reboot, want %s again", second.ID, first.ID)
		}
		time.Sleep(time.Minute)
		want := []string{"Start 00000001 alice@isp", "Accounting-On", "Start 00000001 bob@isp"}
		if got := story(book.all()); !slices.Equal(got, want) {
			t.Errorf("records %q, want %q", got, want)
		}
	})
}

func TestAReconnectGetsWhatAAAGivesAndANewSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, book := newAccountingLab(t, FilterID, nil)
		defer l.stop()
		subscriber := alice()
		subscriber.Profile.FilterID = "NORMAL"
		first := l.login(subscriber)
		l.ask(coa(t, 1, "User-Name=alice@isp, Filter-Id=GARDEN"))
		second, err := l.bng.Reconnect(t.Context(), first.ID)
		if err != nil {
			t.Fatal(err)
		}
		if second.ID == first.ID || second.FilterID != "NORMAL" || len(l.bng.Sessions()) != 1 {
			t.Errorf("after the reconnect: %v", second)
		}
		if got := story(book.all()); len(got) != 3 || got[2] != "Start 00000002 alice@isp" {
			t.Errorf("records %q", got)
		}
		if _, err := l.bng.Reconnect(t.Context(), first.ID); !errors.Is(err, ErrNoSession) {
			t.Errorf("reconnect of what is gone: %v", err)
		}
	})
}

// Loss, doubles and jitter both ways must neither lose a record nor let a
// session's Stop overtake its Start.
func TestThousandsOfSessionsOverABadPathAreAllAccountedFor(t *testing.T) {
	const sessions = 2000
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			l, book := newAccountingLab(t, MikroTik, func(c *Config) { c.Seed = seed; c.KeepPackets = -1 })
			defer l.stop()
			bad := Link{Lose: 0.2, Double: 0.1, Delay: 5 * time.Millisecond, Jitter: 20 * time.Millisecond}
			l.bng.SetFaults(Faults{AcctIn: bad, AcctOut: bad})
			var users sync.WaitGroup
			for i := range sessions {
				users.Go(func() {
					s, err := l.bng.Login(t.Context(), Subscriber{User: fmt.Sprint("user", i)})
					if err == nil {
						err = l.bng.Logout(t.Context(), s.ID)
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			users.Wait()
			last := map[string]acct.Status{}
			for _, r := range book.all() {
				if r.Status == acct.Start && last[r.SessionID] == 0 || r.Status == acct.Stop {
					last[r.SessionID] = r.Status
				}
			}
			for id, status := range last {
				if status != acct.Stop {
					t.Errorf("seed %d: session %s ended with %v", seed, id, status)
				}
			}
			if len(last) != sessions {
				t.Errorf("seed %d: %d of %d sessions accounted for", seed, len(last), sessions)
			}
		})
	}
}

func TestABNGThatStoppedAnswersNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := newAccountingLab(t, FilterID, nil)
		l.bng.SetFaults(Faults{AcctOut: Link{Lose: 1}})
		waiting := background(func() error { _, err := l.bng.Login(context.Background(), alice()); return err })
		synctest.Wait()
		l.stop()
		if err := <-waiting; !errors.Is(err, ErrStopped) {
			t.Errorf("got %v", err)
		}
		if err := l.bng.Run(t.Context()); err == nil {
			t.Error("a BNG could be run twice")
		}
	})
}

func TestOnlyTheServersAuthenticAnswerCounts(t *testing.T) {
	for name, forge := range map[string]func(l *lab, request []byte) (from net.PacketConn, answer []byte){
		"another secret": func(l *lab, request []byte) (net.PacketConn, []byte) {
			return l.listen(acctAddr), respond(request, radius.CodeAccountingResponse, "another secret")
		},
		"another identifier": func(l *lab, request []byte) (net.PacketConn, []byte) {
			request = slices.Clone(request)
			request[1]++
			return l.listen(acctAddr), respond(request, radius.CodeAccountingResponse, testSecret)
		},
		"another code": func(l *lab, request []byte) (net.PacketConn, []byte) {
			return l.listen(acctAddr), respond(request, radius.CodeAccessAccept, testSecret)
		},
		"another sender": func(l *lab, request []byte) (net.PacketConn, []byte) {
			return l.client, respond(request, radius.CodeAccountingResponse, testSecret)
		},
		"half an answer": func(l *lab, request []byte) (net.PacketConn, []byte) {
			return l.listen(acctAddr), respond(request, radius.CodeAccountingResponse, testSecret)[:15]
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var nasConn net.PacketConn
				l := newLab(t, FilterID, func(c *Config) {
					nasConn = listenOn(t, c.Conn.(*endpoint).wire, netip.AddrPortFrom(nasIP, 0))
					c.Accounting = Accounting{Server: acctAddr, Conn: nasConn, Retry: time.Hour, MaxRetry: time.Hour}
				})
				defer l.stop()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				waiting := background(func() error { _, err := l.bng.Login(ctx, alice()); return err })
				synctest.Wait()
				from, answer := forge(l, l.bng.Packets()[0].Datagram)
				if _, err := from.WriteTo(answer, nasConn.LocalAddr()); err != nil {
					t.Fatal(err)
				}
				if err := <-waiting; !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the log-in ended with %v", err)
				}
				if from != l.client {
					_ = from.Close()
				}
			})
		})
	}
}

// respond makes an answer to an accounting request.
func respond(request []byte, code radius.Code, key string) []byte {
	p := radius.Packet{Code: code, Identifier: request[1], Secret: []byte(key), Authenticator: [16]byte(request[4:20])}
	answer, err := p.Encode()
	if err != nil {
		panic(err)
	}
	return answer
}

func TestANASWithIPv6NamesItselfSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, book := newAccountingLab(t, FilterID, func(c *Config) { c.NASIP, c.Name = netip.MustParseAddr("2001:db8::1"), "" })
		defer l.stop()
		l.login(alice())
		want := acct.NAS{IPv6: netip.MustParseAddr("2001:db8::1")}
		if got := book.all()[0].NAS; got != want {
			t.Errorf("NAS %v, want %v", got, want)
		}
		for text, want := range map[string]string{
			`User-Name=alice@isp, NAS-IPv6-Address="2001:db8::1"`: "ACK",
			`User-Name=alice@isp, NAS-IPv6-Address="2001:db8::2"`: "NAK NAS-Identification-Mismatch",
		} {
			if got := verdict(l.ask(coa(t, byte(len(want)), text))); got != want {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
	})
}
