package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// dasPort is where hostapd takes requests: in a namespace of the test's own all
// ports are free.
const dasPort = 3799

// authenticator is a hostapd that guards one end of a cable, with its own EAP
// server, accounting to a given port and a dynamic authorization server that
// wants Message-Authenticator and Event-Timestamp.
type authenticator struct {
	process
	control string // directory of its control socket
}

// supplicant is a wpa_supplicant at the other end, who logs in as alice.
type supplicant struct{ process }

const (
	guarded = "cordon-a" // hostapd's end of the cable
	outside = "cordon-b" // the subscriber's
)

const hostapdConfiguration = `
interface=` + guarded + `
driver=wired
ctrl_interface=CONTROL
ieee8021x=1
use_pae_group_addr=1
eap_reauth_period=0
eap_server=1
eap_user_file=USERS
own_ip_addr=127.0.0.1
nas_identifier=hostapd-1
acct_server_addr=127.0.0.1
acct_server_port=ACCT
acct_server_shared_secret=` + acctSecret + `
radius_das_port=3799
radius_das_client=127.0.0.1 ` + coaSecret + `
radius_das_time_window=300
radius_das_require_event_timestamp=1
radius_das_require_message_authenticator=1
logger_stdout=-1
logger_stdout_level=0
`

const supplicantConfiguration = `
ap_scan=0
network={
	key_mgmt=IEEE8021X
	eap=MD5
	identity="alice"
	password="wonderland"
	eapol_flags=0
}
`

// startAuthenticator lays the cable and starts hostapd at one end of it. Only in a
// namespace of the test's own.
func startAuthenticator(t *testing.T, acct int) *authenticator {
	t.Helper()
	command(t, "ip", "link", "add", guarded, "type", "veth", "peer", "name", outside)
	command(t, "ip", "link", "set", guarded, "up")
	command(t, "ip", "link", "set", outside, "up")
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	a := &authenticator{process: process{t: t, name: "hostapd", log: filepath.Join(dir, "hostapd.log")},
		control: filepath.Join(dir, "control")}
	users := write("users", "\"alice\" MD5 \"wonderland\"\n")
	text := strings.NewReplacer("CONTROL", a.control, "USERS", users, "ACCT", fmt.Sprint(acct)).Replace(hostapdConfiguration)
	path, err := find("hostapd")
	if err != nil {
		t.Fatal(err)
	}
	a.start(path, nil, "-d", write("hostapd.conf", text))
	t.Cleanup(func() {
		a.kill()
		a.showIfFailed()
	})
	within(t, soon, "hostapd guards its port", func() (string, bool) {
		out := a.output()
		if !a.running() {
			t.Fatalf("hostapd ended at once:\n%s", out)
		}
		return out, strings.Contains(out, "AP-ENABLED")
	})
	return a
}

// session is how hostapd's log shows that alice's accounting begins.
var session = regexp.MustCompile(`STA ([0-9a-f:]{17}) RADIUS: starting accounting session ([0-9A-F]+)`)

// station is a session of hostapd's.
type station struct{ mac, id string }

// login plugs the subscriber in and returns the session that hostapd has of him.
func (a *authenticator) login(t *testing.T) (station, *supplicant) {
	t.Helper()
	path, err := find("wpa_supplicant")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "wpa_supplicant.conf")
	if err := os.WriteFile(file, []byte(supplicantConfiguration), 0o600); err != nil {
		t.Fatal(err)
	}
	had := len(session.FindAllString(a.output(), -1))
	s := &supplicant{process{t: t, name: "wpa_supplicant", log: filepath.Join(dir, "wpa_supplicant.log")}}
	s.start(path, nil, "-D", "wired", "-i", outside, "-c", file)
	t.Cleanup(func() {
		s.kill()
		s.showIfFailed()
	})
	var found [][]string
	within(t, soon, "hostapd has authenticated alice", func() (string, bool) {
		found = session.FindAllStringSubmatch(a.output(), -1)
		return a.output() + s.output(), len(found) > had
	})
	return station{found[had][1], found[had][2]}, s
}

// dropped reports whether hostapd has disconnected the station and ended its session.
func (a *authenticator) dropped(s station) bool {
	out := a.output()
	return strings.Contains(out, "AP-STA-DISCONNECTED "+s.mac) && strings.Contains(out, "RADIUS: stopped accounting session "+s.id)
}

// staysFor fails the test if the session is dropped in that time.
func (a *authenticator) staysFor(during time.Duration, s station) {
	a.t.Helper()
	never(a.t, during, "hostapd disconnected "+s.mac, func() (string, bool) { return a.output(), a.dropped(s) })
}
