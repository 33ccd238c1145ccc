-- Finds out whether the control state can be written: a server that answers may be full,
-- a replica by now, or short of replicas.
-- KEYS: 1 probe
-- ARGV: 1 time to live, ms
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 1
