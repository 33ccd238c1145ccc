package app

import (
	"net"
	"strings"

	"cordon/radiusx"
)

func checkRedis(d *document, cfg *Config, parts *Parts) {
	parts.RedisPassword = checkServer(d, path{"redis"}, cfg.Redis.Addrs, cfg.Redis.PasswordFile)
	if cfg.Redis.KeyPrefix == "" || strings.ContainsAny(cfg.Redis.KeyPrefix, "{}: ") {
		d.fail(path{"redis", "key_prefix"}, "is a word without braces, colons and spaces")
	}
	checkDatabase(d, path{"redis"}, cfg.Redis.Addrs, cfg.Redis.MasterName, cfg.Redis.DB)
}

// checkDatabase checks redis.db of a Cluster: several addresses without Sentinels.
func checkDatabase(d *document, at path, addrs []string, masterName string, db int) {
	if len(addrs) > 1 && masterName == "" && db != 0 {
		d.fail(at.to("db"), "must be 0: a Cluster has no other database")
	}
}

// checkServer looks at how a Redis is reached and returns its password.
func checkServer(d *document, at path, addrs []string, passwordFile string) string {
	if len(addrs) == 0 {
		d.fail(at.to("addrs"), "is required")
	}
	for i, addr := range addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil && !strings.HasPrefix(addr, "/") {
			d.fail(at.to("addrs", i), "%q is neither host:port nor a socket's path", addr)
		}
	}
	if passwordFile == "" {
		return ""
	}
	secret, err := radiusx.ReadSecret(passwordFile)
	if err != nil {
		d.fail(at.to("password_file"), "%v", err)
	}
	return string(secret.Bytes())
}
