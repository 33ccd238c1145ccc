package bng

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cordon/quarantine"
)

func TestSubscriberKeys(t *testing.T) {
	accounts := map[string]string{"alice": "4711", "bob@isp": "4712"}
	for _, test := range []struct {
		name           string
		realm, low     bool
		accounts       map[string]string
		reported, want string
	}{
		{"as it is", false, false, nil, "Alice@ISP", "Alice@ISP"},
		{"without its realm", true, false, nil, "Alice@ISP", "Alice"},
		{"only the last realm", true, false, nil, "alice@corp@isp", "alice@corp"},
		{"nothing but a realm", true, false, nil, "@isp", "@isp"},
		{"no realm to cut", true, false, nil, "ge-0/0/1:7", "ge-0/0/1:7"},
		{"small letters", false, true, nil, "Alice@ISP", "alice@isp"},
		{"both", true, true, nil, "ALICE@isp", "alice"},
		{"an account", true, true, accounts, "ALICE@isp", "4711"},
		{"the table knows the whole key", false, false, accounts, "bob@isp", "4712"},
		{"another's realm", false, false, accounts, "bob@other", "bob@other"},
		{"nobody", true, true, accounts, "", ""},
	} {
		k := &SubscriberKeys{StripRealm: test.realm, Lower: test.low}
		if test.accounts != nil {
			k.Use(test.accounts)
		}
		if got := k.Key(test.reported); got != test.want {
			t.Errorf("%s: %q became %q, want %q", test.name, test.reported, got, test.want)
		}
	}
}

func TestTheTableOfAccountsIsCheckedLineByLine(t *testing.T) {
	k := &SubscriberKeys{Lower: true}
	accounts, faults, err := k.ReadAccounts(strings.NewReader(strings.Join([]string{
		`# key,account`, `Alice,4711`, `"b,ob", 4712`, `carol`, `,4713`, `dave,`, `alice,4714`, `ALICE,4711`, `"x"y,1`, `eve,4715`,
	}, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, f := range faults {
		lines = append(lines, f.Line)
	}
	if want := []int{4, 5, 6, 7, 9}; !slices.Equal(lines, want) {
		t.Errorf("faults %+v, want lines %v", faults, want)
	}
	if len(accounts) != 7 || accounts["alice"] != "4711" || accounts["b,ob"] != "4712" || accounts["eve"] != "4715" {
		t.Errorf("accounts %v", accounts)
	}
	if _, faults, _ := k.ReadAccounts(strings.NewReader(strings.Repeat("x\n", 1000))); len(faults) != maxLineFaults {
		t.Errorf("%d faults reported", len(faults))
	}
}

// Whatever two keys look like: if they become the same they are one subscriber,
// and a key's outcome does not depend on which spelling of it was reported.
func TestSpellingsOfAKeyAreOneSubscriber(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	k := &SubscriberKeys{StripRealm: true, Lower: true}
	k.Use(map[string]string{"user1": "account", "user2": "account", "user3": "other"})
	for range 2000 {
		n := random.IntN(6)
		one, two := fmt.Sprint("user", n, "@isp"), fmt.Sprint("USER", n, []string{"", "@ISP", "@other"}[random.IntN(3)])
		if k.Key(one) != k.Key(two) {
			t.Fatalf("seed %d: %q is %q and %q is %q", seed, one, k.Key(one), two, k.Key(two))
		}
		if k.Key(k.Key(one)) != k.Key(one) && n > 3 {
			t.Fatalf("seed %d: the key of %q is not its own", seed, one)
		}
	}
}

func FuzzReadAccounts(f *testing.F) {
	f.Add("alice,4711\n# x\n\"b\"\"ob\",1\n")
	f.Add("a,b,c\n,\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		k := &SubscriberKeys{StripRealm: true, Lower: true}
		accounts, _, err := k.ReadAccounts(strings.NewReader(text))
		if err != nil {
			return
		}
		for key, account := range accounts {
			if key == "" || quarantine.CheckSubscriber(account) != nil || !utf8.ValidString(account) {
				t.Errorf("%q has account %q", key, account)
			}
		}
	})
}
