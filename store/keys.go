package store

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"cordon/quarantine"
)

// keys builds every key that this package uses. Control state carries the hash
// tag {c}: it shares one slot. Names that come from outside are escaped, so
// that they cannot bring a hash tag of their own or run into the next part.
type keys struct{ prefix string }

// keyDoc describes one kind of key; docs/redis.md has the same rows.
type keyDoc struct{ pattern, kind, holds, expires string }

// keyTable describes every key, with the default prefix.
var keyTable = []keyDoc{
	{
		"cordon:{c}:case:<case>", "hash",
		"`v` version and, behind a dot, the stamp of that write, `d` the case as JSON",
		"history after it closed; never while open",
	},
	{"cordon:{c}:open", "hash", "subscriber → lane of its due work (`0` release, `1` restrict), `:`, id of its open case", "never"},
	{"cordon:{c}:cases:open", "sorted set", "ids of open cases by opening time (ms)", "never"},
	{
		"cordon:{c}:cases:closed", "sorted set",
		"ids of closed cases by closing time (ms)",
		"never; entries older than history go when a case closes",
	},
	{
		"cordon:{c}:due:release", "sorted set",
		"due subscribers, by time (ms; a half marks a lease): cases being released",
		"never",
	},
	{"cordon:{c}:due:restrict", "sorted set", "the same for all other open cases", "never"},
	{
		"cordon:{c}:woken", "hash",
		"BNG → its restart (ms) for which every open case was made due: that restart, announced again, wakes nobody",
		"never; one field a BNG",
	},
	{
		"cordon:{c}:due:asked", "sorted set",
		"subscribers under a lease whose case was saved meanwhile, by the due time then asked for (ms)",
		"never",
	},
	{
		"cordon:{c}:limit:<scope>", "sorted set",
		"reservations (`case/generation`) counted in a limit, by time (ms, of this server); one of n lines has n members: " +
			"itself and with `#2` to `#n` behind it",
		"one window after the last",
	},
	{"cordon:{c}:sender", "string", "instance that holds the sender lease", "the lease's time to live"},
	{
		"cordon:{c}:probe", "string",
		"written each second by every instance, which finds out by that whether it can write",
		"a minute",
	},
	{"cordon:{c}:term", "hash", "`n` the sender's term, which is when it began (ms), `h` who holds or last held the lease", "never"},
	{
		"cordon:{c}:instances", "hash",
		"id of an instance → when it published last (ms), `:`, since when it may be alone (ms), `:`, what it published as " +
			"JSON: its name, the moment to which its accounting is stored, …; in front of that `heard` (ms) if it said over " +
			"HTTP since that it answers accounting, cut off",
		"never; an instance that went, 720 h or history if that is longer after that",
	},
	{
		"cordon:{c}:instances:gone", "hash",
		"id of an instance that left or was declared lost → when (ms), `:`, how, by whom and why as JSON",
		"never; each one with its instance",
	},
	{
		"cordon:{c}:sources", "hash",
		"`heard`: when an instance that takes accounting reported last (ms), `:`, for how long in all none did (ms); " +
			"`s:<source>` (a BNG, a relay, a translator's log): arrival of the first and of the last record, how far it has " +
			"come, how old that was, unheard time by then (ms), and up to 7 days as day.longest gap (ms).records",
		"never; one field a source that was ever configured",
	},
	{
		"cordon:{c}:masters", "string",
		"as JSON: `m` the masters, `at` when an instance confirmed them last (ms), `g` gaps that failovers and restarts " +
			"left in the last *idle* (from, to; ms), `i` instance → the masters that it confirmed last, and when",
		"idle after the last instance asked",
	},
	{
		"cordon:{c}:maintenance", "hash",
		"BNG → when its maintenance window was given (ms), `:`, the window as JSON; ended ones too, so that an older " +
			"command that arrives late changes nothing",
		"168 h after the last was given; each one, when another is given 168 h after it",
	},
	{"cordon:{c}:wanted", "hash", "subscriber → the desired profile of its open case, as JSON, while there is one: for log-ins", "never"},
	{
		"cordon:{c}:login:<subscriber>", "hash",
		"`bng:profile` → time (ms) of the last answer to a log-in that put it in force, `:`, how it is undone; `n` how " +
			"many answers",
		"history after the last answer",
	},
	{"cordon:{c}:verdict:<verdict>", "string", "`S` if final, else `U`, then the status as JSON", "verdict memory"},
	{
		"cordon:{c}:released:<subscriber>", "string",
		"time (ms) of the last release by a person, `:`, the release as JSON",
		"verdict memory",
	},
	{"cordon:s:<bng>:<session>", "string", "a session: a head, and the rest as JSON", "idle while live, history after it ended"},
	{
		"cordon:u:<subscriber>", "hash",
		"sessions of a subscriber (`bng:session`) → version of the session's record",
		"idle after the last record",
	},
	{
		"cordon:b:<block>/<length>[@<space>]", "hash",
		"bindings of 16 neighbouring prefixes of one length",
		"idle while one is open, else history",
	},
	{
		"cordon:p:<address>/<length>[@<space>]:<slice>", "hash",
		"port blocks of a shared address that touch a slice of 1,024 of its ports, numbered from 0; `w`: those that touch " +
			"more than four",
		"idle while one is open, else history",
	},
	{
		"cordon:shared:<address>/<length>[@<space>]", "string",
		"since when (ms) some of the address's ports are known to have been given out",
		"idle after the last block was written, or up to a sixteenth sooner",
	},
	{
		"cordon:m:<period>:<bucket>", "hash",
		"hardware address of equipment → the session (`bng:session`) that came last with it; a period is one idle, numbered " +
			"from 1970",
		"one idle after its period, so up to two idle after the last record that wrote it; a session that stands is written " +
			"anew every 12 to 24 h",
	},
	{
		"cordon:lengths", "set",
		"prefix lengths in use: `4/32`, `6/56`, `4/32@<space>`, …; `n4/32`: those of addresses with port blocks",
		"never",
	},
	{
		"cordon:down:<bng>", "string",
		"last restart the BNG announced (ms); a value that is no time counts as a restart now, and is overwritten",
		"never",
	},
}

func (k keys) control(rest string) string { return k.prefix + ":{c}:" + rest }

func (k keys) caseRecord(id string) string  { return k.control("case:" + escape(id)) }
func (k keys) open() string                 { return k.control("open") }
func (k keys) casesOpen() string            { return k.control("cases:open") }
func (k keys) casesClosed() string          { return k.control("cases:closed") }
func (k keys) dueAsked() string             { return k.control("due:asked") }
func (k keys) woken() string                { return k.control("woken") }
func (k keys) limit(scope string) string    { return k.control("limit:" + escape(scope)) }
func (k keys) sender() string               { return k.control("sender") }
func (k keys) probe() string                { return k.control("probe") }
func (k keys) term() string                 { return k.control("term") }
func (k keys) instances() string            { return k.control("instances") }
func (k keys) instancesGone() string        { return k.control("instances:gone") }
func (k keys) sources() string              { return k.control("sources") }
func (k keys) masters() string              { return k.control("masters") }
func (k keys) maintenance() string          { return k.control("maintenance") }
func (k keys) wanted() string               { return k.control("wanted") }
func (k keys) logins(sub string) string     { return k.control("login:" + escape(sub)) }
func (k keys) verdict(id string) string     { return k.control("verdict:" + escape(id)) }
func (k keys) released(subs string) string  { return k.control("released:" + escape(subs)) }
func (k keys) sessionsOf(sub string) string { return k.prefix + ":u:" + escape(sub) }
func (k keys) macs(period int64, bucket string) string {
	return k.prefix + ":m:" + strconv.FormatInt(period, 10) + ":" + bucket
}

// formerMACs is the key of hardware addresses that versions before used, for ever.
func (k keys) formerMACs(bucket string) string { return k.prefix + ":m:" + bucket }
func (k keys) lengths() string                 { return k.prefix + ":lengths" }
func (k keys) down(bng string) string          { return k.prefix + ":down:" + escape(bng) }

func (k keys) due(lane quarantine.Lane) string {
	if lane == quarantine.LaneRelease {
		return k.control("due:release")
	}
	return k.control("due:restrict")
}

func (k keys) session(key quarantine.SessionKey) string {
	return k.prefix + ":s:" + escape(key.BNG) + ":" + escape(key.ID)
}

func (k keys) bindings(block quarantine.Place, length int) string {
	return fmt.Sprintf("%s:b:%s/%d%s", k.prefix, block.Addr, length, inSpace(block.Space))
}

func (k keys) portBlocks(prefix netip.Prefix, space, slice string) string {
	return fmt.Sprintf("%s:p:%s%s:%s", k.prefix, prefix.Masked(), inSpace(space), slice)
}

func (k keys) shared(prefix netip.Prefix, space string) string {
	return fmt.Sprintf("%s:shared:%s%s", k.prefix, prefix.Masked(), inSpace(space))
}

// inSpace is how the name of an address space follows what is in it.
func inSpace(space string) string {
	if space == "" {
		return ""
	}
	return "@" + escape(space)
}

// escape writes every octet but ASCII letters, digits and -._@/+= as %XX. The
// result holds no brace (hash tags), no colon and no comma (our separators) and
// is valid UTF-8 whatever s holds; url.PathUnescape reverses it.
func escape(s string) string { return escapeBut(s, "-._@/+=") }

// escapeText is escape for values that only need to survive JSON.
func escapeText(s string) string { return escapeBut(s, " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~") }

func escapeBut(s, plain string) string {
	clean := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c < 0x80 && strings.IndexByte(plain, c) >= 0
	}
	dirty := 0
	for i := range len(s) {
		if !clean(s[i]) {
			dirty++
		}
	}
	if dirty == 0 {
		return s
	}
	const hex = "0123456789ABCDEF"
	out := make([]byte, 0, len(s)+2*dirty)
	for i := range len(s) {
		if c := s[i]; clean(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}
