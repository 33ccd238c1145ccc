package authorize

import (
	"bytes"
	"encoding/json"

	"cordon/integration/wire"
)

// Action is a change of an attribute of the Access-Accept.
type Action uint8

// The actions.
const (
	Drop Action = iota // remove every value
	Set                // remove every value, then add this one
	Add                // add this value
)

// Change is one change to the Access-Accept.
type Change struct {
	Action    Action
	Attribute string // with its tag, "ERX-Service-Activate:8"; of a Drop, without
	Name      string // without its tag
	Value     string // as FreeRADIUS reads it; of a Drop, none
}

// member is one name of the answer.
type member struct {
	name string
	wire.LoginAssignment
}

// reply is the answer to rlm_rest. FreeRADIUS processes it in order, which a Go map
// would not keep.
type reply []member

// MarshalJSON writes an object whose members are in the reply's order.
func (r reply) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range r {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.LoginAssignment)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// anyValue is a placeholder where rlm_rest requires a value that it ignores; it is
// valid as text and as a number.
const anyValue = "0"

// newReply encodes changes for rlm_rest. Its := overwrites the first value of an
// attribute and leaves the others, so every value is removed before one is set. A name
// is in a JSON object once: the removal has the attribute's bare name, which means the
// list reply too.
func newReply(changes []Change) reply {
	var r reply
	at := map[string]int{} // where an attribute is set or added, by name with tag
	for _, c := range changes {
		if c.Action != Add && !r.removes(c.Name) {
			r = append(r, member{c.Name, wire.LoginAssignment{Op: "!*", Value: []string{anyValue}}})
		}
		if c.Action == Drop {
			continue
		}
		name := "reply:" + c.Attribute
		if i, ok := at[name]; ok {
			r[i].Value = append(r[i].Value, c.Value)
			continue
		}
		op := "+="
		if c.Action == Set {
			op = ":="
		}
		at[name] = len(r)
		r = append(r, member{name, wire.LoginAssignment{Op: op, Value: []string{c.Value}}})
	}
	return r
}

func (r reply) removes(name string) bool {
	for _, m := range r {
		if m.name == name {
			return true
		}
	}
	return false
}
