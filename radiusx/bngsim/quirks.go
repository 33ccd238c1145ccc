package bngsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Quirk is the name of one way in which real gear departs from RFC 5176 or from
// what a client hopes for. Unlike [Faults] quirks leave the wire alone: the BNG
// is sound, and stubborn.
type Quirk string

// The quirks. What each does stands in the table below.
const (
	FirstMatch        Quirk = "first-match"
	NameOnly          Quirk = "name-only"
	MultiMatch        Quirk = "multi-match"
	MultiRefuse       Quirk = "multi-refuse"
	StrictIDs         Quirk = "strict-ids"
	ProxyStateRefused Quirk = "proxy-state-refused"
	AckIgnore         Quirk = "ack-ignore"
	AcksUnknown       Quirk = "acks-unknown"
	RefusesUnknown    Quirk = "refuses-unknown"
	BusyDrop          Quirk = "busy-drop"
	Slow              Quirk = "slow"
	SilentCoA         Quirk = "silent-coa"
	NoDuplicateCache  Quirk = "no-dup-cache"
	Duplicates5s      Quirk = "dup-5s"
	Duplicates300s    Quirk = "dup-300s"
	LateDuplicate     Quirk = "late-duplicate"
	Reboots           Quirk = "reboot"
	IDReuse           Quirk = "id-reuse"
	SessionIDChanges  Quirk = "session-id-changes"
	AckBefore         Quirk = "ack-before"
	ServiceAccounting Quirk = "service-accounting"
	NeedsTimestamp    Quirk = "needs-timestamp"
	ClockSkew         Quirk = "clock-skew"
	DropsMessageAuth  Quirk = "drops-ma"
	BadMessageAuth    Quirk = "bad-ma"
	NoMessageAuth     Quirk = "no-ma"
	WrongCode         Quirk = "wrong-code"
	WrongID           Quirk = "wrong-id"
	NAKWithoutCause   Quirk = "nak-no-cause"
	Padding           Quirk = "padding"
	NAKsRestrict      Quirk = "nak-after-restrict"
	NAKsRestore       Quirk = "nak-after-restore"
	Hides             Quirk = "renames"
	MACAuth           Quirk = "mac-auth"
	ReplacesLimits    Quirk = "replaces-limits"
	Kilobits          Quirk = "kilobits"
	StickySets        Quirk = "sticky-sets"
	RebootsSilently   Quirk = "reboot-silent"
	NotFound          Quirk = "not-found"
	SlowHooks         Quirk = "slow-hooks"
	QueuedHooks       Quirk = "queued-hooks"
)

// How long the quirks that take time do so.
const (
	lingering          = time.Second            // ack-before: from the ACK to the end of the session
	working            = 100 * time.Millisecond // busy-drop: from a request to its answer
	lateAfter          = 20 * time.Second       // late-duplicate: RFC 5176's window is 300 s, a queue's seldom over 30 s
	redialAfter        = 5 * time.Second        // reboot: until subscribers are back
	duplicatesForget   = 5 * time.Second        // dup-5s
	duplicatesRemember = 300 * time.Second      // dup-300s
	notFoundFor        = time.Minute            // not-found
)

// QuirkInfo describes a quirk.
type QuirkInfo struct {
	Name      Quirk
	Does      string     // what a client sees of it
	Gear      string     // whose gear is known for it
	Source    string     // where that is written
	Group     string     // quirks with the same one exclude each other; "" excludes none
	Platforms []Platform // that are known for it, whether or not they have it built in; nil: any gear may have it
}

// quirk is one line of the table: a quirk and how it bends a platform's behaviour.
type quirk struct {
	QuirkInfo
	bend func(*behaviour, *Config)
}

// accels are accel-ppp by both its names.
var accels = []Platform{AccelPPP, VyOS}

// quirks is the one table of quirks.
var quirks = []quirk{
	{QuirkInfo{FirstMatch, "skips identifiers that a session has no value for and takes the first session that is left",
		"accel-ppp, VyOS", "accel-ppp 89637ee, radius/dm_coa.c", "several", accels},
		func(b *behaviour, _ *Config) { b.skipsUnset, b.several, b.appliesToAll = true, OK, false }},
	{QuirkInfo{NameOnly, "finds sessions by User-Name alone, whatever else is sent",
		"RouterOS PPPoE, SKAT", "dapphp/radius #33; wiki.vasexperts.ru radius_auth_coa", "", []Platform{MikroTik, Skat}},
		func(b *behaviour, _ *Config) { b.looksAt = []string{"User-Name"} }},
	{QuirkInfo{MultiMatch, "applies a request to every session that matches",
		"CoovaChilli", "RFC 5176 section 3; coova-chilli e0c7d7a", "several", []Platform{CoovaChilli}},
		func(b *behaviour, _ *Config) { b.several, b.appliesToAll = OK, true }},
	{QuirkInfo{MultiRefuse, "refuses a request that several sessions match: 508",
		"hostapd", "RFC 5176 section 3; hostap-ct 76d4a917", "several", []Platform{Hostapd}},
		func(b *behaviour, _ *Config) { b.several, b.appliesToAll = MultipleSessions, false }},
	{QuirkInfo{StrictIDs, "refuses every identifier outside a short list with 401, Framed-IP-Address among them",
		"hostapd, JunosE", "hostap-ct 76d4a917, radius_das.c", "", []Platform{Hostapd}},
		func(b *behaviour, _ *Config) { b.onlyAttributes = hostapdIdentifiers }},
	{QuirkInfo{ProxyStateRefused, "refuses requests that came through a proxy: Proxy-State gives 401",
		"hostapd", "hostap-ct 76d4a917, radius_das.c", "", []Platform{Hostapd}},
		func(b *behaviour, _ *Config) { b.refusesProxyState = true }},

	{QuirkInfo{AckIgnore, "answers ACK and changes nothing",
		"ISG without an accounting list, RouterOS releases without Mikrotik-Address-List by CoA, accel-ppp PPPoE with L4 redirect",
		"Cisco ancp-msad-coa-xe; Splynx on MikroTik; accel-ppp 89637ee, ctrl/ipoe", "", []Platform{CiscoISG, MikroTik, AccelPPP, VyOS}},
		func(b *behaviour, _ *Config) { b.acksOnly = true }},
	{QuirkInfo{AcksUnknown, "answers ACK to names it does not know, and skips them",
		"Junos without coa-dynamic-variable-validation, Huawei error-reply version1",
		"Juniper, RADIUS dynamic service management; Huawei NetEngine 8000 error-reply", "names", []Platform{Junos, HuaweiNE}},
		func(b *behaviour, _ *Config) { b.checksProfiles, b.unknownName = true, OK }},
	{QuirkInfo{RefusesUnknown, "refuses names it does not know with 404",
		"Huawei error-reply version2", "Huawei NetEngine 8000 error-reply", "names", []Platform{HuaweiNE}},
		func(b *behaviour, _ *Config) { b.checksProfiles, b.unknownName = true, InvalidRequest }},

	{QuirkInfo{BusyDrop, "drops a request for a session that is still working on another",
		"accel-ppp, VyOS", "accel-ppp 89637ee, radius/dm_coa.c", "", accels},
		func(b *behaviour, _ *Config) { b.dropsBusy, b.takes = true, max(b.takes, working) }},
	{QuirkInfo{Slow, "carries requests out, and answers, only after a while",
		"any under load", "RFC 5080 section 2.2.1", "", nil},
		func(b *behaviour, c *Config) { b.takes = max(b.takes, c.SlowBy) }},
	{QuirkInfo{SilentCoA, "answers Disconnect-Requests only",
		"wireless controllers and gear without CoA", "PacketFence 40ec83b1, Switch modules", "", nil},
		func(b *behaviour, _ *Config) { b.coa = unanswered }},
	{QuirkInfo{NoDuplicateCache, "carries out every retransmission again",
		"accel-ppp, VyOS, CoovaChilli, osvbng", "accel-ppp 89637ee; coova-chilli e0c7d7a; osvbng a58b8315", "duplicates",
		[]Platform{AccelPPP, VyOS, CoovaChilli, OSVBNG}},
		func(b *behaviour, _ *Config) { b.duplicateWindow = -1 }},
	{QuirkInfo{Duplicates5s, "remembers answers for 5 s only",
		"FreeRADIUS as receiver", "FreeRADIUS v3.2.x, cleanup_delay", "duplicates", nil},
		func(b *behaviour, _ *Config) { b.duplicateWindow = duplicatesForget }},
	{QuirkInfo{Duplicates300s, "repeats an answer for 300 s to whoever uses port and identifier again",
		"strict readers of the RFC", "RFC 5176 section 6.3", "duplicates", nil},
		func(b *behaviour, _ *Config) { b.duplicateWindow = duplicatesRemember }},
	{QuirkInfo{LateDuplicate, "carries a change out once more 20 s later, and answers again",
		"any without a duplicate cache behind a network that holds datagrams", "RFC 5080 section 2.2.2", "", nil},
		func(b *behaviour, _ *Config) { b.repeatsAfter = lateAfter }},

	{QuirkInfo{Reboots, "restarts at the first request: Accounting-On, subscribers dial in again, " +
		"session ids begin anew and belong to others",
		"any", "RFC 2866 section 5.1", "", nil},
		func(b *behaviour, _ *Config) { b.restarts = true }},
	{QuirkInfo{IDReuse, "gives the Acct-Session-Id of an ended session to the next one",
		"RouterOS (unique per boot and service)", "RFC 2866 section 5.5; MikroTik manual", "", []Platform{MikroTik}},
		func(b *behaviour, _ *Config) { b.reusesIDs = true }},
	{QuirkInfo{SessionIDChanges, "a change gives the session a new Acct-Session-Id, with Stop and Start",
		"EcoBRAS (an ISG clone), CoovaChilli", "bgbilling 7.2; coova-chilli e0c7d7a", "", []Platform{CiscoISG, CoovaChilli}},
		func(b *behaviour, _ *Config) { b.renumbers = true }},
	{QuirkInfo{AckBefore, "answers Disconnect-ACK before the session ends",
		"accel-ppp, VyOS", "accel-ppp 89637ee, radius/dm_coa.c", "", accels},
		func(b *behaviour, _ *Config) { b.endsAfter = lingering }},
	{QuirkInfo{ServiceAccounting, "reports each service with Start and Stop under an Acct-Session-Id of its own",
		"Junos, ISG, SmartEdge", "Juniper, Service Manager; Cisco ISG; rbman", "", []Platform{Junos, CiscoISG, EricssonSE}},
		func(b *behaviour, _ *Config) { b.reportsServices = true }},

	{QuirkInfo{NeedsTimestamp, "drops requests without Event-Timestamp",
		"StarOS, Cambium PMP", "StarOS CLI, radius change-authorize-nas-ip", "", []Platform{StarOS}},
		func(b *behaviour, _ *Config) { b.needsTimestamp, b.checksAuthenticity = true, true }},
	{QuirkInfo{ClockSkew, "has a wrong clock: stamps answers with it, drops requests that its window does not reach",
		"any without NTP", "RFC 5176 section 6.3", "", nil},
		func(b *behaviour, c *Config) { b.skew, b.checksAuthenticity = c.ClockSkew, true }},
	{QuirkInfo{DropsMessageAuth, "drops requests with a Message-Authenticator, right or wrong",
		"osvbng", "osvbng a58b8315", "", []Platform{OSVBNG}},
		func(b *behaviour, _ *Config) { b.dropsSigned = true }},
	{QuirkInfo{BadMessageAuth, "answers with a wrong Message-Authenticator",
		"FreeRADIUS as receiver before 3.2.4", "FreeRADIUS 3.2.4 release notes", "signature", nil},
		func(b *behaviour, _ *Config) { b.signs = signsWrongly }},
	{QuirkInfo{NoMessageAuth, "answers without Message-Authenticator to requests that have one",
		"accel-ppp, VyOS", "accel-ppp 89637ee", "signature", accels},
		func(b *behaviour, _ *Config) { b.signs = signsNever }},
	{QuirkInfo{WrongCode, "answers a CoA-Request with a Disconnect-ACK or -NAK, and the reverse",
		"home-made servers", "", "", nil},
		func(b *behaviour, _ *Config) { b.swapsCode = true }},
	{QuirkInfo{WrongID, "answers with an identifier that is one too large",
		"home-made servers", "", "", nil},
		func(b *behaviour, _ *Config) { b.wrongID = true }},
	{QuirkInfo{NAKWithoutCause, "refuses without Error-Cause",
		"CoovaChilli, accel-ppp, RouterOS, Junos for what is not in its table", "coova-chilli e0c7d7a; JUNOSe 9.x table 42",
		"", []Platform{CoovaChilli, AccelPPP, VyOS, MikroTik, Junos}},
		func(b *behaviour, _ *Config) { b.namesNoCause = true }},
	{QuirkInfo{Padding, "answers with octets behind the packet's Length",
		"allowed to any", "RFC 2865 section 3", "", nil},
		func(b *behaviour, _ *Config) { b.pads = 16 }},

	{QuirkInfo{NAKsRestrict, "carries a restriction out and refuses it all the same, without Error-Cause",
		"accel-ppp, whose ip-change hook failed", "seen on a live accel-ppp 1.14 (89637ee)", "", accels},
		func(b *behaviour, _ *Config) { b.naksRestrict = true }},
	{QuirkInfo{NAKsRestore, "gives a session back what AAA gave it and refuses that all the same, without Error-Cause",
		"accel-ppp, whose ip-change hook failed", "seen on a live accel-ppp 1.14 (89637ee)", "", accels},
		func(b *behaviour, _ *Config) { b.naksRestore = true }},
	{QuirkInfo{Hides, "gives a restricted session another Acct-Session-Id at once, with a Stop, and a Start only when it is lifted",
		"CoovaChilli", "seen on a live CoovaChilli (e0c7d7a)", "", []Platform{CoovaChilli}},
		func(b *behaviour, _ *Config) { b.hides = b.changes[portalKey] == nil }}, // who has a portal hides by that
	{QuirkInfo{MACAuth, "lets a restricted client in again at its next DHCP request, as AAA says",
		"CoovaChilli with MAC authentication", "seen on a live CoovaChilli (e0c7d7a)", "", []Platform{CoovaChilli}},
		func(b *behaviour, c *Config) { b.admits = c.DHCPEvery }},
	{QuirkInfo{ReplacesLimits, "resets every limit that a change does not name: rate, Session-Timeout, Acct-Interim-Interval",
		"CoovaChilli", "seen on a live CoovaChilli (e0c7d7a)", "", []Platform{CoovaChilli}},
		func(b *behaviour, _ *Config) { b.replacesLimits = true }},
	{QuirkInfo{Kilobits, "takes numbers in rates for kbit/s, and multiplies them by 1000 in 32 bits",
		"CoovaChilli", "coova-chilli e0c7d7a, chilli.c; seen on a live one", "", []Platform{CoovaChilli}},
		func(b *behaviour, _ *Config) { b.rateUnit = 1000 }},
	{QuirkInfo{StickySets, "keeps the last set (ipset) that anybody named: on goes there, off leaves it, and on twice does nothing",
		"accel-ppp", "accel-ppp 89637ee, ctrl/ipoe/ipoe.c; seen on a live one", "", []Platform{AccelPPP}},
		func(b *behaviour, _ *Config) { b.stickySets = true }},
	{QuirkInfo{RebootsSilently, "restarts at the first request like reboot, without Accounting-On",
		"accel-ppp without acct-on=1", "seen on a live accel-ppp 1.14 (89637ee)", "", accels},
		func(b *behaviour, _ *Config) { b.restarts, b.saysNoOn = true, true }},
	{QuirkInfo{NotFound, "answers 503 for live sessions until a minute after the first request",
		"any during a switch-over, or behind a proxy with a wrong route", "RFC 5176 section 3.5", "", nil},
		func(b *behaviour, _ *Config) { b.unknownFor = notFoundFor }},
	{QuirkInfo{SlowHooks, "takes long for a change, and drops what comes for the session meanwhile",
		"accel-ppp with slow scripts", "seen on a live accel-ppp 1.14 (89637ee)", "busy", accels},
		func(b *behaviour, c *Config) { b.dropsBusy, b.takes = true, max(b.takes, c.HookTakes) }},
	{QuirkInfo{QueuedHooks, "takes long for a change, and works off what comes for the session meanwhile after it, in order",
		"accel-ppp with slow scripts", "seen on a live accel-ppp 1.14 (89637ee)", "busy", accels},
		func(b *behaviour, c *Config) { b.queuesBusy, b.takes = true, max(b.takes, c.HookTakes) }},
}

// Quirks describes all quirks, in the order of the table.
func Quirks() []QuirkInfo {
	all := make([]QuirkInfo, len(quirks))
	for i, q := range quirks {
		all[i] = q.QuirkInfo
		all[i].Platforms = slices.Clone(q.Platforms)
	}
	return all
}

// Quirks are those that a platform is known for, in the order of the table. Those
// that any gear may have are not among them.
func (m Platform) Quirks() []Quirk {
	var known []Quirk
	for _, q := range quirks {
		if slices.Contains(q.Platforms, m) {
			known = append(known, q.Name)
		}
	}
	return known
}

// CheckQuirks reports an unknown quirk, or two that exclude each other.
func CheckQuirks(names ...Quirk) error {
	_, err := bent(&Config{Platform: FilterID}, names)
	return err
}

// bent returns the behaviour of a platform under quirks. Unknown quirks, and two
// that exclude each other, are an error.
func bent(c *Config, names []Quirk) (*behaviour, error) {
	how := *c.Platform.behaviour()
	if c.DuplicateWindow != 0 {
		how.duplicateWindow = c.DuplicateWindow
	}
	groups := make(map[string]Quirk)
	for _, name := range names {
		at := slices.IndexFunc(quirks, func(q quirk) bool { return q.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("unknown quirk %q, known: %s", name, strings.Join(quirkNames(), ", "))
		}
		q := quirks[at]
		if other := groups[q.Group]; other != "" && q.Group != "" && other != name {
			return nil, fmt.Errorf("quirks %s and %s exclude each other", other, name)
		}
		groups[q.Group] = name
		q.bend(&how, c)
	}
	return &how, nil
}

func quirkNames() []string {
	names := make([]string, len(quirks))
	for i, q := range quirks {
		names[i] = string(q.Name)
	}
	return names
}

// SetQuirks replaces the quirks from the next datagram on; none makes the BNG
// what its platform is. Answers that are remembered, and sessions, stay. An unknown
// quirk, or two that exclude each other, change nothing.
func (b *BNG) SetQuirks(names ...Quirk) error {
	how, err := bent(&b.config, names)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.behaviour, b.restartDue, b.asked = how, how.restarts, time.Time{}
	b.answers.window = how.duplicateWindow
	b.profiles = b.config.known(how)
	return nil
}
