package acct

import (
	"encoding/binary"
	"errors"
	"fmt"

	"cordon/radiusx"
)

// defaultAttributes are the attributes that a change of authorization may have to name
// (RFC 5176 section 3), those that show of what kind a session is and what it was
// given, the one that links the sessions of a line, and the one that names its
// copper or fibre (RFC 4679).
var defaultAttributes = []string{
	"NAS-Port", "NAS-Port-Id", "Framed-Protocol", "Framed-IP-Address", "Framed-Interface-Id",
	"Called-Station-Id", "Calling-Station-Id", "Chargeable-User-Identity", "Class", "Filter-Id",
	"Acct-Multi-Session-Id", "ADSL-Agent-Circuit-Id",
}

// DefaultAttributes returns the names of the attributes that [Record.Attributes] holds
// whatever Config.Attributes has.
func DefaultAttributes() []string { return append([]string(nil), defaultAttributes...) }

// attributeFilter picks the attributes of a packet that go into Record.Attributes. It
// never changes after newAttributeFilter.
type attributeFilter struct {
	dictionary *radiusx.Dictionary
	subscriber string          // the dictionary's spelling of Config.SubscriberKey
	names      map[string]bool // to keep
	naming     map[string]bool // for Record.Naming
	standard   [256]bool       // types to decode; Vendor-Specific is not among them
	vendors    map[uint32]bool // vendors to decode
}

func newAttributeFilter(dictionary *radiusx.Dictionary, subscriberKey string, keep []string, naming ...string) (*attributeFilter, error) {
	k := &attributeFilter{dictionary: dictionary, names: make(map[string]bool), naming: make(map[string]bool),
		vendors: make(map[uint32]bool)}
	var errs []error
	for _, name := range append(DefaultAttributes(), keep...) {
		def, err := k.want(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("keep: %w", err))
		}
		k.names[def.Name] = true
	}
	for _, name := range naming {
		def, err := k.want(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("naming: %w", err))
		}
		k.naming[def.Name] = true
	}
	def, err := k.want(subscriberKey)
	if err != nil {
		errs = append(errs, fmt.Errorf("subscriber key: %w", err))
	}
	k.subscriber = def.Name
	return k, errors.Join(errs...)
}

// want makes the attribute called name one of those that are decoded.
func (k *attributeFilter) want(name string) (radiusx.Definition, error) {
	def, ok := k.dictionary.Lookup(name)
	switch {
	case !ok:
		return def, fmt.Errorf("unknown attribute %q", name)
	case def.Vendor != 0:
		k.vendors[def.Vendor] = true
	default:
		k.standard[def.Number] = true
	}
	return def, nil
}

// fill sets the record's Attributes, Naming and Subscriber.
func (k *attributeFilter) fill(r *Record, packet []byte) {
	var memory [16]radiusx.Attribute
	attributes(packet, func(kind byte, value []byte) {
		if !k.standard[kind] && !(kind == attrVendorSpecific && len(value) >= 4 && k.vendors[binary.BigEndian.Uint32(value)]) {
			return
		}
		for _, a := range k.dictionary.AppendDecoded(memory[:0], kind, value) {
			if k.names[a.Name] {
				if r.Attributes == nil {
					r.Attributes = make([]radiusx.Attribute, 0, 8) // as many as most have
				}
				r.Attributes = append(r.Attributes, a)
			}
			if k.naming[a.Name] {
				r.Naming = append(r.Naming, a)
			}
			switch {
			case a.Name != k.subscriber:
			case r.Subscriber == "":
				r.Subscriber = a.Value
			case r.Subscriber != a.Value && a.Name != "User-Name": // which has a mark of its own
				r.Conflicts |= ConflictingSubscriber
			}
		}
	})
}
