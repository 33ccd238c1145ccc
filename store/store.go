package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Store is the state in one Redis. It is safe for concurrent use and shares
// nothing with other Stores but that Redis.
type Store struct {
	client redis.UniversalClient // owned: Close closes it
	keys   keys
	cfg    Config
	// unreadable counts sessions and bindings that did not decode.
	unreadable atomic.Uint64
	restarts   unreadableRestarts
	wakes      restartWakes
	renamed    atomic.Uint64 // counts records under another name than their session's
	watch      watch
	replyTimes *replyTimes
	written    *writeCache
	cluster    bool // keys lie on several servers
}

var (
	_ quarantine.SessionReader      = (*Store)(nil)
	_ quarantine.SessionRecorder    = (*Store)(nil)
	_ quarantine.BindingFinder      = (*Store)(nil)
	_ quarantine.PortFinder         = (*Store)(nil)
	_ quarantine.CaseReader         = (*Store)(nil)
	_ quarantine.CaseWriter         = (*Store)(nil)
	_ quarantine.LogInStore         = (*Store)(nil)
	_ quarantine.VerdictStore       = (*Store)(nil)
	_ quarantine.DueSet             = (*Store)(nil)
	_ quarantine.SenderLease        = (*Store)(nil)
	_ quarantine.InstanceRegistry   = (*Store)(nil)
	_ quarantine.InstanceDepartures = (*Store)(nil)
	_ quarantine.Continuity         = (*Store)(nil)
	_ quarantine.MaintenanceBook    = (*Store)(nil)

	_ quarantine.AccountingSourceBook = (*Store)(nil)
)

// How long one attempt at a command may take. Redis answers in well under a
// millisecond; the sender lease lasts 10 s and must survive one attempt that
// fails.
const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 2500 * time.Millisecond
)

// poolSize is how many connections a node gets at most. The engine works some
// hundred cases at the same time; with go-redis' own 10 a core they would wait
// for each other and not for Redis.
const poolSize = 100

// silence takes what go-redis would print to standard error by itself; all of
// it comes back as errors too.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(silence{}) }

// New returns a Store. It does not connect: Redis may come later.
func New(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	answers := newReplyTimes(cfg.Now)
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: cfg.Addrs, MasterName: cfg.MasterName, DB: cfg.DB,
		Username: cfg.Username, Password: string(cfg.Password),
		ClientName:  "cordon",
		PoolSize:    poolSize,
		Protocol:    2, // nothing here needs RESP3, whose replies cost a look for pushes each
		Dialer:      answers.dial,
		OnConnect:   answers.onConnect,
		DialTimeout: dialTimeout, ReadTimeout: ioTimeout, WriteTimeout: ioTimeout,
		DialerRetries:         1,
		MaxRetries:            1, // safe: see the package comment
		ContextTimeoutEnabled: true,
		// Neither is known to Redis 7.0; each would cost an error per connection.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	_, cluster := client.(*redis.ClusterClient)
	return &Store{
		client: client, keys: keys{prefix: cfg.KeyPrefix}, cfg: cfg, written: newWriteCache(), cluster: cluster,
		replyTimes: answers, watch: watch{own: witness{
			instance: cfg.Instance, lastReply: answers.lastOf, sharedAddress: !cluster && cfg.MasterName == "",
		}},
	}, nil
}

// Close ends all connections. Calls under way fail.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close redis client: %w", err)
	}
	return nil
}

// Ping asks whether Redis answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping redis: %w", err)
	}
	return nil
}

// Unreadable counts the session and binding records met since New that could
// not be decoded and were passed over: something else writes under our prefix.
func (s *Store) Unreadable() uint64 { return s.unreadable.Load() }

// Renamed counts the accounting records since New that bore another name than the
// session did that they are about: log-ins under another name within a session, and
// Stops that name somebody else.
func (s *Store) Renamed() uint64 { return s.renamed.Load() }
