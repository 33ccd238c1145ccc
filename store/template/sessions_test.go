package template

import (
	"errors"
	"net/netip"
	"testing"

	"cordon/quarantine"
)

func TestATranslatorsLogStandsAloneOnlyWhereTheOtherProgramHasNoIndexOfAddresses(t *testing.T) {
	unreachable := errors.New("unreachable")
	block := quarantine.Binding{Via: quarantine.Place{Addr: netip.MustParseAddr("100.64.0.9")}}
	block.Kind = quarantine.NATPortBlock
	for name, c := range map[string]struct {
		own  []quarantine.Binding
		err  error
		want error
		held int
	}{
		"it has no such index":             {[]quarantine.Binding{block}, quarantine.ErrNoAddressIndex, nil, 1},
		"it has none, and there is no log": {nil, quarantine.ErrNoAddressIndex, quarantine.ErrNoAddressIndex, 0},
		"it does not answer":               {[]quarantine.Binding{block}, unreachable, unreachable, 0},
		"accounting of before is left out": {[]quarantine.Binding{{Subscriber: "alice"}}, nil, nil, 0},
		"it answers, and so does the log":  {[]quarantine.Binding{block}, nil, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			held, err := join(c.own, nil, c.err)
			if !errors.Is(err, c.want) || len(held) != c.held {
				t.Errorf("%d bindings, %v; want %d, %v", len(held), err, c.held, c.want)
			}
		})
	}
}
