package stories

import (
	"fmt"
	"slices"

	"cordon/radiusx/bngsim"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// gear is a platform with the dialect that speaks to it, as a site would have
// set both up.
type gear struct {
	dialect  string
	form     string // for people; "" where the dialect has one form
	platform bngsim.Platform
	options  map[string]string
	signing  coa.MessageAuthenticatorMode

	garden, renamed string // the restriction's name on the BNG, before and after the site renames it; equal where there is one only
	normal          string
	atLogin         bngsim.State // what AAA gives

	redirect, ipset, profile string         // attributes that the site chose
	quirks                   []bngsim.Quirk // that the platform always has
	ppp                      bool           // not IPoE
	steps                    int            // requests of a change; 0 is 1
	why                      string         // no model: the reason
}

func (g *gear) name() string {
	if g.form == "" {
		return g.dialect
	}
	return g.dialect + "/" + g.form
}

func services(names ...string) bngsim.State { return bngsim.State{Services: names} }

// gears is every dialect that comes with the program, in each of its forms.
var gears = []gear{
	{dialect: "filter-id", platform: bngsim.FilterID, garden: "GARDEN", renamed: "POND", normal: "PLAN",
		atLogin: bngsim.State{FilterID: "PLAN"}},
	{dialect: "junos", form: "overlay", platform: bngsim.Junos, garden: "GARDEN", renamed: "POND", normal: dialect.Overlay,
		atLogin: services("PLAN")},
	{dialect: "junos", form: "swap", platform: bngsim.Junos, garden: "GARDEN", renamed: "POND", normal: "PLAN", atLogin: services("PLAN"),
		steps: 2},
	{dialect: "mikrotik", platform: bngsim.MikroTik, garden: "GARDEN", renamed: "POND", normal: "PLAN",
		atLogin: bngsim.State{AddressList: "PLAN"}},
	{
		dialect: "accel-ppp", form: "redirect", platform: bngsim.AccelPPP, garden: "1", renamed: "1", normal: dialect.Overlay,
		redirect: "L4-Redirect", ipset: "L4-Redirect-ipset",
		options: map[string]string{"l4_redirect_number": "243", "ipset": "cordon"}, atLogin: bngsim.State{FilterID: "1000/5000"},
		quirks: []bngsim.Quirk{bngsim.StickySets},
	},
	{dialect: "accel-ppp", form: "shaper", platform: bngsim.AccelPPP, garden: "64/64", renamed: "32/32", normal: "1000/5000",
		atLogin: bngsim.State{FilterID: "1000/5000"}, ppp: true},
	{dialect: "vyos", platform: bngsim.VyOS, garden: "64/64", renamed: "32/32", normal: "1000/5000",
		atLogin: bngsim.State{FilterID: "1000/5000"},
		ppp:     true},
	{dialect: "nokia-sros", form: "overlay", platform: bngsim.NokiaSROS, garden: "66", renamed: "68", normal: dialect.Overlay,
		atLogin: bngsim.State{ServiceProfile: "PLAN"}},
	{dialect: "nokia-sros", form: "swap", platform: bngsim.NokiaSROS, garden: "GARDEN", renamed: "POND", normal: "PLAN",
		atLogin: bngsim.State{ServiceProfile: "PLAN"}},
	{dialect: "cisco-isg", form: "overlay", platform: bngsim.CiscoISG, garden: "GARDEN", renamed: "POND", normal: dialect.Overlay,
		atLogin: services("PLAN")},
	{dialect: "cisco-isg", form: "swap", platform: bngsim.CiscoISG, garden: "GARDEN", renamed: "POND", normal: "PLAN",
		atLogin: services("PLAN"),
		steps:   2},
	{dialect: "cisco-xr", form: "overlay", platform: bngsim.CiscoXR, garden: "GARDEN", renamed: "POND", normal: dialect.Overlay,
		atLogin: services("PLAN")},
	{dialect: "cisco-xr", form: "swap", platform: bngsim.CiscoXR, garden: "GARDEN", renamed: "POND", normal: "PLAN",
		atLogin: services("PLAN")},
	{dialect: "huawei-ne", platform: bngsim.HuaweiNE, garden: "GARDEN", renamed: "POND", normal: "PLAN",
		atLogin: bngsim.State{FilterID: "PLAN"}},
	{dialect: "ericsson-se", form: "overlay", platform: bngsim.EricssonSE, garden: "GARDEN", renamed: "POND", normal: dialect.Overlay,
		atLogin: services("PLAN")},
	{dialect: "ericsson-se", form: "swap", platform: bngsim.EricssonSE, garden: "GARDEN", renamed: "POND", normal: "PLAN",
		atLogin: services("PLAN"), steps: 2},
	{dialect: "rtbrick", platform: bngsim.RtBrick, garden: "GARDEN", renamed: "POND", normal: "PLAN",
		atLogin: bngsim.State{ServiceProfile: "PLAN"}},
	{dialect: "coova-chilli", platform: bngsim.CoovaChilli, garden: "portal", renamed: "portal",
		normal:  "2000/10000 timeout=86400 interim=120",
		atLogin: bngsim.State{RateLimit: "2000000/10000000", SessionTimeout: 86400, Interim: 120}},
	{dialect: "skat", form: "swap", platform: bngsim.Skat, garden: "GARDEN", renamed: "POND", normal: "PLAN",
		atLogin: bngsim.State{RateLimit: "PLAN"}},
	{dialect: "staros", platform: bngsim.StarOS, garden: "GARDEN", renamed: "POND", normal: "PLAN", atLogin: bngsim.State{FilterID: "PLAN"}},
	{
		dialect: "osvbng", platform: bngsim.OSVBNG, garden: "GARDEN", renamed: "POND", normal: "PLAN", atLogin: bngsim.State{FilterID: "PLAN"},
		options: map[string]string{"profile_number": "241"}, profile: "Site-Profile", signing: coa.MessageAuthenticatorOmit,
	},
	{dialect: "skat", form: "overlay", why: "the AAA server decides, and no AAA server is simulated"},
	{dialect: "hostapd", why: "it cannot restrict, only disconnect"},
}

// modelled are the gears that a story can be about.
var modelled = slices.DeleteFunc(slices.Clone(gears), func(g gear) bool { return g.why != "" })

// profiles are the domain's profiles under their names on this platform; generation is how often the
// site has renamed them.
func (g *gear) profiles(renamed bool) map[string]dialect.Profile {
	name := g.garden
	if renamed {
		name = g.renamed
	}
	return map[string]dialect.Profile{garden: {Restricted: name, Normal: g.normal}}
}

// garden is the one profile of the stories.
const garden = "garden"

// missingGears says which forms of the dialects that come with the program no gear
// has, if those were left out.
func missingGears(without ...string) (problems []string) {
	known := dialect.Builtin()
	for _, name := range known.Names() {
		d, _ := known.Get(name)
		forms := []string{"nothing"}
		for form := range d.Forms() {
			forms = append(forms, form)
		}
		if len(forms) > 1 {
			forms = forms[1:]
		}
		for _, form := range forms {
			if !slices.ContainsFunc(gears, func(g gear) bool { return g.dialect == name && g.is(form) && !slices.Contains(without, name) }) {
				problems = append(problems, name+", "+form+": in no story, without a reason")
			}
		}
	}
	return problems
}

// is reports whether the gear stands for that form of its dialect.
func (g *gear) is(form string) bool {
	return g.why != "" && (g.form == "" || g.form == form) || g.why == "" && (g.normal == dialect.Overlay) == (form == dialect.Overlay)
}

// gearNamed returns a gear by its name.
func gearNamed(name string) (gear, error) {
	for _, g := range modelled {
		if g.name() == name {
			return g, nil
		}
	}
	return gear{}, fmt.Errorf("unknown gear %q", name)
}
