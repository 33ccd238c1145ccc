package httpx

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"cordon/integration/wire"
)

func TestACallNeedsItsScopeAndNoOtherWillDo(t *testing.T) {
	tokens := make([]Token, 0, len(Scopes))
	for _, scope := range Scopes {
		tokens = append(tokens, token(t, string(scope), scope))
	}
	s, _ := newServer(t, Config{Tokens: tokens}, same)
	for _, scope := range Scopes {
		want := 403
		if scope == ScopeRelease {
			want = 200
		}
		w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`, "Authorization", "Bearer "+secret+string(scope))
		if w.Code != want {
			t.Errorf("scope %s: %d, want %d", scope, w.Code, want)
		}
		if want == 403 && !strings.Contains(problemIn(t, w).Detail, "release") {
			t.Errorf("the answer does not say which scope is missing: %s", w.Body)
		}
	}
}

func TestWithoutAValidTokenNothingIsDone(t *testing.T) {
	s, _ := newServer(t, Config{Tokens: []Token{token(t, "alice", ScopeRelease)}}, same)
	for _, header := range []string{
		"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + secret + "alice", secret + "alice",
		"Bearer " + secret + "alic", "Bearer " + secret + "alicee", "Bearer " + strings.ToUpper(secret+"alice"),
	} {
		w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`, "Authorization", header)
		if w.Code != 401 || w.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%q: %d, WWW-Authenticate %q", header, w.Code, w.Header().Get("WWW-Authenticate"))
		}
		problemIn(t, w)
	}
	if w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`, "Authorization", "bearer "+secret+"alice"); w.Code != 200 {
		t.Errorf("the scheme is not case-sensitive (RFC 9110 section 11.1): %d", w.Code)
	}
}

func TestScopesAreCheckedBeforeTheBodyIsRead(t *testing.T) {
	s, _ := newServer(t, Config{Tokens: []Token{token(t, "reader", ScopeRead)}}, same)
	if w := call(s, "POST", "/api/v1/echo", strings.Repeat("x", 1000), "Authorization", "Bearer "+secret+"reader"); w.Code != 403 {
		t.Errorf("%d: a caller without scope learns about bodies", w.Code)
	}
}

func TestTheAuthorIsTheTokensNameWhateverTheHeaderSays(t *testing.T) {
	s, _ := newServer(t, Config{Tokens: []Token{token(t, "alice", ScopeRelease)}}, same)
	w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`, "Authorization", "Bearer "+secret+"alice", wire.AuthorHeader, "mallory")
	if !strings.Contains(w.Body.String(), `"by":"alice"`) {
		t.Errorf("%s", w.Body)
	}
}

func TestAnOpenListenerTakesTheAuthorFromTheHeader(t *testing.T) {
	s, _ := newServer(t, Config{}, same)
	for header, want := range map[string]string{
		"": "operator", "bob": "bob", " bob ": "bob", "Zoë Ärzte": "Zoë Ärzte",
		"a\x1b[31m": "operator", "a\u202eb": "operator", "a\xff": "operator", strings.Repeat("x", 129): "operator",
	} {
		w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`, wire.AuthorHeader, header)
		if !strings.Contains(w.Body.String(), fmt.Sprintf(`"by":%q`, want)) {
			t.Errorf("author %q: %s", header, w.Body)
		}
	}
}

func TestATokenNeverPrintsItsValue(t *testing.T) {
	tok := token(t, "alice", ScopeRead)
	encoded, _ := json.Marshal(tok)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", tok, tok, tok), string(encoded)} {
		if strings.Contains(text, secret) {
			t.Errorf("%s", text)
		}
	}
	if _, err := NewToken("bob", secret, []Scope{"root"}, ""); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
}

func TestTokensThatCannotBeUsedAreErrors(t *testing.T) {
	for name, make := range map[string]func() (Token, error){
		"no name":  func() (Token, error) { return NewToken("", secret, []Scope{ScopeRead}, "") },
		"no value": func() (Token, error) { return NewToken("a", "", []Scope{ScopeRead}, "") },
		"no scope": func() (Token, error) { return NewToken("a", secret, nil, "") },
		"scope":    func() (Token, error) { return NewToken("a", secret, []Scope{"everything"}, "") },
	} {
		if _, err := make(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	a, _ := NewToken("a", secret, []Scope{ScopeRead}, "")
	twin, _ := NewToken("b", secret, []Scope{ScopeRead}, "")
	namesake, _ := NewToken("a", secret+"x", []Scope{ScopeRead}, "")
	for name, tokens := range map[string][]Token{"same value": {a, twin}, "same name": {a, namesake}, "zero": {{}}} {
		if err := (Config{Listen: "127.0.0.1:0", Tokens: tokens}).Validate(); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAShortTokenIsWeak(t *testing.T) {
	short, _ := NewToken("a", strings.Repeat("x", 21), []Scope{ScopeRead}, "")
	long, _ := NewToken("b", strings.Repeat("x", 22), []Scope{ScopeRead}, "")
	if !short.Weak() || long.Weak() {
		t.Errorf("21 octets weak: %t, 22 octets weak: %t", short.Weak(), long.Weak())
	}
}

func TestATokenWithASourceMaySendThatSourceOnly(t *testing.T) {
	bound := Principal{Source: "s1"}
	if !bound.MaySend("s1") || bound.MaySend("s2") || bound.MaySend("") || !(Principal{}).MaySend("any") {
		t.Error("sources are not told apart")
	}
}

func TestNobodyMayDoAnything(t *testing.T) {
	if PrincipalOf(t.Context()).May(Scopes...) {
		t.Error("outside of a request everything is allowed")
	}
}
