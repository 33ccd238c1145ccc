package app

import (
	"cordon/integration/authorize"
	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bng"
	"cordon/radiusx/dialect"
)

// buildAuthorize builds the edge that AAA servers ask at log-in.
func (a *App) buildAuthorize(fleet *bng.Fleet) error {
	network := logIns{bng.NewLogIns(fleet, a.translation())}
	var err error
	a.authorize, err = authorize.New(network, a.store, a.engine, nil)
	return err
}

// logIns introduces the translator to the edge.
type logIns struct{ desk *bng.LogIns }

// LogIn implements the edge's network.
func (n logIns) LogIn(named []quarantine.Attribute) (authorize.LogIn, bool) {
	attributes := make([]radiusx.Attribute, len(named))
	for i, t := range named {
		attributes[i] = radiusx.Attribute{Name: t.Name, Value: t.Value}
	}
	l, ok := n.desk.LogIn(attributes)
	return logIn{l}, ok
}

// logIn is one log-in as the edge has it.
type logIn struct{ *bng.LogIn }

// Subscriber implements authorize.LogIn.
func (l logIn) Subscriber() string { return l.LogIn.Subscriber }

var edgeActions = map[dialect.ReplyAction]authorize.Action{
	dialect.ReplyDrop: authorize.Drop, dialect.ReplySet: authorize.Set, dialect.ReplyAdd: authorize.Add,
}

// Reply implements authorize.LogIn.
func (l logIn) Reply(profile string) ([]authorize.Change, bool) {
	changes, err := l.LogIn.Reply(profile)
	if err != nil {
		return nil, false
	}
	edge := make([]authorize.Change, len(changes))
	for i, c := range changes {
		edge[i] = authorize.Change{
			Action: edgeActions[c.Action], Attribute: c.Attribute.Label(), Name: c.Attribute.Name, Value: c.Attribute.Value,
		}
	}
	return edge, true
}
