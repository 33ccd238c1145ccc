package app

import (
	"errors"

	yaml "go.yaml.in/yaml/v4"

	"cordon/radiusx"
	"cordon/radiusx/bng"
)

// SubscriberKey is how records name their subscriber: attributes' names and
// templates, the first that a record has everything for. One may be written without a list.
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

// checkSubscriberKey parses the templates.
func checkSubscriberKey(d *document, p path, written SubscriberKey, dictionary *radiusx.Dictionary) bng.SubscriberKey {
	key, faults, warnings := bng.ParseSubscriberKey(written, dictionary)
	d.add(p, faults)
	d.addWarnings(p, warnings)
	return key
}
