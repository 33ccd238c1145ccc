package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
	"cordon/radiusx/bng"
	"cordon/store"
	"cordon/store/template"
)

// Sources of sessions.
const (
	fromAccounting = "accounting"
	fromTemplate   = "redis-template"
)

// Sessions says where sessions are known from.
type Sessions struct {
	Source string        `yaml:"source"` // accounting | redis-template
	Redis  *SessionRedis `yaml:"redis"`  // default: the one that cases are kept in

	template.Settings `yaml:",inline"`
}

// SessionRedis is another program's Redis.
type SessionRedis struct {
	Addrs        []string `yaml:"addrs"`
	MasterName   string   `yaml:"master_name"`
	DB           int      `yaml:"db"`
	Username     string   `yaml:"username"`
	PasswordFile string   `yaml:"password_file"`
}

// own is the store behind another program's sessions.
type own struct{ *store.Store }

// borrowed is the store with sessions that another program keeps: their methods lie
// less deep than those of own and go first, everything else is our own.
type borrowed struct {
	own
	template.Sessions
}

// openSessions opens another program's sessions, if the configuration says so.
func (a *App) openSessions(fleet *bng.Fleet) error {
	a.sessions = a.store
	if a.cfg.Sessions.Source != fromTemplate {
		return nil
	}
	s, r, password := a.cfg.Sessions, a.cfg.Redis, a.parts.RedisPassword
	server := template.Server{Addrs: r.Addrs, MasterName: r.MasterName, DB: r.DB, Username: r.Username, Password: template.Password(password)}
	if other := s.Redis; other != nil {
		server = template.Server{
			Addrs: other.Addrs, MasterName: other.MasterName, DB: other.DB, Username: other.Username,
			Password: template.Password(a.parts.SessionPassword),
		}
	}
	plan := addressPlan(a.cfg)
	reader, err := template.New(template.Config{
		Server: server, Template: a.parts.Sessions, Lag: s.Lag.Std(), MaxAge: s.MaxAge.Std(), BNG: fleet.NameOf, NAS: fleet.NASOf,
		Space:   plan.SpaceOf,
		Ignored: fleet.Ignores(a.parts.Ignore), Interim: interim(a.cfg),
		Restricted: func(x quarantine.Attribute) bool { return fleet.Restricted(x.Value) },
	})
	if err != nil {
		return err
	}
	a.life.cleanUp("sessions of another program", reader.Close)
	a.template, a.sessions = reader, borrowed{own{a.store}, template.Sessions{Reader: reader, Own: a.store}}
	return nil
}

// poll is how often open cases look for sessions; 0: accounting wakes them.
func (a *App) poll() time.Duration {
	if a.template == nil {
		return 0
	}
	return a.cfg.Sessions.Poll.Std()
}

// probeSessions is why another program's sessions cannot be read.
func (a *App) probeSessions(ctx context.Context) error {
	if a.template == nil {
		return nil
	}
	return a.template.Ping(ctx)
}

// logDoubts writes a line for each reason for which something of another
// program's sessions was distrusted since the last time.
func (a *App) logDoubts(logged map[template.Reason]uint64) {
	if a.template == nil {
		return
	}
	for _, d := range a.template.Doubts() {
		if more := d.Count - logged[d.Reason]; more > 0 {
			a.log.Warn("sessions of another program are distrusted", zap.Stringer("reason", d.Reason), zap.Uint64("times", more),
				zap.String("last_key", d.Key))
		}
		logged[d.Reason] = d.Count
	}
}
