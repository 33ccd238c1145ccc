package bng

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"layeh.com/radius"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// gear is a platform as it is run against its dialect: how the dialect is set
// up, and what AAA gives at log-in. Without restricted there is no model, and
// why says the reason.
type gear struct {
	dialect  string
	form     string // for people
	platform bngsim.Platform
	options  map[string]string
	signing  coa.MessageAuthenticatorMode

	restricted, other string // names on the BNG; without other there is nothing to change to
	normal            string
	atLogin           bngsim.State

	redirect, profile string // attributes that the site chose
	ppp               bool   // not IPoE
	goesByName        bool   // the platform looks at nothing but the login
	renames           bool   // a restricted session is found by its login alone
	steps             int    // requests of a restriction; 0 is 1
	changeSteps       int    // requests of a change; 0 is 1
	why               string
}

// gears is every dialect that comes with the program, in each of its forms.
var gears = []gear{
	{dialect: "filter-id", platform: bngsim.FilterID, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: bngsim.State{FilterID: "PLAN"}},
	{dialect: "junos", form: "overlay", platform: bngsim.Junos, restricted: "GARDEN", other: "NO-SMTP", normal: dialect.Overlay,
		atLogin: services("PLAN"), changeSteps: 2},
	{dialect: "junos", form: "swap", platform: bngsim.Junos, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: services("PLAN"), steps: 2, changeSteps: 2},
	{dialect: "mikrotik", platform: bngsim.MikroTik, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: bngsim.State{AddressList: "PLAN"}},
	{
		dialect: "accel-ppp", form: "redirect", platform: bngsim.AccelPPP, restricted: "1", normal: dialect.Overlay,
		redirect: "L4-Redirect",
		options:  map[string]string{"l4_redirect_number": "241"}, atLogin: bngsim.State{FilterID: "1000/5000"},
	},
	{dialect: "accel-ppp", form: "shaper", platform: bngsim.AccelPPP, restricted: "64/64", other: "128/128", normal: "1000/5000",
		atLogin: bngsim.State{FilterID: "1000/5000"}, ppp: true},
	{dialect: "vyos", platform: bngsim.VyOS, restricted: "64/64", other: "128/128", normal: "1000/5000",
		atLogin: bngsim.State{FilterID: "1000/5000"}, ppp: true},
	{dialect: "nokia-sros", form: "overlay", platform: bngsim.NokiaSROS, restricted: "66", other: "67", normal: dialect.Overlay,
		atLogin: bngsim.State{ServiceProfile: "PLAN"}},
	{dialect: "nokia-sros", form: "swap", platform: bngsim.NokiaSROS, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: bngsim.State{ServiceProfile: "PLAN"}},
	{dialect: "cisco-isg", form: "overlay", platform: bngsim.CiscoISG, restricted: "GARDEN", other: "NO-SMTP",
		normal: dialect.Overlay, atLogin: services("PLAN"), changeSteps: 2},
	{dialect: "cisco-isg", form: "swap", platform: bngsim.CiscoISG, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: services("PLAN"), steps: 2, changeSteps: 2},
	{dialect: "cisco-xr", form: "overlay", platform: bngsim.CiscoXR, restricted: "GARDEN", other: "NO-SMTP",
		normal: dialect.Overlay, atLogin: services("PLAN")},
	{dialect: "cisco-xr", form: "swap", platform: bngsim.CiscoXR, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: services("PLAN")},
	{dialect: "huawei-ne", platform: bngsim.HuaweiNE, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: bngsim.State{FilterID: "PLAN"}},
	{dialect: "ericsson-se", form: "overlay", platform: bngsim.EricssonSE, restricted: "GARDEN", other: "NO-SMTP",
		normal: dialect.Overlay, atLogin: services("PLAN"), changeSteps: 2},
	{dialect: "ericsson-se", form: "swap", platform: bngsim.EricssonSE, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: services("PLAN"), steps: 2, changeSteps: 2},
	{dialect: "rtbrick", platform: bngsim.RtBrick, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: bngsim.State{ServiceProfile: "PLAN"}},
	{dialect: "coova-chilli", platform: bngsim.CoovaChilli, restricted: "portal", normal: "2000/10000 timeout=86400 interim=300",
		atLogin: bngsim.State{RateLimit: "2000000/10000000", SessionTimeout: 86400, Interim: 300}, renames: true},
	{dialect: "skat", form: "swap", platform: bngsim.Skat, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: bngsim.State{RateLimit: "PLAN"}, goesByName: true},
	{dialect: "staros", platform: bngsim.StarOS, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: bngsim.State{FilterID: "PLAN"}},
	{
		dialect: "osvbng", platform: bngsim.OSVBNG, restricted: "GARDEN", other: "NO-SMTP", normal: "PLAN",
		atLogin: bngsim.State{FilterID: "PLAN"},
		options: map[string]string{"profile_number": "241"}, profile: "Site-Profile", signing: coa.MessageAuthenticatorOmit,
	},
	{dialect: "skat", form: "overlay", why: "the AAA server decides, and no AAA server is simulated"},
	{dialect: "hostapd", platform: bngsim.Hostapd, signing: coa.MessageAuthenticatorRequireReply,
		why: "cannot restrict, only disconnect; see the test of disconnects"},
}

func services(names ...string) bngsim.State { return bngsim.State{Services: names} }

func (g *gear) name() string {
	if g.form == "" {
		return g.dialect
	}
	return g.dialect + "/" + g.form
}

// builtinGears are those whose dialect this program has.
func builtinGears() []gear {
	return slices.DeleteFunc(slices.Clone(gears), func(g gear) bool {
		_, known := dialect.Builtin().Get(g.dialect)
		return !known
	})
}

// gearLab is a lab with a gear, a subscriber and people who are easily mistaken
// for her.
type gearLab struct {
	*lab
	gear   gear
	others map[string]bngsim.State // by login: what each had before
	book   *book
}

// book is an accounting server that answers everything and keeps the records.
type book struct {
	mu      sync.Mutex // guards what follows
	records [][]radiusx.Attribute
}

// serve answers until the socket is closed.
func (b *book) serve(conn net.PacketConn, secret []byte, d *radiusx.Dictionary) {
	buffer := make([]byte, radiusx.MaxPacketLength)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		request, err := radius.Parse(buffer[:n], secret)
		if err != nil {
			continue
		}
		b.mu.Lock()
		b.records = append(b.records, d.Decode(request.Attributes))
		b.mu.Unlock()
		if answer, err := request.Response(radius.CodeAccountingResponse).Encode(); err == nil {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

// take returns what came since the last call.
func (b *book) take() [][]radiusx.Attribute {
	b.mu.Lock()
	defer b.mu.Unlock()
	records := b.records
	b.records = nil
	return records
}

// victim is who is restricted.
const victim = "alice"

// crowd are logins that resemble the victim's. The empty one has no address either:
// gear that skips what a session cannot answer finds it first.
var crowd = []string{"", "alic", "alice1", "Alice", "alice@isp", "alice ", "bob"}

// inGear runs a story with a gear under quirks. The crowd is on line, half of it
// before the victim.
func inGear(t *testing.T, g gear, quirks []bngsim.Quirk, story func(*testing.T, *gearLab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		wire := bngsim.NewWire(1)
		wire.SetLink(netip.Addr{}, netip.Addr{}, bngsim.Link{Delay: 10 * time.Millisecond}) // so that nothing happens at once
		address := netip.MustParseAddr("192.0.2.1")
		d, _ := dialect.Builtin().Get(g.dialect)
		dictionary, err := d.Dictionary(g.options)
		must(t, err)
		conn, err := wire.Listen(netip.AddrPortFrom(address, d.CoAPort))
		must(t, err)
		secret, err := radiusx.NewSecret("a-secret-of-the-lab-0123456789abcdef")
		must(t, err)
		server, err := wire.Listen(netip.MustParseAddrPort("192.0.2.99:1813"))
		must(t, err)
		book := &book{}
		go book.serve(server, secret.Bytes(), dictionary) // ends when server is closed
		toServer, err := wire.Listen(netip.AddrPortFrom(address, 0))
		must(t, err)
		sim, err := bngsim.New(bngsim.Config{
			Name: "bng1", NASIP: address, Platform: g.platform, Quirks: quirks, Secret: secret, Conn: conn, Dictionary: dictionary,
			Accounting: bngsim.Accounting{Server: netip.MustParseAddrPort("192.0.2.99:1813"), Conn: toServer},
			Profiles:   []string{g.restricted, g.other, "PLAN"}, RedirectAttribute: g.redirect, ProfileAttribute: g.profile, Seed: 1,
		})
		must(t, err)
		client, err := coa.New(coa.Config{Listen: func(string, string) (net.PacketConn, error) {
			return wire.Listen(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.99"), 0))
		}})
		must(t, err)
		profiles := map[string]dialect.Profile{}
		if g.restricted != "" {
			profiles["garden"] = dialect.Profile{Restricted: g.restricted, Normal: g.normal}
		}
		if g.other != "" {
			profiles["no-smtp"] = dialect.Profile{Restricted: g.other, Normal: g.normal}
		}
		fleet, err := NewFleet([]Config{{
			Name: "bng1", Address: address, Secret: secret, Dialect: d, Options: g.options, Profiles: profiles,
			MessageAuthenticator: g.signing,
		}})
		must(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = sim.Run(ctx) }()
		defer func() {
			cancel()
			<-ended
			must(t, client.Close())
			must(t, server.Close())
		}()
		l := &gearLab{lab: &lab{t: t, sim: sim, enforcer: NewEnforcer(fleet, client, nil)}, gear: g,
			others: map[string]bngsim.State{}, book: book}
		l.fill()
		story(t, l)
		l.wantOthersUntouched()
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill brings everybody on line.
func (l *gearLab) fill() {
	for i, user := range crowd {
		if i == len(crowd)/2 {
			l.dial(victim, 100)
		}
		l.dial(user, byte(i+1))
		l.others[user] = l.gear.atLogin
	}
}

// dial logs a line in; the one without a login has nothing else either.
func (l *gearLab) dial(user string, n byte) {
	l.t.Helper()
	s := bngsim.Subscriber{User: user, Profile: l.gear.atLogin, IPoE: !l.gear.ppp}
	if user != "" {
		s.IPv4, s.Line = netip.AddrFrom4([4]byte{198, 51, 100, n}), "line-"+user
		s.MAC, s.NASPortID = net.HardwareAddr{2, 0, 0, 0, 0, n}.String(), "eth0."+s.IPv4.String()
	}
	_, err := l.sim.Login(l.t.Context(), s)
	must(l.t, err)
}

// look returns the victim's session as accounting reported it last.
func (l *gearLab) look() quarantine.Session {
	l.t.Helper()
	found := l.sim.Find(victim)
	if len(found) != 1 {
		l.t.Fatalf("sessions of the victim: %v", found)
	}
	s := found[0]
	return quarantine.Session{
		SessionKey: quarantine.SessionKey{BNG: "bng1", ID: s.ID}, Subscriber: s.User, StartedAt: s.Started, SeenAt: s.Started,
		Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(s.IPv4, 32), Kind: quarantine.FramedIP}},
		Attributes: []quarantine.Attribute{
			{Name: "NAS-IP-Address", Value: "192.0.2.1"}, {Name: "Calling-Station-Id", Value: s.MAC},
			{Name: "NAS-Port-Id", Value: s.NASPortID},
		},
	}
}

// now is the victim's state, whatever the session is called.
func (l *gearLab) now() bngsim.State {
	l.t.Helper()
	found := l.sim.Find(victim)
	if len(found) != 1 {
		l.t.Fatalf("sessions of the victim: %v", found)
	}
	return found[0].State
}

func (l *gearLab) wantNormal() {
	l.t.Helper()
	if now := l.now(); !now.Equal(l.gear.atLogin) {
		l.t.Errorf("the victim has %s, want %s", now, l.gear.atLogin)
	}
}

func (l *gearLab) wantRestricted() {
	l.t.Helper()
	if now := l.now(); now.Equal(l.gear.atLogin) {
		l.t.Errorf("the victim has %s still", now)
	}
}

// wantOthersUntouched looks at the crowd: everybody is there once, as at log-in.
func (l *gearLab) wantOthersUntouched() {
	l.t.Helper()
	for user, had := range l.others {
		found := l.sim.Find(user)
		if len(found) != 1 || !found[0].Equal(had) {
			l.t.Errorf("%q was touched: %v, want %s", user, found, had)
		}
	}
}

// reconnect drops the victim's line and brings it back, with what AAA gives.
func (l *gearLab) reconnect() {
	l.t.Helper()
	_, err := l.sim.Reconnect(l.t.Context(), l.look().ID)
	must(l.t, err)
}

// release takes a restriction away; confirmed tells whether it was ACKed.
func (l *gearLab) release(s quarantine.Session, from quarantine.Order, confirmed bool) quarantine.Outcome {
	l.t.Helper()
	return l.enforce(quarantine.Order{Session: s, From: []quarantine.AppliedProfile{applied(from)}, Confirmed: confirmed})
}

// label names a list of quirks.
func label(quirks []bngsim.Quirk) string {
	if len(quirks) == 0 {
		return "itself"
	}
	names := make([]string, len(quirks))
	for i, q := range quirks {
		names[i] = string(q)
	}
	return strings.Join(names, "+")
}

// underEach runs a story under each list of quirks.
func underEach(t *testing.T, lists [][]bngsim.Quirk, story func(*testing.T, []bngsim.Quirk)) {
	t.Helper()
	for _, quirks := range lists {
		t.Run(label(quirks), func(t *testing.T) { story(t, quirks) })
	}
}

// settle lets everything that is under way happen: the slowest quirk takes 20 s.
func settle() { time.Sleep(time.Minute) }
