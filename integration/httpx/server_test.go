package httpx

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

func TestWhatNoRouteFitsIsAProblem(t *testing.T) {
	s, _ := newServer(t, Config{}, same)
	if w := call(s, "GET", "/api/v1/nothing", ""); w.Code != 404 {
		t.Errorf("unknown path: %d", w.Code)
	} else {
		problemIn(t, w)
	}
	w := call(s, "DELETE", "/api/v1/echo", "")
	if problemIn(t, w); w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("wrong method: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestABodyMayBeAsLargeAsItsLimitAndNoLarger(t *testing.T) {
	s, _ := newServer(t, Config{}, same)
	fits := `{"word":"` + strings.Repeat("x", 64-len(`{"word":""}`)) + `"}`
	if w := call(s, "POST", "/api/v1/echo", fits); w.Code != 200 {
		t.Errorf("%d octets: %d %s", len(fits), w.Code, w.Body)
	}
	w := call(s, "POST", "/api/v1/echo", fits+" ")
	if problemIn(t, w); w.Code != 413 {
		t.Errorf("%d octets: %d", len(fits)+1, w.Code)
	}
}

func TestARequestIDIsKeptIfItIsHarmless(t *testing.T) {
	s, logs := newServer(t, Config{}, same)
	if w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`, requestIDHeader, "ticket-4711"); w.Header().Get(requestIDHeader) != "ticket-4711" {
		t.Errorf("id %q", w.Header().Get(requestIDHeader))
	}
	for _, forged := range []string{"a\nlevel=error", "\x1b[31m", "\u202egnp", strings.Repeat("x", 65), "a b"} {
		w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`, requestIDHeader, forged)
		if got := w.Header().Get(requestIDHeader); got == forged || got == "" {
			t.Errorf("id %q was answered with %q", forged, got)
		}
	}
	for _, entry := range logs.FilterMessage("request").All() {
		if id := entry.ContextMap()["request_id"].(string); !idPattern.MatchString(id) {
			t.Errorf("log has id %q", id)
		}
	}
}

func TestEachRequestIsOneLineOfTheLog(t *testing.T) {
	s, logs := newServer(t, Config{Tokens: []Token{token(t, "alice", ScopeRelease)}}, same)
	call(s, "POST", "/api/v1/echo", `{"word":"x"}`, "Authorization", "Bearer "+secret+"alice")
	call(s, "GET", "/x%1b%0aforged", "")
	lines := logs.FilterMessage("request").All()
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	fields := lines[0].ContextMap()
	if fields["path"] != "POST /api/v1/echo" || fields["token"] != "alice" || fields["status"] != int64(200) || fields["method"] != "POST" {
		t.Errorf("fields %v", fields)
	}
	if got := lines[1].ContextMap()["path"]; got != "none" {
		t.Errorf("a path that no route fits is logged as %q", got)
	}
	for _, line := range logs.All() {
		if text, _ := json.Marshal(line.ContextMap()); strings.Contains(string(text), secret) {
			t.Errorf("the log has a token: %s", text)
		}
	}
}

func TestProbesAreNotLoggedAtInfo(t *testing.T) {
	s, logs := newServer(t, Config{}, same)
	call(s, "GET", "/livez", "")
	if line := logs.FilterMessage("request").All()[0]; line.Level != zap.DebugLevel {
		t.Errorf("level %s", line.Level)
	}
}

func TestPagesOfOtherSitesCannotAct(t *testing.T) {
	s, _ := newServer(t, Config{}, same)
	w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	if problemIn(t, w); w.Code != 403 {
		t.Errorf("cross-site POST: %d", w.Code)
	}
	if w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`, "Sec-Fetch-Site", "same-origin"); w.Code != 200 {
		t.Errorf("same-origin POST: %d", w.Code)
	}
}

func TestAnOpenListenerAnswersToItsOwnNamesOnly(t *testing.T) {
	for host, want := range map[string]int{
		"127.0.0.1:8480": 200, "localhost:8480": 200, "[::1]:8480": 200, "localhost": 200, "127.0.0.1": 200,
		"evil.example": 403, "evil.example:8480": 403, "192.0.2.1": 403, "": 403,
	} {
		open, _ := newServer(t, Config{}, same)
		if got := hostCall(open, host); got != want {
			t.Errorf("open, Host %q: %d, want %d", host, got, want)
		}
		closed, _ := newServer(t, Config{Tokens: []Token{token(t, "alice", ScopeRead)}}, same)
		if got := hostCall(closed, host); got != 200 {
			t.Errorf("with tokens, Host %q: %d", host, got)
		}
	}
}

func hostCall(s *Server, host string) int {
	r, _ := http.NewRequest(http.MethodGet, "/livez", nil)
	r.Host = host
	w := &discard{header: http.Header{}}
	s.Handler().ServeHTTP(w, r)
	return w.status
}

func TestAPanicIsA500AndTheNextRequestIsServed(t *testing.T) {
	s, logs := newServer(t, Config{}, func(_ context.Context, word string) (string, error) {
		if word == "bang" {
			panic("defect with hunter2")
		}
		return word, nil
	})
	w := call(s, "POST", "/api/v1/echo", `{"word":"bang"}`)
	if problemIn(t, w); w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if logs.FilterMessage("request panicked").Len() != 1 {
		t.Error("the panic is not in the log")
	}
	if w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`); w.Code != 200 {
		t.Errorf("next request: %d", w.Code)
	}
}

func TestTheOpenAPIDocumentListsTheServersOwnPages(t *testing.T) {
	s, _ := newServer(t, Config{Metrics: http.NotFoundHandler()}, same)
	w := call(s, "GET", "/api/v1/openapi.json", "")
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/livez", "/healthz", "/readyz", "/version", "/metrics", "/api/v1/openapi.json"} {
		if doc.Paths[path]["get"] == nil {
			t.Errorf("%s is missing", path)
		}
	}
	if doc.Paths["/api/v1/echo"]["post"] == nil || doc.OpenAPI != "3.1.0" {
		t.Errorf("document %.200s", w.Body)
	}
	if w := call(s, "GET", "/docs", ""); w.Code != 404 {
		t.Errorf("/docs answers %d: it would load scripts from the Internet", w.Code)
	}
}

// pipes is a listener whose connections are in memory, for synctest.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialed:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.dialed <- far
	return near
}

func TestAClientThatSendsItsHeaderTooSlowlyIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, Config{}, same)
		l := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.run(ctx, l) }()
		conn := l.dial()
		began := time.Now()
		cut := make(chan time.Duration, 1)
		go func() {
			_, _ = io.Copy(io.Discard, conn) // ends when the server closes
			cut <- time.Since(began)
		}()
		given := make(chan struct{})
		go func() {
			defer close(given)
			for _, octet := range []byte("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ") {
				if _, err := conn.Write([]byte{octet}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		got := <-cut
		<-given
		if got != s.config.Limits.Header {
			t.Errorf("cut off after %s, want %s", got, s.config.Limits.Header)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestStoppingLetsRequestsFinishAndEndsThoseThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, Config{}, func(ctx context.Context, word string) (string, error) {
			ctx, cancel := UntilDrain(ctx)
			defer cancel()
			<-ctx.Done()
			return word + " at once", nil
		})
		l := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.run(ctx, l) }()
		conn := l.dial()
		body := `{"word":"done"}`
		go func() {
			_, _ = io.WriteString(conn, "POST /api/v1/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"+body)
		}()
		synctest.Wait() // the handler waits
		cancel()
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != 200 || !strings.Contains(string(text), "done at once") {
			t.Errorf("%d %s", answer.StatusCode, text)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAHandlerThatDoesNotEndIsCutOffAfterTheDrainTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, Config{}, func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done() // the connection's end, not the drain
			return "", ctx.Err()
		})
		l := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.run(ctx, l) }()
		conn := l.dial()
		go func() {
			_, _ = io.WriteString(conn, "POST /api/v1/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"word\":\"done\"}")
			_, _ = io.Copy(io.Discard, conn)
		}()
		synctest.Wait()
		began := time.Now()
		cancel()
		if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("run ended with %v", err)
		}
		if took := time.Since(began); took != s.config.Limits.Drain {
			t.Errorf("took %s, want %s", took, s.config.Limits.Drain)
		}
	})
}

func TestAListenerThatOthersReachNeedsTokens(t *testing.T) {
	for listen, ok := range map[string]bool{
		"127.0.0.1:8480": true, "[::1]:8480": true, "localhost:8480": true,
		"0.0.0.0:8480": false, ":8480": false, "192.0.2.1:8480": false, "cordon.example:80": false, "8480": false,
	} {
		if err := (Config{Listen: listen}).Validate(); (err == nil) != ok {
			t.Errorf("%s without tokens: %v", listen, err)
		}
	}
	if err := (Config{Listen: "0.0.0.0:8480", Tokens: []Token{token(t, "a", ScopeRead)}}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestListeningWhereSomeoneElseDoesIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s, _ := newServer(t, Config{Listen: l.Addr().String()}, same)
	if err := s.Run(t.Context()); err == nil {
		t.Error("no error")
	}
}

func TestEveryScopeIsKnown(t *testing.T) {
	for _, s := range Scopes {
		if _, err := NewToken("x", secret, []Scope{s}, ""); err != nil {
			t.Error(err)
		}
	}
	if slices.Contains(Scopes, "") {
		t.Error("an empty scope")
	}
}
