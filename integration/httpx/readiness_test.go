package httpx

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnInstanceIsCutOffOnlyIfItSaysSoItself(t *testing.T) {
	own := func(cutOff bool) http.HandlerFunc {
		s, err := New(Config{Listen: "127.0.0.1:0", Instance: Instance{
			ID: "b", CutOff: func() bool { return cutOff }, Alone: func() bool { return !cutOff },
		}})
		if err != nil {
			t.Fatal(err)
		}
		return func(w http.ResponseWriter, r *http.Request) {
			r.Host = "127.0.0.1"
			s.Handler().ServeHTTP(w, r)
		}
	}
	says := func(id, cutOff string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(InstanceHeader, id)
			w.Header().Set(CutOffHeader, cutOff)
			plain(w, http.StatusServiceUnavailable, "[-]heartbeat failed\n[-]redis failed\n")
		}
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		cutOff  bool
		err     string
	}{
		{"it is", own(true), true, ""},
		{"it is not", own(false), false, ""},
		{"another instance is", says("c", "true"), false, `is instance "c"`},
		{"who asks", says("a", "true"), false, `is instance "a"`},
		{"a program that is no instance", says("", "true"), false, `is instance ""`},
		{"a version that does not say", says("b", ""), false, "invalid header"},
		{"a proxy that leads elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, false, `is instance ""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			got, err := NewReadinessClient().CutOff(t.Context(), strings.TrimPrefix(server.URL, "http://"), "b")
			if got != c.cutOff || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("cut off %t, %v; want %t, %q", got, err, c.cutOff, c.err)
			}
		})
	}
	for _, alone := range []bool{true, false} {
		server := httptest.NewServer(own(!alone))
		defer server.Close()
		if got, err := NewReadinessClient().Alone(t.Context(), strings.TrimPrefix(server.URL, "http://"), "b"); got != alone || err != nil {
			t.Errorf("it answers alone: %t, %v; want %t", got, err, alone)
		}
	}
	server := httptest.NewServer(own(true))
	addr := strings.TrimPrefix(server.URL, "http://")
	server.Close()
	if got, err := NewReadinessClient().CutOff(t.Context(), addr, "b"); got || err == nil {
		t.Errorf("a refused connection: %t, %v", got, err)
	}
}
