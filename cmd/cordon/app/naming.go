package app

import (
	"errors"
	"fmt"
	"slices"

	yaml "go.yaml.in/yaml/v4"

	"cordon/radiusx"
	"cordon/radiusx/bng"
)

// SubscriberKey is how records name their subscriber: attributes' names and
// templates, the first that a record has everything for. One may stand alone.
type SubscriberKey []string

// UnmarshalYAML reads one, or a list of them.
func (k *SubscriberKey) UnmarshalYAML(n *yaml.Node) error {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.ScalarNode:
		*k = SubscriberKey{n.Value}
		return nil
	case yaml.SequenceNode:
		return n.Decode((*[]string)(k))
	}
	return errors.New("must be an attribute, a template, or a list of these")
}

// checkSubscriberKey makes the templates ready.
func checkSubscriberKey(d *document, p path, told SubscriberKey, dictionary *radiusx.Dictionary) (key bng.SubscriberKey) {
	if told != nil && len(told) == 0 {
		d.fail(p, "must not be empty: records would name nobody")
	}
	for i, text := range told {
		template, err := bng.ParseKeyTemplate(text, dictionary)
		if err != nil {
			d.fail(p.to(i), "%v", err)
			continue
		}
		if slices.Contains(told[:i], text) {
			d.fail(p.to(i), "%s is there twice", text)
		}
		for n := range key {
			if key[n].Alike(&template) {
				d.warn(p.to(i), "%s and %s make the same keys of the same values, so one's line may be another's: write text that tells them apart, such as line:%%{…}", key[n], template)
			}
		}
		key = append(key, template)
	}
	return key
}

// checkGroups looks whether the BNGs of a redundancy group can serve each other's
// sessions.
func checkGroups(d *document, cfg *Config, fleet []bng.Config) {
	first := map[string]*bng.Config{}
	configured := map[string]int{}
	for i := range cfg.BNGs {
		configured[cfg.BNGs[i].Name] = i
	}
	for i := range fleet {
		c := &fleet[i]
		if c.Group == "" {
			continue
		}
		p := path{"bngs", configured[c.Name], "group"}
		if first[c.Group] == nil {
			first[c.Group] = c
		} else if err := c.MayJoin(first[c.Group]); err != nil {
			d.fail(p, "%v", err)
		}
	}
}

// warnNames says of names under bngs[].nas that are no evidence of which BNG it is
// what is, and who is not known at all.
func warnNames(d *document, cfg *Config, fleet []bng.Config) {
	called, at := map[string]int{}, map[string]int{}
	for i := range fleet {
		at[fleet[i].Address.String()]++
		for _, n := range fleet[i].NAS {
			called[n.Identifier]++
		}
	}
	relayed := map[string]bool{}
	for _, client := range cfg.Accounting.Clients {
		for _, name := range client.RelayFor {
			relayed[name] = true
		}
	}
	for i := range cfg.BNGs {
		b := &cfg.BNGs[i]
		vague, own := "", len(b.NAS) == 0 && bng.NAS{IP: b.Address}.Evident()
		for n, nas := range b.NAS {
			for _, name := range []bng.NAS{{IP: nas.IP}, {Identifier: nas.Identifier}} {
				switch {
				case name == bng.NAS{}:
				case !name.Evident(), name.Identifier != "" && called[name.Identifier] > 1:
					vague = name.String()
					warnName(d, path{"bngs", i, "nas", n}, b, name, at[b.Address.String()] == 1)
				default:
					own = true
				}
			}
		}
		switch p := (path{"bngs", i}); {
		case !own && relayed[b.Name]:
			d.warn(p, "%s has no name of its own, so a relay's records of it are answered and ignored", b.Name)
		case !own && vague == "" && at[b.Address.String()] > 1:
			d.warn(p, "%s has no name and no address of its own, so nothing tells its records from others'", b.Name)
		}
		if !own && b.Via != "" {
			d.warn(path{"bngs", i, "via"}, "requests through the proxy call %s by its address, as NAS-IP-Address; let the proxy take that away where the BNG knows itself by another", b.Name)
		}
	}
}

func warnName(d *document, p path, b *BNG, name bng.NAS, byAddress bool) {
	why := "is the name of several BNGs"
	if !name.Evident() {
		why = "is every host's"
	}
	instead := fmt.Sprintf("%s is known by its other names, or by sending from %s itself", b.Name, b.Address)
	if !byAddress {
		instead = "only another name tells it apart"
	}
	d.warn(p, "%s %s and no evidence: %s", name, why, instead)
}
