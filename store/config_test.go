package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAConfigNamesEveryFaultAtOnce(t *testing.T) {
	for want, c := range map[string]Config{
		"addrs must name a Redis":  {},
		"addrs must not hold an":   {Addrs: []string{""}},
		"db must not be negative":  {Addrs: []string{"a"}, DB: -1},
		"db must be 0":             {Addrs: []string{"a", "b"}, DB: 1},
		"key_prefix must not hold": {Addrs: []string{"a"}, KeyPrefix: "{c}"},
		"history must be at":       {Addrs: []string{"a"}, History: time.Second},
		"idle must be at":          {Addrs: []string{"a"}, Idle: time.Hour},
		"verdict memory must be":   {Addrs: []string{"a"}, VerdictMemory: -time.Hour},
		"without must be":          {Addrs: []string{"a"}, Without: 128},
		"a Redis\nredis: db must":  {DB: -1},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", c, err, want)
		}
		if s, err := New(c); err == nil {
			t.Errorf("%+v makes a store %v", c, s)
		}
	}
	for _, c := range []Config{
		{Addrs: []string{"a"}}, {Addrs: []string{"a", "b"}, MasterName: "m", DB: 1}, {Addrs: []string{"a"}, History: 1000 * time.Hour},
	} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestAPasswordNeverPrints(t *testing.T) {
	c := Config{Password: "hunter2", Addrs: []string{"a"}}
	text, err := json.Marshal(map[string]any{"p": c.Password})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %s %q %x", c, c.Password, c.Password, c.Password, c.Password),
		string(text)} {
		if strings.Contains(shown, "hunter2") || strings.Contains(shown, "68756e74657232") {
			t.Errorf("the password shows: %s", shown)
		}
	}
}
