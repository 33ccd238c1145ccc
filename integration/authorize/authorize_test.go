package authorize

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// world stands in for everything around the desk.
type world struct {
	paused   bool
	deferral *quarantine.Deferral
	wants    *quarantine.Case
	err      error
	hangs    bool
	asked    []quarantine.LogIn
	changes  []Change
}

func (w *world) RestrictionsPaused() bool { return w.paused }
func (w *world) DeferralAtLogIn(*quarantine.Case, *quarantine.Session) *quarantine.Deferral {
	return w.deferral
}
func (w *world) Member() string                        { return "bng1" }
func (w *world) Addresses() []quarantine.Address       { return nil }
func (w *world) Subscriber() string                    { return "alice" }
func (w *world) BNG() string                           { return "bng1" }
func (w *world) Undo() map[string]string               { return map[string]string{"walled-garden": "undo"} }
func (w *world) Reply(profile string) ([]Change, bool) { return w.changes, profile == "walled-garden" }
func (w *world) LogIn(reply []quarantine.Attribute) (LogIn, bool) {
	for _, a := range reply {
		if a.Name == "User-Name" && a.Value == "alice" {
			return w, true
		}
	}
	return nil, false
}

// redis is the world's store.
type redis struct{ *world }

func (r redis) LogIn(ctx context.Context, l quarantine.LogIn) (*quarantine.Case, error) {
	r.asked = append(r.asked, l)
	if r.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return r.wants, r.err
}

func wanting(profile string) *world {
	return &world{
		wants: &quarantine.Case{Profile: profile},
		changes: []Change{
			{Action: Drop, Name: "Alc-Subscriber-Filter"},
			{Action: Set, Attribute: "Filter-Id", Name: "Filter-Id", Value: "GARDEN %{User-Name} \"ü<\""},
			{Action: Add, Attribute: "ERX-Service-Activate:8", Name: "ERX-Service-Activate", Value: "GARDEN"},
			{Action: Add, Attribute: "ERX-Service-Activate:8", Name: "ERX-Service-Activate", Value: "MORE"},
		},
	}
}

func deskOf(t *testing.T, w *world) *Service {
	t.Helper()
	d, err := New(w, redis{w}, w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func serverOf(t *testing.T, d *Service, tokens ...httpx.Token) *httpx.Server {
	t.Helper()
	s, err := httpx.New(httpx.Config{Listen: "127.0.0.1:0", Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	d.Mount(s)
	return s
}

func post(s *httpx.Server, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://localhost/api/v1/radius/authorize", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// alice is an Access-Request as rlm_rest 3.2.1 encodes it.
const alice = `{"User-Name":{"type":"string","value":["alice"]},"User-Password":{"type":"string","value":["x"]},` +
	`"NAS-IP-Address":{"type":"ipaddr","value":["192.0.2.1"]},"Service-Type":{"type":"integer","value":["Framed-User"]}}`

func TestTheAnswerIsInTheFormAndOrderThatFreeRADIUSWorksOff(t *testing.T) {
	w := post(serverOf(t, deskOf(t, wanting("walled-garden"))), alice)
	const want = `{"Alc-Subscriber-Filter":{"op":"!*","do_xlat":false,"value":["0"]},` +
		`"Filter-Id":{"op":"!*","do_xlat":false,"value":["0"]},` +
		`"reply:Filter-Id":{"op":":=","do_xlat":false,"value":["GARDEN %{User-Name} \"ü<\""]},` +
		`"reply:ERX-Service-Activate:8":{"op":"+=","do_xlat":false,"value":["GARDEN","MORE"]}}`
	got := strings.ReplaceAll(strings.TrimSpace(w.Body.String()), `\u003c`, "<")
	if w.Code != http.StatusOK || got != want || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s\n got %s\nwant %s", w.Code, w.Header().Get("Content-Type"), got, want)
	}
}

func TestALogInIsLeftAloneUnlessSomethingIsWantedAndMayAndCanBe(t *testing.T) {
	bob := strings.Replace(alice, "alice", "bob", 1)
	for _, test := range []struct {
		about string
		world world
		body  string
		want  Outcome
		asks  bool
	}{
		{"nobody we know", *wanting("walled-garden"), bob, Unknown, false},
		{"nothing wanted", world{}, alice, Unwanted, true},
		{"paused", world{paused: true, wants: &quarantine.Case{Profile: "walled-garden"}}, alice, Deferred, false},
		{"the mode is weaker by now", world{deferral: &quarantine.Deferral{By: quarantine.CheckMode},
			wants: &quarantine.Case{Profile: "walled-garden"}}, alice, Deferred, true},
		{"a profile that cannot be put in force at log-in", *wanting(quarantine.Disconnect), alice, LeftAlone, true},
		{"the store fails", world{err: errors.New("connection refused")}, alice, StoreUnavailable, true},
	} {
		w := test.world
		d := deskOf(t, &w)
		answer := post(serverOf(t, d), test.body)
		if answer.Code != http.StatusNoContent || answer.Body.Len() > 0 {
			t.Errorf("%s: %d %s", test.about, answer.Code, answer.Body)
		}
		if d.Counts()[test.want] != 1 || len(w.asked) > 0 != test.asks {
			t.Errorf("%s: counted %v, the store was asked %v", test.about, d.Counts(), w.asked)
		}
	}
}

func TestAStoreThatHangsIsWaitedForOnceAndThenNotAskedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wanting("walled-garden")
		w.hangs = true
		d := deskOf(t, w)
		ask := func() (took time.Duration, o Outcome) {
			began := time.Now()
			_, o = d.answer(t.Context(), []quarantine.Attribute{{Name: "User-Name", Value: "alice"}})
			return time.Since(began), o
		}
		if took, o := ask(); took != StoreTimeout || o != StoreUnavailable {
			t.Errorf("the first: %s, %s", took, o)
		}
		for range 100 {
			if took, o := ask(); took != 0 || o != StoreUnavailable {
				t.Errorf("another: %s, %s", took, o)
			}
		}
		w.hangs = false
		time.Sleep(coolDown)
		if _, o := ask(); o != Restricted || len(w.asked) != 2 {
			t.Errorf("when it is back: %s, asked %d times", o, len(w.asked))
		}
	})
}

func TestOnlyATokenWithTheScopeMayAsk(t *testing.T) {
	for _, scope := range httpx.Scopes {
		token, err := httpx.NewToken("t", "0123456789abcdef0123456789abcdef", []httpx.Scope{scope}, "")
		if err != nil {
			t.Fatal(err)
		}
		want := http.StatusForbidden
		if scope == httpx.ScopeAuthorize {
			want = http.StatusOK
		}
		w := post(serverOf(t, deskOf(t, wanting("walled-garden")), token), alice, "Authorization", "Bearer 0123456789abcdef0123456789abcdef")
		if w.Code != want {
			t.Errorf("%s: %d, want %d", scope, w.Code, want)
		}
	}
}

func TestWhatRlmRestDoesNotSendIsRefusedAndCounted(t *testing.T) {
	many := `{"Class":{"value":["` + strings.Repeat(`x","`, maxAttributes) + `x"]}}`
	for about, body := range map[string]string{
		"nothing": "", "no JSON": "User-Name=alice", "a list": `["alice"]`, "null": "null", "a number": "7",
		"cut short": alice[:50], "something after": alice + "x", "a name twice": `{"User-Name":"alice","User-Name":"bob"}`,
		"no value": `{"User-Name":{"type":"string"}}`, "null for a value": `{"User-Name":{"value":[null]}}`, "bare null": `{"User-Name":null}`,
		"an object for a value": `{"User-Name":{"value":[{}]}}`, "a list in a list": `{"User-Name":[["alice"]]}`,
		"too many values": many, "nested deep": strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40),
	} {
		d := deskOf(t, wanting("walled-garden"))
		if w := post(serverOf(t, d), body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", about, w.Code, w.Body)
		} else if body != "" && d.Counts()[Unreadable] != 1 {
			t.Errorf("%s: counted %v", about, d.Counts())
		}
	}
	if w := post(serverOf(t, deskOf(t, wanting("walled-garden"))),
		strings.Repeat(" ", maxBody+1)+alice); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", w.Code)
	}
}

func TestBareValuesAndListsAreTakenToo(t *testing.T) {
	for _, body := range []string{
		`{"User-Name":"alice"}`, `{"User-Name":["alice"]}`, `{"request:User-Name":{"type":"string","value":"alice"},"NAS-Port":7,"x":true}`,
	} {
		if w := post(serverOf(t, deskOf(t, wanting("walled-garden"))), body); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{alice, `{"User-Name":"alice"}`, `{"a":{"value":[1,true,"x"]}}`, `{"a":[]}`, `{}`, "null"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		reply, err := decode(body)
		if err != nil && len(reply) > 0 || len(reply) > maxAttributes {
			t.Errorf("%d attributes and %v", len(reply), err)
		}
	})
}

// What rlm_rest makes of a name in Latin-1 is no JSON; the log-in is read all the
// same.
func TestANameOfOtherOctetsIsReadAsItIs(t *testing.T) {
	reply, err := decode([]byte("{\"User-Name\":{\"type\":\"string\",\"value\":[\"M\xfcller \u00fc\\u00fc\"]},\"Class\":[\"\xc3\"]}"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, a := range reply {
		got[a.Name] = a.Value
	}
	if got["User-Name"] != "M\xfcller \u00fc\u00fc" || got["Class"] != "\xc3" {
		t.Errorf("%q", got)
	}
	if reply, err := decode([]byte("{\"User-Name\":\"\U0010FFFC\"}")); err != nil || reply[0].Value != "\U0010FFFC" {
		t.Errorf("%q %v", reply, err)
	}
}
