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
		"addrs: must not be empty":   {},
		"addrs[0]: invalid":          {Addrs: []string{""}},
		"db: must not be neg":        {Addrs: []string{"a:1"}, DB: -1},
		"db: must be 0":              {Addrs: []string{"a:1", "b:1"}, DB: 1},
		"key_prefix: invalid":        {Addrs: []string{"a:1"}, KeyPrefix: "{c}"},
		"history must be at":         {Addrs: []string{"a:1"}, History: time.Second},
		"idle must be at":            {Addrs: []string{"a:1"}, Idle: time.Hour},
		"verdict memory must be":     {Addrs: []string{"a:1"}, VerdictMemory: -time.Hour},
		"without must be":            {Addrs: []string{"a:1"}, Without: 128},
		"empty\nredis: db: must not": {DB: -1},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", c, err, want)
		}
		if s, err := New(c); err == nil {
			t.Errorf("%+v makes a store %v", c, s)
		}
	}
	for _, c := range []Config{
		{Addrs: []string{"a:1"}}, {Addrs: []string{"a:1", "b:1"}, MasterName: "m", DB: 1}, {Addrs: []string{"a:1"}, History: 1000 * time.Hour},
	} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestAPasswordNeverPrints(t *testing.T) {
	c := Config{Password: "hunter2", Addrs: []string{"a:1"}}
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
