package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cordon/integration/wire"
)

func serve(t *testing.T, c Config, handle http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	c.Addr = s.URL
	api, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func TestACallCarriesTokenAuthorAndBody(t *testing.T) {
	api := serve(t, Config{Token: "tok", Author: "alice"}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer tok" || r.Header.Get("X-Cordon-Author") != "alice" ||
			r.Header.Get("Content-Type") != "application/json" || r.URL.RequestURI() != "/api/v1/x?a=b+c" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		_, _ = w.Write([]byte(`{"ok":true}`))
	})
	raw, err := api.Post(t.Context(), "/x", map[string][]string{"a": {"b c"}}, map[string]int{"n": 1})
	if err != nil || string(raw) != `{"ok":true}` {
		t.Errorf("%s %v", raw, err)
	}
}

func TestTheTokenDoesNotFollowARedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	defer other.Close()
	api := serve(t, Config{Token: "tok"}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	if _, err := api.Get(t.Context(), "/x", nil); err == nil {
		t.Error("a redirect is no answer")
	}
}

func TestARefusalAndAnUnreachableServerAreDifferentErrors(t *testing.T) {
	for _, c := range []struct {
		name, body           string
		status               int
		refused, unreachable bool
		text                 string
	}{
		{"refused", `{"status":409,"detail":"is closed","request_id":"r"}`, 409, true, false, "is closed"},
		{"no store", `{"status":503,"detail":"does not answer"}`, 503, true, true, "does not answer"},
		{"a proxy's page", `<html>`, 502, true, false, "is it Cordon?"},
		{"another program", `<html>`, 200, false, false, "is it Cordon?"},
	} {
		api := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		})
		_, err := api.Get(t.Context(), "/x", nil)
		var p *wire.Problem
		var away *UnreachableError
		if errors.As(err, &p) != c.refused || errors.As(err, &away) != c.unreachable || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.name, err)
		}
		if p != nil && p.Status != c.status {
			t.Errorf("%s: status %d", c.name, p.Status)
		}
	}
}

func TestACancelledCallSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	api := serve(t, Config{}, func(http.ResponseWriter, *http.Request) {})
	if _, err := api.Get(ctx, "/x", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestAddressesAreReadAsPeopleWriteThem(t *testing.T) {
	for addr, want := range map[string]string{
		"": DefaultAddr, "127.0.0.1:8480": DefaultAddr, "https://cordon.example/": "https://cordon.example", "http://[::1]:1": "http://[::1]:1",
	} {
		api, err := New(Config{Addr: addr})
		if err != nil {
			t.Errorf("%q: %v", addr, err)
			continue
		}
		if got := locate(api.bases[0], "/x", nil); got != want+"/api/v1/x" {
			t.Errorf("%q leads to %s", addr, got)
		}
		if got := locate(api.bases[0], "/api/v1/cases?cursor=1", nil); got != want+"/api/v1/cases?cursor=1" {
			t.Errorf("%q, next page: %s", addr, got)
		}
	}
	for _, addr := range []string{"ftp://x", "http://", "://", "http://a b"} {
		if _, err := New(Config{Addr: addr}); err == nil {
			t.Errorf("%q: no error", addr)
		}
	}
}
